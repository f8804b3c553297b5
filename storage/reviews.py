"""What machines and people have said of what was written."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Row,
    Table,
    and_,
    delete,
    exists,
    insert,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.caller import Caller
from storage.cursor import Cursor
from storage.database import Database
from storage.tables import HEADS, SCORED, Moment, feedback, reviews, score_deletions, spans, threads

Outcome = Literal["passed", "failed", "not_judged"]


class UnknownReview(LookupError):
    """This caller has no such review."""


class UnknownFeedback(LookupError):
    """This caller has said nothing of that message."""


@dataclass(frozen=True, slots=True)
class NewReview:
    """A review to be kept. `thread` is internal; `run` and `message` are the client's ids; `told` is JSON."""

    outcome: Outcome
    rubric: str
    rubric_version: str
    verdict: Mapping[str, Any]
    score: float | None = None
    judge: str | None = None
    attempt: int = 1
    thread_id: str | None = None
    run_id: str | None = None
    message_id: str | None = None
    agent_id: str | None = None
    artifact_id: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    id: str
    draft: NewReview
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FeedbackRecord:
    """What a person thinks of a message: a thumb (-1 or 1) or a score from 0 to 1, and a comment."""

    message_id: str
    thumb: int | None
    score: float | None
    comment: str | None
    run_id: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ReviewFilter:
    limit: int
    after: Cursor | None = None
    outcome: Outcome | None = None
    rubric: str | None = None
    agent_id: str | None = None
    run_id: str | None = None
    message_id: str | None = None
    artifact_id: str | None = None


