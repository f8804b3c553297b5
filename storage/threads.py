import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import time_ns
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, Select, and_, delete, func, insert, literal, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.caller import Caller
from storage.checkpoints import Checkpoints
from storage.clock import DatabaseTime
from storage.cursor import Cursor
from storage.database import Database
from storage.reviews import record_feedback_deletions, record_review_deletions
from storage.runs import ThreadBusy
from storage.spans import delete_thread_spans
from storage.tables import Moment, feedback, orphaned_threads, reviews, runs, threads

TitleSource = Literal["user", "model"]
Order = Literal["updated", "created"]

# Names in a thread's metadata.
MAX_METADATA_PAIRS = 32

_ACTIVE = ("queued", "running")
# Long enough for every copy that is being made.
_ORPHAN_AGE = timedelta(hours=1)
_ORPHAN_BATCH = 100


class UnknownThread(LookupError):
    """This caller has no such thread; whether another has one is not said."""


class ThreadExists(Exception):
    """This caller has a thread of this id."""


class TooMuchMetadata(ValueError):
    """A thread's metadata would hold more than `MOST_PAIRS`."""


class UnknownCheckpoint(LookupError):
    """The thread has no such checkpoint, or has it no longer."""


@dataclass(frozen=True, slots=True)
class ThreadRecord:
    """A thread. `id` is internal, `key` the client's; `agent` is the one that ran on it last."""

    id: str
    key: str
    title: str | None
    title_source: TitleSource | None
    metadata: Mapping[str, str]
    agent: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ThreadFilter:
    """Which threads, and how many from where. `words` are all to be in the title, `metadata` is all to be so."""

    limit: int
    after: Cursor | None = None
    order: Order = "updated"
    words: Sequence[str] = ()
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ThreadChange:
    """What is to be another. A title that is taken away may be made again; metadata of `None` is taken away."""

    retitled: bool = False
    title: str | None = None
    metadata: Mapping[str, str | None] | None = None


