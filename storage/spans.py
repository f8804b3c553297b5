"""What runs did, as spans, for as long as it is kept."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from observability.tracing import SpanRecord, TraceSubject
from storage.caller import Caller
from storage.cursor import Cursor
from storage.database import Database
from storage.tables import HEADS, KEY_LENGTH, Moment, spans, traces

# Spans of one trace that are told; one with more is told by its first ones.
MAX_SPANS = 5000
# Spans of one trace that are kept: more come of a caller who gives one trace to everything.
MAX_STORED_SPANS = 20_000
_CODE = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# A tenant, a user, and the id of a trace of theirs; and so many of them in one statement: each is three values of it.
_Key = tuple[str, str, str]
_KEY = ("tenant_id", "user_id", "id")
_OF = (spans.c.tenant_id, spans.c.user_id, spans.c.trace_id)
_TRACES = 500


class UnknownTrace(LookupError):
    """This caller has no such trace, or it is kept no longer."""


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """A trace as one looks for it: named for the span that began first, failed as the failed one that began first.

    `seconds` are from its first beginning to its last end; agent, thread and run those of the first span that has one.
    """

    id: str
    name: str
    agent: str | None
    thread: str | None
    run: str | None
    error: str | None
    started_at: datetime
    duration_seconds: float
    span_count: int


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """`failed` is whether something failed in it, `name` a part of its name."""

    limit: int
    after: Cursor | None = None
    failed: bool | None = None
    agent: str | None = None
    thread: str | None = None
    run: str | None = None
    name: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class SpanStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect: Any = sqlite if database.engine.dialect.name == "sqlite" else postgresql

    async def write(self, records: Sequence[SpanRecord]) -> int:
        """All of them, or none; what was written before stays as it was. Raises `StorageFailed`.

        But for those of traces that are full: how many those were. Whoever calls says what trace its work is of, and
        one that never ends would cost more with each span.
        """
        async with self._database.write() as connection:
            full = await _full_traces(connection, {_key(record) for record in records})
            kept = [record for record in records if _key(record) not in full]
            if not kept:
                return len(records)
            # In one order for everybody: processes that write of the same traces would wait for each other.
            keys = sorted({_key(record) for record in kept})
            added = self._dialect.insert(spans).on_conflict_do_nothing()
            await connection.execute(added, [_span(record) for record in kept])
            for at in range(0, len(keys), _TRACES):
                await self._update_traces(connection, keys[at : at + _TRACES])
        return len(records) - len(kept)

    async def _update_traces(self, connection: AsyncConnection, keys: Sequence[_Key]) -> None:
        """Has traces say what their spans do. Those come in any order: children end before their parents."""
        made = self._dialect.insert(traces)
        # An update that changes nothing, but takes the row: whoever is second sees the spans of both.
        taken = made.on_conflict_do_update(
            index_elements=["tenant_id", "user_id", "id"], set_={"span_count": traces.c.span_count}
        )
        await connection.execute(taken, [{**_NOTHING, **dict(zip(_KEY, key, strict=True))} for key in keys])
        await _rebuild_traces(connection, keys)

    async def list_traces(self, caller: Caller, query: TraceFilter) -> Sequence[TraceRecord]:
        """Newest first."""
        asked = select(traces).where(traces.c.tenant_id == caller.tenant, traces.c.user_id == caller.user)
        asked = asked.where(*_filters(caller, query))
        if query.after is not None:
            last = tuple_(literal(query.after.time, Moment), literal(query.after.id))
            asked = asked.where(tuple_(traces.c.started_at, traces.c.id) < last)
        asked = asked.order_by(traces.c.started_at.desc(), traces.c.id.desc()).limit(query.limit)
        async with self._database.read() as connection:
            return [_trace(row) for row in (await connection.execute(asked)).all()]

    async def get(self, caller: Caller, trace: str) -> tuple[TraceRecord, Sequence[SpanRecord]]:
        """A trace and its spans, as they began. Raises `UnknownTrace`."""
        mine = and_(traces.c.tenant_id == caller.tenant, traces.c.user_id == caller.user, traces.c.id == trace)
        theirs = and_(spans.c.tenant_id == caller.tenant, spans.c.user_id == caller.user, spans.c.trace_id == trace)
        async with self._database.read() as connection:
            head = (await connection.execute(select(traces).where(mine))).one_or_none()
            if head is None:
                raise UnknownTrace(f"Unknown trace {trace!r}")
            told = select(spans).where(theirs).order_by(spans.c.started_ns, spans.c.id).limit(MAX_SPANS)
            return _trace(head), [_record(row) for row in (await connection.execute(told)).all()]

    async def delete_of_thread(self, caller: Caller, thread: str, before: int) -> None:
        """Deletes the spans of a thread that began before a moment, in nanoseconds since 1970."""
        async with self._database.write() as connection:
            await delete_thread_spans(connection, caller, thread, before)

    async def sweep(self, before: datetime) -> int:
        """Drops what began before a moment; the number of spans."""
        async with self._database.write() as connection:
            await connection.execute(delete(traces).where(traces.c.started_at < before))
            gone = await connection.execute(delete(spans).where(spans.c.started_ns < _nanoseconds(before)))
            return int(gone.rowcount)


async def delete_thread_spans(connection: AsyncConnection, caller: Caller, thread: str, before: int) -> None:
    """Deletes the spans of a thread (the client's id) that began before a moment, and each trace with its last span."""
    found = select(traces.c.id).where(
        traces.c.tenant_id == caller.tenant,
        traces.c.user_id == caller.user,
        traces.c.id.in_(_filter_by(caller, "client_thread_id", thread)),
    )
    # In one order for everybody, and taken before their spans are, as whoever writes does.
    ids = (await connection.scalars(found.order_by(traces.c.id).with_for_update())).all()
    mine = and_(spans.c.tenant_id == caller.tenant, spans.c.user_id == caller.user)
    for at in range(0, len(ids), _TRACES):
        some = ids[at : at + _TRACES]
        of_it = and_(mine, spans.c.trace_id.in_(some), spans.c.client_thread_id == thread, spans.c.started_ns < before)
        await connection.execute(delete(spans).where(of_it))
        rest = set(
            (
                await connection.scalars(select(spans.c.trace_id).where(mine, spans.c.trace_id.in_(some)).distinct())
            ).all()
        )
        empty = and_(
            traces.c.tenant_id == caller.tenant, traces.c.user_id == caller.user, traces.c.id.in_(set(some) - rest)
        )
        await connection.execute(delete(traces).where(empty))
        if rest:
            await _rebuild_traces(connection, [(caller.tenant, caller.user, trace) for trace in sorted(rest)])


async def _rebuild_traces(connection: AsyncConnection, keys: Sequence[_Key]) -> None:
    told = (await connection.execute(_SUMMARY, {"keys": keys})).all()
    its = and_(*(traces.c[name] == bindparam(f"its_{name}") for name in _KEY))
    await connection.execute(update(traces).where(its), [_row(row) for row in told])


def _key(record: SpanRecord) -> _Key:
    return record.subject.tenant, record.subject.user, record.trace_id


async def _full_traces(connection: AsyncConnection, keys: Collection[_Key]) -> set[_Key]:
    if not keys:
        return set()
    key = [traces.c[name] for name in _KEY]
    asked = select(*key).where(tuple_(*key).in_(sorted(keys)), traces.c.span_count >= MAX_STORED_SPANS)
    return {(row[0], row[1], row[2]) for row in (await connection.execute(asked)).all()}


# What a trace says before its spans are asked.
_NOTHING: Mapping[str, Any] = {"name": "", "started_at": _EPOCH, "duration_ns": 0, "span_count": 0}


def _trace_summaries() -> Select[Any]:
    """What the spans of each of the traces `keys` say of it."""
    its = and_(*(of == traces.c[name] for name, of in zip(_KEY, _OF, strict=True)))

    def first(column: ColumnElement[Any]) -> ColumnElement[Any]:
        asked = select(column).where(its, column.is_not(None)).order_by(spans.c.started_ns, spans.c.id).limit(1)
        return asked.scalar_subquery().label(column.name)

    same = map(first, (spans.c.name, spans.c.agent_id, spans.c.client_thread_id, spans.c.client_run_id, spans.c.error))
    ends = {
        "span_count": func.count(),
        "started_ns": func.min(spans.c.started_ns),
        "ended_ns": func.max(spans.c.ended_ns),
    }
    sums = (select(of).select_from(spans).where(its).scalar_subquery().label(name) for name, of in ends.items())
    key = [traces.c[name] for name in _KEY]
    asked: BindParameter[Any] = bindparam("keys", expanding=True)
    return select(*(column.label(f"its_{column.name}") for column in key), *same, *sums).where(tuple_(*key).in_(asked))


# Made once: to make it anew takes longer than to run it.
_SUMMARY = _trace_summaries()


def _row(told: Row[Any]) -> dict[str, Any]:
    row = dict(told._mapping)
    started, ended = row.pop("started_ns"), row.pop("ended_ns")
    return {**row, "started_at": _moment(started), "duration_ns": max(0, ended - started)}


def _span(record: SpanRecord) -> dict[str, Any]:
    subject = record.subject
    return {
        "tenant_id": subject.tenant,
        "user_id": subject.user,
        "trace_id": record.trace_id,
        "id": record.id,
        "parent_id": record.parent_id,
        "name": _truncate(record.name, KEY_LENGTH),
        "kind": record.kind,
        "agent_id": _truncate(subject.agent, KEY_LENGTH) or None,
        "client_thread_id": _truncate(subject.session, KEY_LENGTH) or None,
        "client_run_id": _truncate(subject.run, KEY_LENGTH) or None,
        "error": _truncate(record.error or "", _CODE) or None,
        "started_ns": record.started_ns,
        "ended_ns": record.ended_ns,
        "attributes": {name: _stored_value(value) for name, value in record.attributes.items()},
    }


def _truncate(text: str, most: int) -> str:
    # PostgreSQL keeps no NUL, and half of a surrogate pair is no character: a model may have named the tool.
    return text[:most].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _stored_value(value: Any) -> Any:
    # JSON has no such numbers, and PostgreSQL takes none that it has not.
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND * 1000


def _moment(nanoseconds: int) -> datetime:
    return _EPOCH + nanoseconds // 1000 * _MICROSECOND


def _filters(caller: Caller, query: TraceFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        traces.c.id.in_(_filter_by(caller, name, value))
        for name, value in (("client_run_id", query.run), ("client_thread_id", query.thread))
        if value is not None
    ]
    if query.agent is not None:
        found.append(or_(traces.c.agent_id == query.agent, _has_run_of(query.agent)))
    if query.failed is not None:
        found.append(traces.c.error.is_not(None) if query.failed else traces.c.error.is_(None))
    if query.name is not None:
        found.append(traces.c.name.icontains(query.name, autoescape=True))
    if query.since is not None:
        found.append(traces.c.started_at >= query.since)
    if query.until is not None:
        found.append(traces.c.started_at < query.until)
    return found


# A row names the first run of its trace; a caller who gives one trace to several looks for any of them.
def _has_run_of(agent: str) -> ColumnElement[bool]:
    its = and_(*(of == traces.c[key] for key, of in zip(_KEY, _OF, strict=True)))
    return exists().where(its, literal_column(HEADS), spans.c.agent_id == agent)


def _filter_by(caller: Caller, name: str, value: str) -> Select[Any]:
    """Ids of the traces in which a run, or a thread, is."""
    mine = and_(spans.c.tenant_id == caller.tenant, spans.c.user_id == caller.user)
    return select(spans.c.trace_id).where(mine, spans.c[name] == value, literal_column(HEADS))


def _trace(row: Row[Any]) -> TraceRecord:
    return TraceRecord(
        id=row.id,
        name=row.name,
        agent=row.agent_id,
        thread=row.client_thread_id,
        run=row.client_run_id,
        error=row.error,
        started_at=row.started_at,
        duration_seconds=row.duration_ns / 1e9,
        span_count=row.span_count,
    )


def _record(row: Row[Any]) -> SpanRecord:
    subject = TraceSubject(
        row.tenant_id, row.user_id, row.client_thread_id or "", row.client_run_id or "", row.agent_id or ""
    )
    return SpanRecord(
        trace_id=row.trace_id,
        id=row.id,
        parent_id=row.parent_id,
        name=row.name,
        kind=row.kind,
        subject=subject,
        error=row.error,
        started_ns=row.started_ns,
        ended_ns=row.ended_ns,
        attributes=row.attributes,
    )