@dataclass(frozen=True, slots=True)
class PendingScore:
    """A score that Langfuse has not been told yet; without a `value` it was deleted. `thread` is the client's id."""

    id: str
    table: Literal["reviews", "feedback", "score_deletions"]
    # The whole key of its row.
    key: tuple[str, ...]
    name: str
    value: float | None
    at: datetime
    trace: str | None
    thread: str | None
    comment: str | None
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Reviews:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, caller: Caller, draft: NewReview) -> ReviewRecord:
        """A review of an artifact that was deleted meanwhile is kept without it, one of a deleted thread not at all."""
        record = ReviewRecord(uuid4().hex, draft, datetime.now(UTC))
        for artifact in (draft.artifact_id, None):
            with suppress(IntegrityError):
                await self._insert(caller, record, draft.thread_id, artifact)
                break
        return record

    async def add_once(self, caller: Caller, key: str, draft: NewReview) -> ReviewRecord:
        """The review of a request that has an idempotency key; the first one that was kept, where there are several."""
        record = ReviewRecord(_id_of(caller, key), draft, datetime.now(UTC))
        try:
            await self._insert(caller, record, draft.thread_id, draft.artifact_id)
        except IntegrityError:
            return await self.get(caller, record.id)
        return record

    async def find(self, caller: Caller, key: str) -> ReviewRecord | None:
        """What a request with this idempotency key was answered."""
        with suppress(UnknownReview):
            return await self.get(caller, _id_of(caller, key))
        return None

    async def _insert(self, caller: Caller, record: ReviewRecord, thread: str | None, artifact: str | None) -> None:
        draft = record.draft
        async with self._database.write() as connection:
            await connection.execute(
                insert(reviews).values(
                    id=record.id,
                    tenant_id=caller.tenant,
                    user_id=caller.user,
                    thread_id=thread,
                    client_run_id=draft.run_id,
                    message_id=draft.message_id,
                    agent_id=draft.agent_id,
                    artifact_id=artifact,
                    version=draft.version if artifact else None,
                    outcome=draft.outcome,
                    score=draft.score,
                    judge=draft.judge,
                    rubric=draft.rubric,
                    rubric_version=draft.rubric_version,
                    attempt=draft.attempt,
                    verdict=dict(draft.verdict),
                    created_at=record.created_at,
                )
            )

    async def attach_to_message(self, caller: Caller, run: str, message: str, artifact: str, version: int) -> None:
        """Says of all reviews of a message which artifact they are of. One that was deleted meanwhile is none."""
        mine = and_(_of(caller, reviews), reviews.c.client_run_id == run, reviews.c.message_id == message)
        with suppress(IntegrityError):
            async with self._database.write() as connection:
                await connection.execute(update(reviews).where(mine).values(artifact_id=artifact, version=version))

    async def mark_delivered(self, caller: Caller, review: str, delivery: str) -> None:
        """Marks a review as that of the text that its reader got, and how much of it they got."""
        mine = and_(_of(caller, reviews), reviews.c.id == review)
        async with self._database.write() as connection:
            verdict = await connection.scalar(select(reviews.c.verdict).where(mine))
            if verdict is not None:
                verdict = {**verdict, "delivered": True, "delivery": delivery}
                # The score that may have been told already as a draft's is told anew, under the name that is its.
                await connection.execute(update(reviews).where(mine).values(verdict=verdict, exported_at=None))

    async def get(self, caller: Caller, review: str) -> ReviewRecord:
        """Raises `UnknownReview`."""
        async with self._database.read() as connection:
            row = (
                await connection.execute(select(reviews).where(_of(caller, reviews), reviews.c.id == review))
            ).one_or_none()
        if row is None:
            raise UnknownReview(f"Unknown review {review!r}")
        return _review(row)

    async def list_reviews(self, caller: Caller, query: ReviewFilter) -> Sequence[ReviewRecord]:
        """Newest first."""
        asked = select(reviews).where(_of(caller, reviews), *_filters(query))
        if query.after is not None:
            last = tuple_(literal(query.after.time, Moment), literal(query.after.id))
            asked = asked.where(tuple_(reviews.c.created_at, reviews.c.id) < last)
        asked = asked.order_by(reviews.c.created_at.desc(), reviews.c.id.desc()).limit(query.limit)
        async with self._database.read() as connection:
            return [_review(row) for row in (await connection.execute(asked)).all()]

    async def pending_scores(self, limit: int, *, before: datetime) -> Sequence[PendingScore]:
        """Everybody's scores of before a moment that are to be told, oldest first, with where they belong."""
        async with self._database.read() as connection:
            found = (await connection.execute(_REVIEWS.where(reviews.c.created_at < before).limit(limit))).all()
            said = (await connection.execute(_FEEDBACK.where(feedback.c.updated_at < before).limit(limit))).all()
            gone = (
                await connection.execute(_DELETIONS.where(score_deletions.c.deleted_at < before).limit(limit))
            ).all()
        return [*(score for row in found for score in _scores(row)), *map(_reasons, said), *map(_deletion, gone)]

    async def count_overdue(self, before: datetime) -> Sequence[PendingScore]:
        return await self.pending_scores(_BATCH_SIZE, before=before)

    async def mark_exported(self, told: Sequence[PendingScore]) -> None:
        """Notes scores that were sent, or deleted there. What was deleted here meanwhile is yet to be deleted there."""
        async with self._database.write() as connection:
            for each in told:
                table, row, settled = _settled(each)
                if each.value is None:
                    await connection.execute(delete(table).where(settled))
                    continue
                marked = update(table).where(settled).values(exported_at=datetime.now(UTC))
                if (await connection.execute(marked)).rowcount:
                    continue
                if not await connection.scalar(select(exists().where(row))):
                    tenant, user, _ = each.key
                    await _record_deletions(connection, Caller(tenant, user), [each.id])

    async def set_feedback(
        self,
        caller: Caller,
        message: str,
        *,
        thumb: int | None,
        score: float | None,
        comment: str | None,
        run: str | None = None,
    ) -> FeedbackRecord:
        """One for each user and message: what was said before is changed."""
        now = datetime.now(UTC)
        said = {
            "thumb": thumb,
            "score": score,
            "comment": comment,
            "client_run_id": run,
            "updated_at": now,
            "exported_at": None,
        }
        mine = and_(_of(caller, feedback), feedback.c.message_id == message)
        for _ in range(2):
            try:
                async with self._database.write() as connection:
                    changed = await connection.execute(update(feedback).where(mine).values(**said).returning(feedback))
                    row = changed.one_or_none()
                    # What was deleted before is told again.
                    again = score_deletions.c.id == _feedback_score(caller.tenant, caller.user, message)
                    await connection.execute(delete(score_deletions).where(again))
                    if row is None:
                        made = await connection.execute(
                            insert(feedback)
                            .values(
                                tenant_id=caller.tenant, user_id=caller.user, message_id=message, created_at=now, **said
                            )
                            .returning(feedback)
                        )
                        row = made.one()
                    return _feedback(row)
            except IntegrityError:
                # The same was said twice at once: now it is there.
                continue
        raise AssertionError("a row that is there is changed")

    async def get_feedback(self, caller: Caller, message: str) -> FeedbackRecord:
        """Raises `UnknownFeedback`."""
        mine = and_(_of(caller, feedback), feedback.c.message_id == message, _THERE)
        async with self._database.read() as connection:
            row = (await connection.execute(select(feedback).where(mine))).one_or_none()
        if row is None:
            raise UnknownFeedback(f"There is no feedback of yours on the message {message!r}")
        return _feedback(row)

    async def sweep(self, before: datetime) -> None:
        """Deletes reviews that were made, and feedback that was last changed, before a moment."""
        for table, moment in (
            (reviews, reviews.c.created_at),
            (feedback, feedback.c.updated_at),
            (score_deletions, score_deletions.c.deleted_at),
        ):
            key = tuple(table.primary_key.columns)
            old = select(*key).where(moment < before).limit(_BATCH_SIZE)
            gone = _BATCH_SIZE
            # A few at a time: a statement has only so long, and nobody else writes meanwhile.
            while gone == _BATCH_SIZE:
                async with self._database.write() as connection:
                    gone = (await connection.execute(delete(table).where(tuple_(*key).in_(old)))).rowcount

    async def delete_feedback(self, caller: Caller, message: str) -> None:
        """Raises `UnknownFeedback`."""
        mine = and_(_of(caller, feedback), feedback.c.message_id == message, _THERE)
        nothing = {"thumb": None, "score": None, "comment": None, "exported_at": None, "updated_at": datetime.now(UTC)}
        async with self._database.write() as connection:
            # What Langfuse may have been told of, now or before it was changed, stays as an empty row until it has
            # deleted it too.
            untold = and_(feedback.c.exported_at.is_(None), feedback.c.updated_at == feedback.c.created_at)
            gone = await connection.execute(delete(feedback).where(mine, untold))
            emptied = await connection.execute(update(feedback).where(mine).values(**nothing))
        if not gone.rowcount and not emptied.rowcount:
            raise UnknownFeedback(f"There is no feedback of yours on the message {message!r}")


