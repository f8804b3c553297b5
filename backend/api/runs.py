import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from ag_ui.core import RunAgentInput
from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sse_starlette import EventSourceResponse

from agents.facts import Standing
from backend.api.asking import REFUSALS, asked_for, digest
from backend.api.examples import STREAM, answers, shown
from backend.api.streams import streamed
from backend.dependencies import Has, Who
from backend.errors import InFlight, InvalidInput, KeyUsed, LogGone, RunNotFound, StorageGone, ThreadNotFound
from backend.runs.dialect import Dialect, spoken_by
from backend.runs.execute import Asked
from backend.runs.fold import fold
from backend.runs.follow import told
from backend.runs.messages import to_agui
from backend.runs.standing import ended
from storage.caller import Caller
from storage.log import BadPosition, Position
from storage.runs import Idempotency, RequestKnown, RunRow, Runs, Status
from storage.tables import KEY_LENGTH

router = APIRouter(prefix="/api/v1", tags=["runs"])

RunId = Annotated[str, Path(min_length=1, max_length=KEY_LENGTH)]
_Dialect = Annotated[
    str | None,
    Query(alias="protocolVersion", description="As in a run's input: without it, the older dialect is told."),
]


class RunStatus(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    run_id: str = Field(examples=["run-1"])
    thread_id: str = Field(examples=["thread-1"])
    agent_id: str = Field(examples=["chat"])
    status: Status
    model: str | None = Field(None, description="The model that answered, or is to.")
    error: str | None = Field(None, description="The code of a run that failed (docs/errors.md).")
    usage: Sequence[Mapping[str, Any]] = ()
    created_at: datetime
    ended_at: datetime | None = None


class RunAsked(RunAgentInput):
    """What is asked of an agent, and of which."""

    agent_id: str = Field(min_length=1, max_length=KEY_LENGTH, examples=["chat"])


class RunResult(RunStatus):
    """A run that has ended, and what it said."""

    messages: Sequence[Mapping[str, Any]] = Field((), description="AG-UI messages that are new since it began.")
    state: Any = None
    message: str | None = Field(None, description="What went wrong, for people.")
    interrupts: Sequence[Mapping[str, Any]] | None = Field(None, description="What it waits for an answer to.")


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


async def found(runs: Runs, who: Caller, run_id: str) -> RunRow:
    """Raises `RunNotFound`; another's run is none."""
    if (row := await runs.find(who, run_id)) is None:
        raise RunNotFound(f"There is no run {run_id!r}.")
    return row


def position(last_event_id: str | None) -> Position | None:
    if not last_event_id:
        return None
    try:
        return Position.parse(last_event_id)
    except BadPosition as error:
        raise InvalidInput.naming(("Last-Event-ID", str(error))) from None


LastEventId = Annotated[str | None, Header(description="The `id` of the last event that was heard; the rest follows.")]


_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?(?:$|[,;\s])", re.IGNORECASE)
# However patient a caller is, a proxy on the way is not.
_MOST_SECONDS = 300.0
_NEW = ("TEXT_MESSAGE_START", "TOOL_CALL_RESULT")


def waiting(prefer: str | None) -> float | None:
    """Seconds of `Prefer: wait=N` (RFC 7240); what is malformed is as if it were not there."""
    found = _WAIT.search(prefer or "")
    return min(float(found[1]), _MOST_SECONDS) if found else None


@router.post(
    "/runs",
    summary="Run an agent for a service that wants an answer and no stream",
    description="With `Prefer: wait=N` the answer is the result, if it is there in N seconds; else 202 and a run to "
    "follow. `Idempotency-Key` makes a repeated call the same run.",
    response_model=RunResult,
    response_model_exclude_none=True,
    responses={
        **shown({**_EXAMPLE, "messages": [{"id": "msg-1", "role": "assistant", "content": "Paris."}], "state": {}}),
        202: {
            **shown({**_EXAMPLE, "status": "running", "usage": []}, status=202)[202],
            "description": "It goes on; `Location` is where to follow it.",
            "model": RunStatus,
        },
        **answers(*REFUSALS, KeyUsed, InFlight),
    },
)
async def post_run(
    asked: RunAsked,
    who: Who,
    has: Has,
    prefer: Annotated[str | None, Header()] = None,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=KEY_LENGTH)] = None,
) -> Response:
    given = RunAgentInput.model_validate(asked.model_dump(by_alias=True, exclude={"agent_id"}, exclude_none=True))
    wanted = replace(await asked_for(asked.agent_id, given, who, has), on_disconnect="continue")
    if idempotency_key is not None:
        # A call that is made again may well come with a run id of its own.
        request = digest(asked.agent_id, given, but=frozenset({"runId"}))
        wanted = replace(wanted, idempotency=Idempotency(idempotency_key, request))
    seconds = waiting(prefer)
    try:
        run, key = (await has.live.open(wanted)).run, asked.run_id
    except RequestKnown as error:
        run, key = _again(error.row, wanted), error.row.key
    events = await has.live.ended(run, seconds) if seconds is not None else None
    row = await found(has.runs, who, key)
    applied = {} if seconds is None else {"Preference-Applied": f"wait={int(seconds)}"}
    if events is None and row.goes:
        address = f"/api/v1/runs/{quote(row.key, safe='')}"
        return _told(_status(row), 202, {**applied, "Location": address, "Retry-After": "1"})
    return _told(_result(row, events or await has.live.ended(run, _MOST_SECONDS) or ()), 200, applied)


