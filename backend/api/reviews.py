"""Having a text read, and what was found of texts before."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from artifacts.kinds import Kind, NoText, checked_text
from backend.api.accepting import prefers
from backend.api.examples import answers, shown
from backend.api.paging import Page, Part, PlaceMark, paged, read
from backend.api.reviewing import events_of
from backend.api.streams import sent
from backend.dependencies import Has, Measured, Who
from backend.errors import (
    ArtifactTooLarge,
    BudgetSpent,
    FeedbackNotFound,
    InvalidInput,
    KeyUsed,
    MessageNotFound,
    ReviewNotFound,
    StorageGone,
)
from backend.runs.reading import ReadingAsked, read_by
from graphs.quality.findings import Delivery
from graphs.quality.rubric import UnknownRubric
from graphs.quality.subject import Subject
from graphs.review import Stage
from llm.context import CallContext
from observability.tracing import Who as Traced
from observability.tracing import accepted
from storage.place import Place
from storage.reviews import FeedbackRecord, ReviewDraft, ReviewRecord, Wanted
from storage.tables import KEY_LENGTH

router = APIRouter(prefix="/api/v1", tags=["quality"])

# Bytes; what is longer is no text that anybody reads.
_LARGEST = 1_000_000
_LONGEST_REQUEST = 100_000
# Beside the verdict of a request that had an idempotency key.
_REQUEST_DIGEST = "requestDigest"

Key = Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)]
Outcome = Literal["passed", "failed", "not_judged"]


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class _Asked(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class ReviewAsked(_Asked):
    text: str
    kind: Kind | Literal["answer"] = "answer"
    language: Annotated[str, Field(min_length=1, max_length=40)] | None = Field(None, description="Of code.")
    asked: str = Field("", max_length=_LONGEST_REQUEST, description="What the text was to be.")
    given: str = Field(
        "", max_length=_LONGEST_REQUEST, description="What it was made from: quotes are looked up there."
    )
    system: str = Field("", max_length=_LONGEST_REQUEST, description="The prompt it was written under.")
    rubric: Key | None = None
    samples: int | None = Field(None, ge=1, le=9, description="How often it is judged.")
    judge: bool = Field(True, description="Whether a model reads it too, or only the checks.")


class FindingEntry(_Camel):
    by: str = Field(description="A check's name, or a dimension's.")
    severity: Literal["error", "warning"]
    effect: Literal["block", "report"] = Field("report", description="What blocks is kept from readers by `enforce`.")
    message: str
    quote: str | None = None
    line: int | None = None


class UsageEntry(_Camel):
    input_tokens: int
    output_tokens: int
    cost_usd: str | None = None


class VerdictEntry(_Camel):
    outcome: Outcome
    score: float | None = Field(description="From 1 to 5, by the rubric's weights; null where nothing was judged.")
    spread: float | None = Field(description="Standard deviation of the samples' scores.")
    levels: dict[str, float] = Field(description="Each dimension's mean.")
    samples: int
    judge: str | None
    not_judged: str | None = Field(description="Why no score is there.")
    delivery: Delivery = Field("unchanged", description="How much of the text its reader got.")
    not_checked: list[str] = Field([], description="The checks that took too long, and have told nothing.")
    rubric: str
    rubric_version: str
    findings: list[FindingEntry]
    usage: UsageEntry | None = None


class ReviewEntry(_Camel):
    review_id: str
    outcome: Outcome
    score: float | None = None
    judge: str | None = None
    rubric: str
    rubric_version: str
    attempt: int
    delivered: bool = Field(False, description="Whether this is the attempt that was heard, of those of one message.")
    agent_id: str | None = None
    run_id: str | None = Field(
        None,
        description="The run that wrote the text. Of a text that a service had read it is a name like `review-…`, by "
        "which `GET /api/v1/traces?runId=` finds its trace, and it is no run.",
    )
    message_id: str | None = None
    artifact_id: str | None = None
    version: int | None = None
    created_at: datetime
    verdict: VerdictEntry


class ReviewsAsked(Part):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    outcome: Outcome | None = None
    rubric: Key | None = None
    agent_id: Key | None = None
    run_id: Key | None = None
    message_id: Key | None = None
    artifact_id: Key | None = None


class FeedbackAsked(_Asked):
    """A thumb or a score; a comment may go along."""

    thumb: Literal["up", "down"] | None = None
    score: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    comment: str | None = Field(None, max_length=4000)
    run_id: Key | None = None


class FeedbackEntry(_Camel):
    message_id: str
    thumb: Literal["up", "down"] | None = None
    score: float | None = None
    comment: str | None = None
    run_id: str | None = None
    created_at: datetime
    updated_at: datetime


class ReviewMark(PlaceMark):
    pass


_VERDICT: Mapping[str, Any] = {
    "outcome": "failed",
    "score": 2.5,
    "spread": 0.0,
    "levels": {"correct": 1.0, "answers the question": 4.0},
    "samples": 3,
    "judge": "openai:gpt-5-mini",
    "notJudged": None,
    "notChecked": [],
    "delivery": "unchanged",
    "rubric": "answer",
    "rubricVersion": "22c763137964",
    "findings": [
        {
            "by": "correct",
            "severity": "warning",
            "effect": "report",
            "message": "The capital is Paris.",
            "quote": "Lyon is the capital",
        }
    ],
    "usage": {"inputTokens": 1491, "outputTokens": 123, "costUsd": "0.0012"},
}
_ENTRY: Mapping[str, Any] = {
    "reviewId": "0b8f1f0a5d274e0f9a3c6f6e80025a1f",
    "outcome": "failed",
    "score": 2.5,
    "judge": "openai:gpt-5-mini",
    "rubric": "answer",
    "rubricVersion": "22c763137964",
    "attempt": 1,
    "delivered": True,
    "agentId": "chat",
    "runId": "run-1",
    "messageId": "msg-1",
    "createdAt": "2026-11-20T12:00:00Z",
    "verdict": _VERDICT,
}
_EVENTS = """data: {"type":"RUN_STARTED","threadId":"review-1","runId":"review-1","protocolVersion":"1.0"}

