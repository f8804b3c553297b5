"""What runs did: a list of traces, and each as a tree of its spans."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from backend.api.examples import answers, shown
from backend.api.paging import Page, Part, PlaceMark, paged, read
from backend.dependencies import Has, Who
from backend.errors import InvalidInput, StorageGone, TraceNotFound
from observability.tracing import SpanKind, SpanRecord
from storage.place import Place
from storage.spans import TraceRecord, Wanted
from storage.tables import KEY_LENGTH

router = APIRouter(prefix="/api/v1/traces", tags=["traces"])

Status = Literal["ok", "error"]

_ID = re.compile(r"[0-9a-f]{32}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("there is a control character in it")
    return text


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("there is no such moment in UTC") from None


Key = Annotated[str, Field(min_length=1, max_length=KEY_LENGTH), AfterValidator(_printable)]
Moment = Annotated[AwareDatetime, AfterValidator(_utc)]


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class TraceEntry(_Camel):
    trace_id: str
    name: str = Field(description="Of the span that began first.")
    status: Status
    error: str | None = Field(description="Of the failed span that began first: a stable code, or an exception's kind.")
    agent_id: str | None
    thread_id: str | None
    run_id: str | None
    started_at: datetime
    seconds: float = Field(description="From its first beginning to its last end.")
    span_count: int


class SpanEntry(_Camel):
    span_id: str
    name: str
    kind: SpanKind
    started_at: datetime
    seconds: float
    status: Status
    error: str | None
    attributes: dict[str, Any]
    children: list["SpanEntry"] = Field(description="In order of their beginning.")


class TraceTree(TraceEntry):
    truncated: bool = Field(description="Whether it has more spans than these, which are its first ones.")
    spans: list[SpanEntry] = Field(description="Those beneath no other, in order of their beginning.")


class TracesAsked(Part):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    status: Status | None = None
    agent_id: Key | None = None
    thread_id: Key | None = None
    run_id: Key | None = None
    q: Key | None = Field(None, description="A part of its name.")
    since: Moment | None = Field(None, description="What began then or later.")
    until: Moment | None = Field(None, description="What began before.")


class TraceMark(PlaceMark):
    pass


_ENTRY: Mapping[str, Any] = {
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "name": "POST /api/v1/chat/{agent_id}",
    "status": "ok",
    "error": None,
    "agentId": "chat",
    "threadId": "thread-1",
    "runId": "run-1",
    "startedAt": "2026-11-20T12:00:00Z",
    "seconds": 1.25,
    "spanCount": 2,
}
_RUN: Mapping[str, Any] = {
    "spanId": "00f067aa0ba902b7",
    "name": "run",
    "kind": "run",
    "startedAt": "2026-11-20T12:00:00.010000Z",
    "seconds": 1.2,
    "status": "ok",
    "error": None,
    "attributes": {"agenkit.outcome": "success"},
    "children": [],
}
_REQUEST: Mapping[str, Any] = {
    "spanId": "b7ad6b7169203331",
    "name": "POST /api/v1/chat/{agent_id}",
    "kind": "request",
    "startedAt": "2026-11-20T12:00:00Z",
    "seconds": 1.25,
    "status": "ok",
    "error": None,
    "attributes": {},
    "children": [_RUN],
}


@router.get(
    "",
    summary="What was done for you, newest first",
    responses={**shown({"items": [_ENTRY], "nextCursor": None}), **answers(InvalidInput, StorageGone)},
)
async def list_traces(who: Who, has: Has, asked: Annotated[TracesAsked, Query()]) -> Page[TraceEntry]:
    if asked.since is not None and asked.until is not None and asked.since >= asked.until:
        raise InvalidInput.naming(("since", "it has to be before `until`"))
    mark = read(asked.cursor, TraceMark) if asked.cursor is not None else None
    wanted = Wanted(
        limit=asked.limit + 1,
        after=Place(mark.moment, mark.id) if mark else None,
        failed=None if asked.status is None else asked.status == "error",
        agent=asked.agent_id,
        thread=asked.thread_id,
        run=asked.run_id,
        name=asked.q,
        since=asked.since,
        until=asked.until,
    )
    found = await has.spans.listed(who, wanted)
    return paged(found, asked.limit, shown=_entry, mark=lambda trace: TraceMark(moment=trace.began_at, id=trace.id))


@router.get(
    "/{trace_id}",
    summary="One trace, with its spans as a tree",
    response_model=TraceTree,
    responses={**shown({**_ENTRY, "truncated": False, "spans": [_REQUEST]}), **answers(TraceNotFound, StorageGone)},
)
async def get_trace(trace_id: str, who: Who, has: Has) -> Response:
    if not _ID.fullmatch(trace_id):
        raise TraceNotFound(f"Unknown trace {trace_id!r}.")
    trace, spans = await has.spans.get(who, trace_id)
    # Texts of thousands of spans are megabytes: nobody is to wait while they are written.
    return Response(await asyncio.to_thread(_told, trace, spans), media_type="application/json")


def _entry(trace: TraceRecord) -> TraceEntry:
    return TraceEntry(
        trace_id=trace.id,
        name=trace.name,
        status=_status(trace.error),
        error=trace.error,
        agent_id=trace.agent,
        thread_id=trace.thread,
        run_id=trace.run,
        started_at=trace.began_at,
        seconds=trace.seconds,
        span_count=trace.spans,
    )


def _told(trace: TraceRecord, spans: Sequence[SpanRecord]) -> str:
    """A `TraceTree` as JSON."""
    head = {**_entry(trace).model_dump(mode="json", by_alias=True), "truncated": trace.spans > len(spans)}
    return _open(head, "spans") + "".join(_tree(spans)) + "]}"


def _tree(spans: Sequence[SpanRecord]) -> list[str]:
    """Pieces of JSON. Whoever writes JSON by recursion gives up at some depth, and agents call agents at any."""
    known = {span.id for span in spans}
    beneath = defaultdict[str | None, list[SpanRecord]](list)
    for span in spans:
        beneath[span.parent if span.parent in known else None].append(span)
    pieces, left = list[str](), _last_first(beneath[None])
    while left:
        match left.pop():
            case str() as text:
                pieces.append(text)
            case span:
                pieces.append(_open(_span(span), "children"))
                left += ["]}", *_last_first(beneath.get(span.id, ()))]
    return pieces


def _last_first(spans: Sequence[SpanRecord]) -> list[SpanRecord | str]:
    """With the commas between them, for a stack."""
    return [each for span in reversed(spans) for each in (",", span)][1:]


def _open(told: Mapping[str, Any], inner: str) -> str:
    """An object whose last member is a list that has just begun."""
    return f'{json.dumps(told, separators=(",", ":"))[:-1]},"{inner}":['


def _span(span: SpanRecord) -> Mapping[str, Any]:
    began = _EPOCH + timedelta(microseconds=span.began // 1000)
    return {
        "spanId": span.id,
        "name": span.name,
        "kind": span.kind,
        "startedAt": began.isoformat().replace("+00:00", "Z"),
        "seconds": max(0, span.ended - span.began) / 1e9,
        "status": _status(span.error),
        "error": span.error,
        "attributes": dict(span.attributes),
    }


def _status(error: str | None) -> Status:
    return "ok" if error is None else "error"
