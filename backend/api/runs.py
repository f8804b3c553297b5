import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Annotated
from urllib.parse import quote

from ag_ui.core import RunAgentInput
from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sse_starlette import EventSourceResponse

from agents.events import ThreadSnapshot
from backend.api.compat import upgrade_input
from backend.api.examples import STREAM, example_response, problem_responses
from backend.api.run_requests import REQUEST_PROBLEMS, build_run_request, request_digest
from backend.api.streams import run_stream_response
from backend.dependencies import CallerDep, ResourcesDep
from backend.errors import (
    EventLogUnavailable,
    IdempotencyMismatch,
    InvalidInput,
    RequestInProgress,
    RunNotFound,
    StorageUnavailable,
    ThreadNotFound,
)
from backend.resources import Resources
from backend.runs.compat import Converter, converter_for
from backend.runs.ended_runs import ended_run_events
from backend.runs.execution import RunRequest
from backend.runs.result import RunResult, RunStatus, result_of, status_of
from backend.runs.sse import sse_frame_of
from backend.security.addresses import MAX_URL_LENGTH, AddressRefused, AddressUnresolved, OutboundGuard, parse_url
from observability.logs import bind
from storage.caller import Caller
from storage.event_log import BadPosition, Position
from storage.runs import DuplicateRequest, Idempotency, RunRow, Runs
from storage.tables import KEY_LENGTH

router = APIRouter(prefix="/api/v1", tags=["runs"])

RunId = Annotated[str, Path(min_length=1, max_length=KEY_LENGTH)]
_Dialect = Annotated[
    str | None,
    Query(alias="protocolVersion", description="As in a run's input: without it, the older dialect is told."),
]


class WebhookTarget(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        min_length=1,
        max_length=MAX_URL_LENGTH,
        examples=["https://example.com/hooks/agenkit"],
        description="Is told how the run ended, signed (docs/services.md).",
    )


class RunCreate(RunAgentInput):
    """What is asked of an agent, and of which."""

    agent_id: str = Field(min_length=1, max_length=KEY_LENGTH, examples=["chat"])
    webhook: WebhookTarget | None = None

    _upgraded = model_validator(mode="before")(upgrade_input)


_EXAMPLE = {
    "runId": "run-1",
    "threadId": "thread-1",
    "agentId": "chat",
    "status": "success",
    "model": "embedded:smollm2",
    "usage": [{"provider": "embedded", "model": "smollm2", "inputTokens": 61, "outputTokens": 8, "totalTokens": 69}],
    "createdAt": "2026-11-20T12:00:00Z",
    "endedAt": "2026-11-20T12:00:01Z",
}


async def get_own_run(runs: Runs, caller: Caller, run_id: str) -> RunRow:
    """Raises `RunNotFound`; another's run is none."""
    if (row := await runs.find(caller, run_id)) is None:
        raise RunNotFound(f"There is no run {run_id!r}.")
    return row


def parse_last_event_id(last_event_id: str | None) -> Position | None:
    if not last_event_id:
        return None
    try:
        return Position.parse(last_event_id)
    except BadPosition as error:
        raise InvalidInput.for_fields(("Last-Event-ID", str(error))) from None


LastEventId = Annotated[str | None, Header(description="The `id` of the last event that was heard; the rest follows.")]


_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?(?:$|[,;\s])", re.IGNORECASE)
# However patient a caller is, a proxy on the way is not.
_MAX_WAIT_SECONDS = 300.0
# A name that takes longer to look up is looked at when something is sent there.
_RESOLVE_SECONDS = 1.0


def parse_prefer(prefer: str | None) -> float | None:
    """Seconds of `Prefer: wait=N` (RFC 7240); what is malformed is as if it were not there."""
    found = _WAIT.search(prefer or "")
    return min(float(found[1]), _MAX_WAIT_SECONDS) if found else None