_BATCH_SIZE = 500

# Not a row that was emptied.
_THERE = or_(feedback.c.thumb.is_not(None), feedback.c.score.is_not(None))


def _trace_of(table: Any) -> Any:
    """The trace of the run that a row names."""
    same = and_(
        spans.c.tenant_id == table.c.tenant_id,
        spans.c.user_id == table.c.user_id,
        spans.c.client_run_id == table.c.client_run_id,
    )
    heads = select(spans.c.trace_id).where(same, literal_column(HEADS)).order_by(spans.c.started_ns).limit(1)
    return heads.scalar_subquery().label("trace")


_REVIEWS = (
    select(reviews, threads.c.client_thread_id.label("thread"), _trace_of(reviews))
    .outerjoin(threads, threads.c.id == reviews.c.thread_id)
    .where(reviews.c.exported_at.is_(None), literal_column(SCORED))
    .order_by(reviews.c.created_at)
)
_FEEDBACK = (
    select(feedback, _trace_of(feedback)).where(feedback.c.exported_at.is_(None)).order_by(feedback.c.updated_at)
)
_DELETIONS = select(score_deletions).order_by(score_deletions.c.deleted_at)


async def record_review_deletions(connection: AsyncConnection, caller: Caller, of_them: ColumnElement[bool]) -> None:
    """Has the scores of reviews that are about to be deleted deleted where they were sent."""
    asked = select(reviews).where(_of(caller, reviews), of_them, literal_column(SCORED))
    # One that was delivered may have been sent as a draft's before.
    sent = [row for row in (await connection.execute(asked)).all() if row.exported_at or row.verdict.get("delivered")]
    await _record_deletions(connection, caller, [score for row in sent for score in _score_ids(row)])


async def record_feedback_deletions(connection: AsyncConnection, caller: Caller, of_it: ColumnElement[bool]) -> None:
    """The same of feedback."""
    sent = or_(feedback.c.exported_at.is_not(None), feedback.c.updated_at != feedback.c.created_at)
    messages = (await connection.scalars(select(feedback.c.message_id).where(_of(caller, feedback), of_it, sent))).all()
    await _record_deletions(
        connection, caller, [_feedback_score(caller.tenant, caller.user, each) for each in messages]
    )


async def _record_deletions(connection: AsyncConnection, caller: Caller, scores: Sequence[str]) -> None:
    now = datetime.now(UTC)
    for at in range(0, len(scores), _BATCH_SIZE):
        some = set(scores[at : at + _BATCH_SIZE])
        await connection.execute(delete(score_deletions).where(score_deletions.c.id.in_(some)))
        rows = [{"id": each, "tenant_id": caller.tenant, "user_id": caller.user, "deleted_at": now} for each in some]
        await connection.execute(insert(score_deletions), rows)


def _settled(waiting: PendingScore) -> tuple[Table, ColumnElement[bool], ColumnElement[bool]]:
    """The table of a score's row, that row, and the row as it was read: what was said anew is told anew."""
    match waiting.table:
        case "reviews":
            row = reviews.c.id == waiting.key[-1]
            return reviews, row, row
        case "feedback":
            tenant, user, message = waiting.key
            row = and_(_of(Caller(tenant, user), feedback), feedback.c.message_id == message)
            return feedback, row, and_(row, feedback.c.updated_at == waiting.at)
        case "score_deletions":
            row = score_deletions.c.id == waiting.id
            return score_deletions, row, row