data: {"type":"ACTIVITY_SNAPSHOT","messageId":"review-1-review","activityType":"review","content":{"stage":"checking","attempt":1},"replace":true}

data: {"type":"RUN_FINISHED","threadId":"review-1","runId":"review-1","outcome":{"type":"success"},"result":{"outcome":"passed"}}

"""  # noqa: E501  # lines of the stream, as they are
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/json": {"example": _ENTRY},
            "text/event-stream": {"schema": {"type": "string"}, "example": _EVENTS},
        }
    }
}
_FEEDBACK: Mapping[str, Any] = {
    "messageId": "msg-1",
    "thumb": "up",
    "comment": "Just what I needed.",
    "runId": "run-1",
    "createdAt": "2026-11-20T12:00:00Z",
    "updatedAt": "2026-11-20T12:00:00Z",
}


@router.post(
    "/reviews",
    summary="Have a text read",
    description="By checks, and by a judge where one is there. The review is kept. With `Accept: text/event-stream` it "
    "is told as AG-UI events how far it is (ACTIVITY_SNAPSHOT `review`); `result` of RUN_FINISHED is the review. A "
    "repeated call with the same `Idempotency-Key` is answered with the same review.",
    response_model=ReviewEntry,
    responses={**_ANSWER, **answers(InvalidInput, KeyUsed, ArtifactTooLarge, BudgetSpent, StorageGone)},
)
async def create_review(  # noqa: PLR0917  # FastAPI hands them over by name
    asked: ReviewAsked,
    request: Request,
    who: Who,
    has: Has,
    measured: Measured,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=KEY_LENGTH)] = None,
) -> ReviewEntry | Response:
    subject = _subject(asked)
    await has.models.check_budget(CallContext(who.tenant, who.user))
    try:
        rubric = has.gates.rubrics.meant(asked.rubric, subject.kind)
    except UnknownRubric as error:
        raise InvalidInput.naming(("rubric", f"there are: {', '.join(error.known)}")) from None
    name = f"review-{uuid4().hex}"
    above = accepted(has.tracing, Traced(who.tenant, who.user, run=name), "ask review", subject.text)
    wanted = ReadingAsked(name, subject, rubric, asked.samples, asked.judge, above)

    request_digest = sha256(asked.model_dump_json().encode()).hexdigest()
    known = None if idempotency_key is None else await has.reviews.find(who, idempotency_key)
    _check_same(known, request_digest)

    async def reviewed(say: Callable[[Stage], None]) -> ReviewEntry:
        if known is not None:
            return _entry(known)
        draft = await read_by(has.gates, has.tracing, who, wanted, say)
        if idempotency_key is None:
            return _entry(await has.reviews.add(who, draft))
        draft = replace(draft, told={**draft.told, _REQUEST_DIGEST: request_digest})
        kept = await has.reviews.add_once(who, idempotency_key, draft)
        _check_same(kept, request_digest)
        return _entry(kept)

    if prefers(", ".join(request.headers.getlist("Accept")), "text/event-stream", "application/json"):
        events = events_of(name, reviewed, has.live.exit, has.settings.server.shutdown_grace)
        return sent(has, measured, events)
    return await reviewed(lambda stage: None)


def _check_same(known: ReviewRecord | None, request_digest: str) -> None:
    """Raises `KeyUsed` where the key was another request's."""
    if known is not None and known.draft.told.get(_REQUEST_DIGEST) != request_digest:
        raise KeyUsed("Give this request a key of its own.")