@router.post(
    "/runs",
    summary="Run an agent without a stream",
    description="With `Prefer: wait=N` the answer is the result, if it is there in N seconds; else 202 and a run to "
    "follow. `Idempotency-Key` makes a repeated call the same run; `webhook` is told how it ended.",
    response_model=RunResult,
    response_model_exclude_none=True,
    responses={
        **example_response(
            {**_EXAMPLE, "messages": [{"id": "msg-1", "role": "assistant", "content": "Paris."}], "state": {}}
        ),
        202: {
            **example_response({**_EXAMPLE, "status": "running", "usage": []}, status=202)[202],
            "description": "It goes on; `Location` is where to follow it.",
            "model": RunStatus,
        },
        **problem_responses(*REQUEST_PROBLEMS, IdempotencyMismatch, RequestInProgress),
    },
)
async def create_run(
    body: RunCreate,
    caller: CallerDep,
    resources: ResourcesDep,
    prefer: Annotated[str | None, Header()] = None,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=KEY_LENGTH)] = None,
) -> Response:
    if body.webhook is not None:
        await _check(body.webhook, resources)
    plain = body.model_dump(by_alias=True, exclude={"agent_id", "webhook"}, exclude_none=True)
    given = RunAgentInput.model_validate(plain)
    bind(thread_id=given.thread_id, run_id=given.run_id)
    wanted = replace(await build_run_request(body.agent_id, given, caller, resources), on_disconnect="continue")
    wanted = replace(wanted, digest=_digest(body, given))
    if idempotency_key is not None:
        # A call that is made again may well come with a run id of its own.
        request = _digest(body, given, but=frozenset({"runId"}))
        wanted = replace(wanted, idempotency=Idempotency(idempotency_key, request))
    seconds = parse_prefer(prefer)
    run, key = await _open_run(body, wanted, caller, resources)
    events = await resources.run_service.wait_for_end(run, seconds) if seconds is not None else None
    row = await get_own_run(resources.runs, caller, key)
    applied = {} if seconds is None else {"Preference-Applied": f"wait={int(seconds)}"}
    if events is None and row.is_active:
        address = f"/api/v1/runs/{quote(row.client_run_id, safe='')}"
        return _run_response(status_of(row), 202, {**applied, "Location": address, "Retry-After": "1"})
    return _run_response(
        result_of(row, events or await resources.run_service.wait_for_end(run, _MAX_WAIT_SECONDS) or ()), 200, applied
    )


async def _open_run(body: RunCreate, wanted: RunRequest, caller: Caller, resources: Resources) -> tuple[str, str]:
    """The internal id and the client's of the run that was asked for, now or by an earlier request of the same key."""
    known: RunRow | None = None
    try:
        run, key = (await resources.run_service.start_run(wanted)).run, wanted.run
    except DuplicateRequest as error:
        known = error.row
        if wanted.idempotency is None or known.idempotency_request != wanted.idempotency.request:
            raise IdempotencyMismatch("Give this request a key of its own.") from None
        run, key = known.id, known.client_run_id
    if body.webhook is not None:
        # Behind the run's own row. Of a process that dies between the two its caller has had no answer: the request
        # comes again, and this with it.
        await resources.webhooks.create(caller, run, body.webhook.url)
    if known is not None and known.is_active:
        raise RequestInProgress("Ask again in a moment.", headers={"Retry-After": "1"}, runId=known.client_run_id)
    return run, key


async def _check(webhook: WebhookTarget, resources: Resources) -> None:
    settings = resources.settings.server
    if settings.webhook_secret is None:
        raise InvalidInput.for_fields(("webhook", "nothing is signed here: AGENKIT_WEBHOOK_SECRET is not set"))
    try:
        async with asyncio.timeout(_RESOLVE_SECONDS):
            await OutboundGuard(private=settings.webhook_allow_private_networks).resolve(parse_url(webhook.url))
    except AddressRefused as error:
        raise InvalidInput.for_fields(("webhook.url", str(error))) from None
    except (TimeoutError, AddressUnresolved):
        # It is looked at again, and then it counts, when something is sent there.
        return


