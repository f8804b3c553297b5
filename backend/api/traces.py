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

from backend.api.examples import example_response, problem_responses
from backend.api.paging import Page, PageParams, TimeCursor, build_page, decode_cursor
from backend.dependencies import CallerDep, ResourcesDep
from backend.errors import InvalidInput, StorageUnavailable, TraceNotFound
from observability.tracing import SpanKind, SpanRecord
from storage.cursor import Cursor
from storage.spans import TraceFilter, TraceRecord
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


class Trace(_Camel):
    trace_id: str
    name: str = Field(description="Of the span that began first.")
    status: Status
    error: str | None = Field(description="Of the failed span that began first: a stable code, or an exception's kind.")
    agent_id: str | None
    thread_id: str | None
    run_id: str | None
    started_at: datetime
    duration_seconds: float = Field(description="From its first beginning to its last end.")
    span_count: int


class Span(_Camel):
    span_id: str
    name: str
    kind: SpanKind
    started_at: datetime
    duration_seconds: float
    status: Status
    error: str | None
    attributes: dict[str, Any]
    children: list["Span"] = Field(description="In order of their beginning.")


class TraceTree(Trace):
    truncated: bool = Field(description="Whether it has more spans than these, which are its first ones.")
    spans: list[Span] = Field(description="Those beneath no other, in order of their beginning.")


class TraceFilterParams(PageParams):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    status: Status | None = None
    agent_id: Key | None = None
    thread_id: Key | None = None
    run_id: Key | None = None
    q: Key | None = Field(None, description="A part of its name.")
    since: Moment | None = Field(None, description="What began then or later.")
    until: Moment | None = Field(None, description="What began before.")


class TraceCursor(TimeCursor):
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
    "durationSeconds": 1.25,
    "spanCount": 2,
}
_RUN: Mapping[str, Any] = {
    "spanId": "00f067aa0ba902b7",
    "name": "run",
    "kind": "run",
    "startedAt": "2026-11-20T12:00:00.010000Z",
    "durationSeconds": 1.2,
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
    "durationSeconds": 1.25,
    "status": "ok",
    "error": None,
    "attributes": {},
    "children": [_RUN],
}


@router.get(
    "",
    summary="List traces, newest first",
    responses={
        **example_response({"items": [_ENTRY], "nextCursor": None}),
        **problem_responses(InvalidInput, StorageUnavailable),
    },
)
async def list_traces(
    caller: CallerDep, resources: ResourcesDep, params: Annotated[TraceFilterParams, Query()]
) -> Page[Trace]:
    if params.since is not None and params.until is not None and params.since >= params.until:
        raise InvalidInput.for_fields(("since", "it has to be before `until`"))
    page_cursor = decode_cursor(params.cursor, TraceCursor) if params.cursor is not None else None
    query = TraceFilter(
        limit=params.limit + 1,
        after=Cursor(page_cursor.moment, page_cursor.id) if page_cursor else None,
        failed=None if params.status is None else params.status == "error",
        agent=params.agent_id,
        thread=params.thread_id,
        run=params.run_id,
        name=params.q,
        since=params.since,
        until=params.until,
    )
    found = await resources.spans.list_traces(caller, query)
    return build_page(
        found, params.limit, shown=_trace, mark=lambda trace: TraceCursor(moment=trace.started_at, id=trace.id)
    )


@router.get(
    "/{trace_id}",
    summary="Get a trace with its spans as a tree",
    response_model=TraceTree,
    responses={
        **example_response({**_ENTRY, "truncated": False, "spans": [_REQUEST]}),
        **problem_responses(TraceNotFound, StorageUnavailable),
    },
)
async def get_trace(trace_id: str, caller: CallerDep, resources: ResourcesDep) -> Response:
    if not _ID.fullmatch(trace_id):
        raise TraceNotFound(f"Unknown trace {trace_id!r}.")
    trace, spans = await resources.spans.get(caller, trace_id)
    # Texts of thousands of spans are megabytes: nobody is to wait while they are written.
    return Response(await asyncio.to_thread(_trace_tree, trace, spans), media_type="application/json")


def _trace(trace: TraceRecord) -> Trace:
    return Trace(
        trace_id=trace.id,
        name=trace.name,
        status=_status(trace.error),
        error=trace.error,
        agent_id=trace.agent,
        thread_id=trace.thread,
        run_id=trace.run,
        started_at=trace.started_at,
        duration_seconds=trace.duration_seconds,
        span_count=trace.span_count,
    )


def _trace_tree(trace: TraceRecord, spans: Sequence[SpanRecord]) -> str:
    """A `TraceTree` as JSON."""
    head = {**_trace(trace).model_dump(mode="json", by_alias=True), "truncated": trace.span_count > len(spans)}
    return _open_spans(head, "spans") + "".join(_span_tree(spans)) + "]}"


def _span_tree(spans: Sequence[SpanRecord]) -> list[str]:
    """Pieces of JSON. Whoever writes JSON by recursion gives up at some depth, and agents call agents at any."""
    known = {span.id for span in spans}
    beneath = defaultdict[str | None, list[SpanRecord]](list)
    for span in spans:
        beneath[span.parent_id if span.parent_id in known else None].append(span)
    pieces, left = list[str](), _reversed_spans(beneath[None])
    while left:
        match left.pop():
            case str() as text:
                pieces.append(text)
            case span:
                pieces.append(_open_spans(_span_fields(span), "children"))
                left += ["]}", *_reversed_spans(beneath.get(span.id, ()))]
    return pieces


def _reversed_spans(spans: Sequence[SpanRecord]) -> list[SpanRecord | str]:
    """With the commas between them, for a stack."""
    return [each for span in reversed(spans) for each in (",", span)][1:]


def _open_spans(told: Mapping[str, Any], inner: str) -> str:
    """An object whose last member is a list that has just begun."""
    return f'{json.dumps(told, separators=(",", ":"))[:-1]},"{inner}":['


def _span_fields(span: SpanRecord) -> Mapping[str, Any]:
    began = _EPOCH + timedelta(microseconds=span.started_ns // 1000)
    return {
        "spanId": span.id,
        "name": span.name,
        "kind": span.kind,
        "startedAt": began.isoformat().replace("+00:00", "Z"),
        "durationSeconds": max(0, span.ended_ns - span.started_ns) / 1e9,
        "status": _status(span.error),
        "error": span.error,
        "attributes": dict(span.attributes),
    }


def _status(error: str | None) -> Status:
    return "ok" if error is None else "error"