class Threads:
    """The rows of threads, and with them everything else that is kept of one."""

    def __init__(self, database: Database, checkpoints: Checkpoints, *, lease: float) -> None:
        self._database = database
        self._checkpoints = checkpoints
        self._lease = lease

    async def create(
        self, caller: Caller, *, key: str, title: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> ThreadRecord:
        """Raises `ThreadExists`."""
        record = _new_record(key, title=title, title_source="user" if title else None, metadata=metadata or {})
        try:
            async with self._database.write() as connection:
                await _insert(connection, caller, record)
        except IntegrityError as error:
            raise ThreadExists from error
        return record

    async def get(self, caller: Caller, key: str) -> ThreadRecord:
        """Raises `UnknownThread`."""
        async with self._database.read() as connection:
            return await _found(connection, caller, key)

    async def keys(self, caller: Caller, ids: Sequence[str]) -> Mapping[str, str]:
        """What the caller calls threads, by their internal ids."""
        if not ids:
            return {}
        asked = select(threads.c.id, threads.c.client_thread_id).where(
            threads.c.tenant_id == caller.tenant, threads.c.user_id == caller.user, threads.c.id.in_(set(ids))
        )
        async with self._database.read() as connection:
            return {row.id: row.client_thread_id for row in await connection.execute(asked)}

    async def list_threads(self, caller: Caller, query: ThreadFilter) -> Sequence[ThreadRecord]:
        async with self._database.read() as connection:
            rows = (await connection.execute(_list(caller, query))).all()
        return [_record(row) for row in rows]

    async def update(self, caller: Caller, key: str, change: ThreadChange) -> ThreadRecord:
        """Raises `UnknownThread` or `TooManyPairs`."""
        async with self._database.write() as connection:
            thread_id = await _is_taken(connection, caller, key)
            values: dict[str, Any] = {"updated_at": datetime.now(UTC)}
            if change.retitled:
                values |= _title_columns(change.title, "user" if change.title else None)
            if change.metadata is not None:
                known = (await _found(connection, caller, key)).metadata
                merged = {**known, **change.metadata}
                values["metadata"] = {name: value for name, value in merged.items() if value is not None}
                if len(values["metadata"]) > MAX_METADATA_PAIRS:
                    raise TooMuchMetadata
            await connection.execute(update(threads).where(threads.c.id == thread_id).values(**values))
            return await _found(connection, caller, key)

    async def has_no_title(self, caller: Caller, thread: str) -> bool:
        """Whether a thread, by its internal id, is there and has no title."""
        async with self._database.read() as connection:
            return (await connection.scalar(select(threads.c.id).where(*_untitled(caller, thread)))) is not None

    async def set_generated_title(self, caller: Caller, thread: str, title: str) -> bool:
        """Gives a thread, by its internal id, a title that a model made; never over another. Whether it has it now.

        Nothing has happened on the thread by that: its place in lists stays.
        """
        async with self._database.write() as connection:
            done = await connection.execute(
                update(threads).where(*_untitled(caller, thread)).values(**_title_columns(title, "model"))
            )
        return done.rowcount == 1

    async def fork(self, caller: Caller, key: str, *, checkpoint: str, to: str) -> ThreadRecord:
        """A new thread `to` with what led to a checkpoint of another; that one stays as it is.

        Raises `UnknownThread`, `UnknownCheckpoint` or `ThreadExists`.
        """
        async with self._database.write() as connection:
            origin = await _found(connection, caller, key)
            if await connection.scalar(select(threads.c.id).where(*_mine(caller, to))):
                raise ThreadExists
            fork = _new_record(
                to, title=origin.title, title_source=origin.title_source, metadata=origin.metadata, agent=origin.agent
            )
            await _insert_orphan(connection, caller, fork.id)
        if not await self._checkpoints.copy(origin.id, checkpoint, to=fork.id):
            await self._delete_checkpoints(fork.id)
            raise UnknownCheckpoint(f"Unknown checkpoint {checkpoint!r}")
        try:
            async with self._database.write() as connection:
                await _insert(connection, caller, fork)
                await connection.execute(delete(orphaned_threads).where(orphaned_threads.c.id == fork.id))
        except IntegrityError as error:
            await self._delete_checkpoints(fork.id)
            raise ThreadExists from error
        return fork

    async def delete(self, caller: Caller, key: str) -> Sequence[str]:
        """Everything that is kept of a thread but what its runs took, for good; the internal ids of those runs.

        Raises `UnknownThread`, or `ThreadBusy` while one of its runs is going.
        """
        async with self._database.write() as connection:
            thread_id = await _is_taken(connection, caller, key)
            alive = and_(runs.c.status.in_(_ACTIVE), runs.c.heartbeat_at >= DatabaseTime(-self._lease))
            of_it = select(runs.c.id, alive.label("alive")).where(runs.c.thread_id == thread_id)
            ran = (await connection.execute(of_it)).all()
            if any(run.alive for run in ran):
                raise ThreadBusy
            await _delete_feedback(connection, caller, thread_id)
            await record_review_deletions(connection, caller, reviews.c.thread_id == thread_id)
            await delete_thread_spans(connection, caller, key, time_ns())
            # Runs, reviews and artifacts go with their thread.
            await connection.execute(delete(threads).where(threads.c.id == thread_id))
            await _insert_orphan(connection, caller, thread_id)
        await self._delete_checkpoints(thread_id)
        return [run.id for run in ran]

    async def sweep(self) -> int:
        """Drops checkpoints whose thread was deleted, or never came to be, when a process died; of how many."""
        since = datetime.now(UTC) - _ORPHAN_AGE
        left = (
            select(orphaned_threads.c.id)
            .where(orphaned_threads.c.since < since)
            .order_by(orphaned_threads.c.since)
            .limit(_ORPHAN_BATCH)
        )
        async with self._database.read() as connection:
            ids = list((await connection.scalars(left)).all())
        for stray in ids:
            await self._delete_checkpoints(stray)
        return len(ids)

    async def _delete_checkpoints(self, thread_id: str) -> None:
        await self._checkpoints.delete_thread(thread_id)
        async with self._database.write() as connection:
            await connection.execute(delete(orphaned_threads).where(orphaned_threads.c.id == thread_id))


def fold_text(text: str) -> str:
    """As titles are searched in: capitals and spellings of one letter make no difference."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _new_record(
    key: str,
    *,
    title: str | None,
    title_source: TitleSource | None,
    metadata: Mapping[str, str],
    agent: str | None = None,
) -> ThreadRecord:
    now = datetime.now(UTC)
    return ThreadRecord(uuid4().hex, key, title, title_source, dict(metadata), agent, now, now)


def _title_columns(title: str | None, by: TitleSource | None) -> dict[str, Any]:
    return {"title": title, "title_source": by, "title_folded": None if title is None else fold_text(title)}


def _mine(caller: Caller, key: str) -> tuple[ColumnElement[bool], ...]:
    return threads.c.tenant_id == caller.tenant, threads.c.user_id == caller.user, threads.c.client_thread_id == key


def _untitled(caller: Caller, thread_id: str) -> tuple[ColumnElement[bool], ...]:
    owned = and_(threads.c.tenant_id == caller.tenant, threads.c.user_id == caller.user)
    return threads.c.id == thread_id, owned, threads.c.title.is_(None)


async def _insert(connection: AsyncConnection, caller: Caller, record: ThreadRecord) -> None:
    await connection.execute(
        insert(threads).values(
            id=record.id,
            tenant_id=caller.tenant,
            user_id=caller.user,
            client_thread_id=record.key,
            **_title_columns(record.title, record.title_source),
            metadata=dict(record.metadata),
            forked_agent_id=record.agent,
            created_at=record.created_at,
            updated_at=record.updated_at,
        )
    )


async def _insert_orphan(connection: AsyncConnection, caller: Caller, thread_id: str) -> None:
    await connection.execute(
        insert(orphaned_threads).values(
            id=thread_id, tenant_id=caller.tenant, user_id=caller.user, since=datetime.now(UTC)
        )
    )


async def _delete_feedback(connection: AsyncConnection, caller: Caller, thread_id: str) -> None:
    """Feedback names a run, or only a message: one that was reviewed on this thread."""
    mine = and_(feedback.c.tenant_id == caller.tenant, feedback.c.user_id == caller.user)
    ran = select(runs.c.client_run_id).where(runs.c.thread_id == thread_id)
    reviewed = select(reviews.c.message_id).where(reviews.c.thread_id == thread_id, reviews.c.message_id.is_not(None))
    of_it = or_(
        feedback.c.client_run_id.in_(ran), and_(feedback.c.client_run_id.is_(None), feedback.c.message_id.in_(reviewed))
    )
    await record_feedback_deletions(connection, caller, of_it)
    await connection.execute(delete(feedback).where(mine, of_it))


async def _is_taken(connection: AsyncConnection, caller: Caller, key: str) -> str:
    """The internal id; nobody else changes the row, or opens a run on it, until the transaction ends."""
    thread_id = await connection.scalar(select(threads.c.id).where(*_mine(caller, key)).with_for_update())
    if thread_id is None:
        raise UnknownThread(f"Unknown thread {key!r}")
    return str(thread_id)


async def _found(connection: AsyncConnection, caller: Caller, key: str) -> ThreadRecord:
    row = (await connection.execute(_rows().where(*_mine(caller, key)))).one_or_none()
    if row is None:
        raise UnknownThread(f"Unknown thread {key!r}")
    return _record(row)


def _rows() -> Select[Any]:
    newest = select(runs.c.agent_id).where(runs.c.thread_id == threads.c.id, runs.c.status != "queued")
    last = newest.order_by(runs.c.created_at.desc()).limit(1).scalar_subquery()
    return select(threads, func.coalesce(last, threads.c.forked_agent_id).label("agent"))


def _list(caller: Caller, query: ThreadFilter) -> Select[Any]:
    moment = threads.c.updated_at if query.order == "updated" else threads.c.created_at
    listed = _rows().where(threads.c.tenant_id == caller.tenant, threads.c.user_id == caller.user)
    if query.after is not None:
        after = tuple_(literal(query.after.time, Moment), literal(query.after.id))
        listed = listed.where(tuple_(moment, threads.c.id) < after)
    for word in query.words:
        listed = listed.where(threads.c.title_folded.contains(fold_text(word), autoescape=True))
    for name, value in (query.metadata or {}).items():
        listed = listed.where(threads.c.metadata[name].as_string() == value)
    return listed.order_by(moment.desc(), threads.c.id.desc()).limit(query.limit)


def _record(row: Row[Any]) -> ThreadRecord:
    return ThreadRecord(
        id=row.id,
        key=row.client_thread_id,
        title=row.title,
        title_source=row.title_source,
        metadata=row.metadata,
        agent=row.agent,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