def _digest(body: RunCreate, given: RunAgentInput, *, but: frozenset[str] = frozenset()) -> str:
    """Of the request: to be told elsewhere of the same run is to ask for something else."""
    plain = request_digest(body.agent_id, given, but=but)
    return plain if body.webhook is None else sha256(f"{plain} {body.webhook.url}".encode()).hexdigest()


def _run_response(told: RunStatus, status: int, headers: Mapping[str, str]) -> Response:
    body = told.model_dump_json(by_alias=True, exclude_none=True)
    return Response(body, status, dict(headers), "application/json")


@router.get(
    "/runs/{run_id:path}/events",
    summary="Stream a run's events, or reconnect to them",
    response_class=EventSourceResponse,
    responses={**STREAM, **problem_responses(RunNotFound, InvalidInput, EventLogUnavailable, StorageUnavailable)},
)
async def stream_run_events(
    run_id: RunId,
    caller: CallerDep,
    resources: ResourcesDep,
    last_event_id: LastEventId = None,
    protocol_version: _Dialect = None,
) -> EventSourceResponse:
    after = parse_last_event_id(last_event_id)
    row = await get_own_run(resources.runs, caller, run_id)
    converter = converter_for(protocol_version)
    try:
        return run_stream_response(resources, await resources.run_service.subscribe(row, after), converter)
    except EventLogUnavailable:
        if row.is_active:
            raise
    return _ended_run_response(row, await resources.agents.get(row.agent).snapshot(row.thread_id), converter)


@router.get(
    "/threads/{thread_id:path}/events",
    summary="Stream a thread's state and the events of its run",
    description="What was said before, the state, what is open, and then the tail: a second tab sees the same run. Of "
    "a thread without a run that goes, how its last one ended.",
    response_class=EventSourceResponse,
    responses={**STREAM, **problem_responses(ThreadNotFound, EventLogUnavailable, StorageUnavailable)},
)
async def stream_thread_events(
    thread_id: RunId, caller: CallerDep, resources: ResourcesDep, protocol_version: _Dialect = None
) -> EventSourceResponse:
    row = await resources.runs.active_run(caller, thread_id) or await resources.runs.newest_run(caller, thread_id)
    if row is None:
        raise ThreadNotFound(f"There is no thread {thread_id!r} with a run.")
    converter = converter_for(protocol_version)
    try:
        return run_stream_response(resources, await resources.run_service.join(row), converter)
    except EventLogUnavailable:
        if row.is_active:
            raise
    return _ended_run_response(row, await resources.agents.get(row.agent).snapshot(row.thread_id), converter)


def _ended_run_response(row: RunRow, snapshot: ThreadSnapshot, converter: Converter) -> EventSourceResponse:
    return EventSourceResponse(sse_frame_of(ended_run_events(row, snapshot), converter), sep="\n")


@router.post(
    "/runs/{run_id:path}/cancel",
    summary="Cancel a run",
    description="Comes back when it has ended. What it had said stays in its thread, which can be used at once.",
    response_model_exclude_none=True,
    responses={
        **example_response({**_EXAMPLE, "status": "cancelled"}),
        **problem_responses(RunNotFound, StorageUnavailable),
    },
)
async def cancel_run(run_id: RunId, caller: CallerDep, resources: ResourcesDep) -> RunStatus:
    await resources.run_service.cancel(caller, await get_own_run(resources.runs, caller, run_id))
    return status_of(await get_own_run(resources.runs, caller, run_id))


# Last: an id may hold a slash, and the paths above end in words.
@router.get(
    "/runs/{run_id:path}",
    summary="Get a run's status and result",
    response_model_exclude_none=True,
    responses={**example_response(_EXAMPLE), **problem_responses(RunNotFound, StorageUnavailable)},
)
async def get_run(run_id: RunId, caller: CallerDep, resources: ResourcesDep) -> RunStatus:
    return status_of(await get_own_run(resources.runs, caller, run_id))