def _scores(row: Row[Any]) -> list[PendingScore]:
    """The score of a review, one for each dimension, and one for each check that failed. Of several attempts at one
    answer only the one that was delivered has the plain name; where no message is read, there are no attempts.
    """
    is_draft = row.message_id is not None and not row.verdict.get("delivered")
    failed = _failed_checks(row)
    whole = PendingScore(
        id=row.id,
        table="reviews",
        key=(row.tenant_id, row.user_id, row.id),
        name=f"review {row.rubric} draft" if is_draft else f"review {row.rubric}",
        value=row.score,
        at=row.created_at,
        trace=row.trace,
        thread=row.thread,
        comment=row.outcome,
        metadata={
            "attempt": row.attempt,
            "judge": row.judge,
            "rubric": row.rubric,
            "rubricVersion": row.rubric_version,
            "failedChecks": failed,
        },
    )
    dimensions = [
        _part(whole, name, f"{whole.name}: {name}", level, {"dimension": name})
        for name, level in row.verdict.get("dimensionScores", {}).items()
    ]
    checks = [_part(whole, f"check {name}", f"{whole.name}: check {name}", 0.0, {"check": name}) for name in failed]
    return [*([] if row.score is None else [whole]), *dimensions, *checks]


def _part(whole: PendingScore, part: str, name: str, value: float, metadata: Mapping[str, str]) -> PendingScore:
    return replace(
        whole,
        id=_part_id(whole.id, part),
        name=name,
        value=value,
        comment=None,
        metadata={**whole.metadata, **metadata},
    )


def _score_ids(row: Row[Any]) -> list[str]:
    """The ids that the scores of a review have where they are sent."""
    parts = [*row.verdict.get("dimensionScores", {}), *(f"check {name}" for name in _failed_checks(row))]
    return [row.id, *(_part_id(row.id, part) for part in parts)]


def _part_id(review: str, part: str) -> str:
    return sha256(f"{review}\0{part}".encode()).hexdigest()[:32]


def _failed_checks(row: Row[Any]) -> list[str]:
    return sorted({found["source"] for found in row.verdict.get("findings", ()) if found["severity"] == "error"})


def _deletion(row: Row[Any]) -> PendingScore:
    return PendingScore(row.id, "score_deletions", (row.id,), "", None, row.deleted_at, None, None, None)


def _feedback_score(*key: str) -> str:
    return sha256("\0".join(("feedback", *key)).encode()).hexdigest()[:32]


def _reasons(row: Row[Any]) -> PendingScore:
    key = (row.tenant_id, row.user_id, row.message_id)
    return PendingScore(
        id=_feedback_score(*key),
        table="feedback",
        key=key,
        name="feedback",
        value=_value(row),
        at=row.updated_at,
        trace=row.trace,
        thread=None,
        comment=row.comment,
    )


def _value(row: Row[Any]) -> float | None:
    if row.score is None and row.thumb is None:
        return None
    return float(row.score if row.score is not None else (row.thumb + 1) / 2)


def _of(caller: Caller, table: Any) -> ColumnElement[bool]:
    return and_(table.c.tenant_id == caller.tenant, table.c.user_id == caller.user)


def _filters(query: ReviewFilter) -> list[ColumnElement[bool]]:
    asked = {
        reviews.c.outcome: query.outcome,
        reviews.c.rubric: query.rubric,
        reviews.c.agent_id: query.agent_id,
        reviews.c.client_run_id: query.run_id,
        reviews.c.message_id: query.message_id,
        reviews.c.artifact_id: query.artifact_id,
    }
    return [column == value for column, value in asked.items() if value is not None]


def _review(row: Row[Any]) -> ReviewRecord:
    draft = NewReview(
        outcome=row.outcome,
        rubric=row.rubric,
        rubric_version=row.rubric_version,
        verdict=row.verdict,
        score=row.score,
        judge=row.judge,
        attempt=row.attempt,
        thread_id=row.thread_id,
        run_id=row.client_run_id,
        message_id=row.message_id,
        agent_id=row.agent_id,
        artifact_id=row.artifact_id,
        version=row.version,
    )
    return ReviewRecord(row.id, draft, row.created_at)


def _feedback(row: Row[Any]) -> FeedbackRecord:
    return FeedbackRecord(
        row.message_id, row.thumb, row.score, row.comment, row.client_run_id, row.created_at, row.updated_at
    )


def _id_of(caller: Caller, key: str) -> str:
    """The id of the one review that is made by an idempotency key: unique like the key, among one user's only."""
    return sha256(f"{caller.tenant}\0{caller.user}\0{key}".encode()).hexdigest()[:32]