def _again(row: RunRow, wanted: Asked) -> str:
    """The run of an earlier request with the same key."""
    if wanted.idempotency is None or row.idempotency_request != wanted.idempotency.request:
        raise KeyUsed("Give this request a key of its own.")
    if row.goes:
        raise InFlight("Ask again in a moment.", headers={"Retry-After": "1"}, runId=row.key)
    return row.id


def _told(told: RunStatus, status: int, headers: Mapping[str, str]) -> Response:
    body = told.model_dump_json(by_alias=True, exclude_none=True)
    return Response(body, status, dict(headers), "application/json")


def _result(row: RunRow, events: Sequence[Mapping[str, Any]]) -> RunResult:
    folded = fold(events)
    new = {event["messageId"] for event in events if event["type"] in _NEW}
    new |= {event["parentMessageId"] for event in events if event["type"] == "TOOL_CALL_START"}
    last = folded.terminal or {}
    outcome = last.get("outcome") or {}
    return RunResult(
        **_status(row).model_dump(),
        messages=[message for message in folded.messages if message["id"] in new],
        state=folded.state,
        message=last.get("message"),
        interrupts=outcome.get("interrupts"),
    )


@router.get(
    "/runs/{run_id:path}/events",
    summary="The events of a run, from the first or from where one was, to its end",
    response_class=EventSourceResponse,
    responses={**STREAM, **answers(RunNotFound, InvalidInput, LogGone, StorageGone)},
)
async def run_events(
    run_id: RunId, who: Who, has: Has, last_event_id: LastEventId = None, protocol_version: _Dialect = None
) -> EventSourceResponse:
    after = position(last_event_id)
    row = await found(has.runs, who, run_id)
    dialect = spoken_by(protocol_version)
    try:
        return streamed(has, await has.live.attach(row, after), dialect)
    except LogGone:
        if row.goes:
            raise
    return _over(row, await has.agents.get(row.agent).standing(row.thread_id), dialect)


@router.get(
    "/threads/{thread_id:path}/events",
    summary="A thread as it stands, and what its run goes on to say",
    description="What was said before, the state, what is open, and then the tail: a second tab sees the same run. Of "
    "a thread without a run that goes, how its last one ended.",
    response_class=EventSourceResponse,
    responses={**STREAM, **answers(ThreadNotFound, LogGone, StorageGone)},
)
async def thread_events(thread_id: RunId, who: Who, has: Has, protocol_version: _Dialect = None) -> EventSourceResponse:
    if (row := await has.runs.newest(who, thread_id)) is None:
        raise ThreadNotFound(f"There is no thread {thread_id!r} with a run.")
    standing = await has.agents.get(row.agent).standing(row.thread_id)
    before = [
        message.model_dump(mode="json", by_alias=True, exclude_none=True) for message in to_agui(standing.messages)
    ]
    dialect = spoken_by(protocol_version)
    try:
        return streamed(has, await has.live.join(row, before), dialect)
    except LogGone:
        if row.goes:
            raise
    return _over(row, standing, dialect)


def _over(row: RunRow, standing: Standing, dialect: Dialect) -> EventSourceResponse:
    return EventSourceResponse(told(ended(row, standing), dialect), sep="\n")


@router.post(
    "/runs/{run_id:path}/cancel",
    summary="Stop a run",
    description="Comes back when it has ended. What it had said stays in its thread, which can be used at once.",
    response_model_exclude_none=True,
    responses={**shown({**_EXAMPLE, "status": "cancelled"}), **answers(RunNotFound, StorageGone)},
)
async def cancel_run(run_id: RunId, who: Who, has: Has) -> RunStatus:
    await has.live.cancel(who, await found(has.runs, who, run_id))
    return _status(await found(has.runs, who, run_id))


# Last: an id may hold a slash, and the paths above end in words.
@router.get(
    "/runs/{run_id:path}",
    summary="A run as it stands",
    response_model_exclude_none=True,
    responses={**shown(_EXAMPLE), **answers(RunNotFound, StorageGone)},
)
async def get_run(run_id: RunId, who: Who, has: Has) -> RunStatus:
    return _status(await found(has.runs, who, run_id))


def _status(row: RunRow) -> RunStatus:
    return RunStatus(
        run_id=row.key,
        thread_id=row.thread,
        agent_id=row.agent,
        status=row.status,
        model=row.model,
        error=row.error_code,
        usage=row.usage,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