@router.get(
    "/reviews",
    summary="What was found, newest first",
    responses={**shown({"items": [_ENTRY]}), **answers(InvalidInput, StorageGone)},
)
async def list_reviews(who: Who, has: Has, asked: Annotated[ReviewsAsked, Query()]) -> Page[ReviewEntry]:
    mark = read(asked.cursor, ReviewMark) if asked.cursor is not None else None
    wanted = Wanted(
        limit=asked.limit + 1,
        after=Place(mark.moment, mark.id) if mark else None,
        outcome=asked.outcome,
        rubric=asked.rubric,
        agent=asked.agent_id,
        run=asked.run_id,
        message=asked.message_id,
        artifact=asked.artifact_id,
    )
    found = await has.reviews.listed(who, wanted)
    return paged(
        found, asked.limit, shown=_entry, mark=lambda record: ReviewMark(moment=record.created_at, id=record.id)
    )


@router.get(
    "/reviews/{review_id}",
    summary="One review",
    responses={**shown(_ENTRY), **answers(ReviewNotFound, StorageGone)},
)
async def get_review(review_id: str, who: Who, has: Has) -> ReviewEntry:
    return _entry(await has.reviews.get(who, review_id))


@router.put(
    "/messages/{message_id:path}/feedback",
    summary="Say what you think of a message",
    description="One for each user and message; said again, it takes the place of what was said before. Without a "
    "`runId` it is of the run that answered with the message, which must have ended.",
    response_model_exclude_none=True,
    responses={**shown(_FEEDBACK), **answers(InvalidInput, MessageNotFound, StorageGone)},
)
async def put_feedback(message_id: str, asked: FeedbackAsked, who: Who, has: Has) -> FeedbackEntry:
    if not 0 < len(message_id) <= KEY_LENGTH or not message_id.isprintable():
        raise InvalidInput.naming(("messageId", f"an id has 1 to {KEY_LENGTH} characters, none a control character"))
    if (asked.thumb is None) == (asked.score is None):
        raise InvalidInput.naming(("thumb", "say a thumb or a score, and one of the two"))
    answered = await has.runs.find_by_message(who, message_id, asked.run_id)
    said = await has.reviews.say(
        who,
        message_id,
        thumb=None if asked.thumb is None else 1 if asked.thumb == "up" else -1,
        score=asked.score,
        comment=asked.comment,
        run=answered.key,
    )
    return _said(said)


@router.get(
    "/messages/{message_id:path}/feedback",
    summary="What you said of a message",
    response_model_exclude_none=True,
    responses={**shown(_FEEDBACK), **answers(FeedbackNotFound, StorageGone)},
)
async def get_feedback(message_id: str, who: Who, has: Has) -> FeedbackEntry:
    return _said(await has.reviews.said(who, message_id))


@router.delete(
    "/messages/{message_id:path}/feedback",
    summary="Take back what you said of a message",
    status_code=204,
    responses=answers(FeedbackNotFound, StorageGone),
)
async def delete_feedback(message_id: str, who: Who, has: Has) -> None:
    await has.reviews.unsay(who, message_id)


def _subject(asked: ReviewAsked) -> Subject:
    if not asked.text.strip():
        raise InvalidInput.naming(("text", "there is nothing to read"))
    try:
        size = len(checked_text(asked.text).encode())
    except NoText as error:
        raise InvalidInput.naming(("text", str(error))) from None
    if size > _LARGEST:
        raise ArtifactTooLarge(f"The text has {size} bytes; {_LARGEST} are read.", limit=_LARGEST)
    return Subject(asked.text, asked.asked, asked.given, asked.system, asked.kind, asked.language)


def _entry(record: ReviewRecord) -> ReviewEntry:
    draft: ReviewDraft = record.draft
    return ReviewEntry(
        review_id=record.id,
        outcome=draft.outcome,
        score=draft.score,
        judge=draft.judge,
        rubric=draft.rubric,
        rubric_version=draft.rubric_version,
        attempt=draft.attempt,
        delivered=bool(draft.told.get("delivered")),
        agent_id=draft.agent,
        run_id=draft.run,
        message_id=draft.message,
        artifact_id=draft.artifact,
        version=draft.version,
        created_at=record.created_at,
        verdict=VerdictEntry.model_validate(draft.told),
    )


def _said(record: FeedbackRecord) -> FeedbackEntry:
    thumbs: dict[int | None, Literal["up", "down"] | None] = {1: "up", -1: "down"}
    return FeedbackEntry(
        message_id=record.message,
        thumb=thumbs.get(record.thumb),
        score=record.score,
        comment=record.comment,
        run_id=record.run,
        created_at=record.created_at,
        updated_at=record.updated_at,
    )
