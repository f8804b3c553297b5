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

from agents.facts import Standing
from backend.api.asking import REFUSALS, asked_for, digest
from backend.api.examples import STREAM, answers, shown
from backend.api.older import upgrade_input
from backend.api.streams import streamed
from backend.dependencies import Has, Who
from backend.errors import InFlight, InvalidInput, KeyUsed, LogGone, RunNotFound, StorageGone, ThreadNotFound
from backend.resources import Resources
from backend.runs.dialect import Dialect, spoken_by
from backend.runs.execute import Asked
from backend.runs.follow import told
from backend.runs.result import RunResult, RunStatus, result_of, status_of
from backend.runs.standing import ended
from backend.security.addresses import LONGEST_URL, Gate, Refused, Unresolved, url_of
from observability.logs import bind
from storage.caller import Caller
from storage.log import BadPosition, Position
from storage.runs import Idempotency, RequestKnown, RunRow, Runs
from storage.tables import KEY_LENGTH

router = APIRouter(prefix="/api/v1", tags=["runs"])

RunId = Annotated[str, Path(min_length=1, max_length=KEY_LENGTH)]
_Dialect = Annotated[
    str | None,
    Query(alias="protocolVersion", description="As in a run's input: without it, the older dialect is told."),
]


class WebhookAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        min_length=1,
        max_length=LONGEST_URL,
        examples=["https://example.com/hooks/agenkit"],
        description="Is told how the run ended, signed (docs/services.md).",
    )


class RunAsked(RunAgentInput):
    """What is asked of an agent, and of which."""

    agent_id: str = Field(min_length=1, max_length=KEY_LENGTH, examples=["chat"])
    webhook: WebhookAsked | None = None

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
# A name that takes longer to look up is looked at when something is sent there.
_RESOLVE_SECONDS = 1.0


def waiting(prefer: str | None) -> float | None:
    """Seconds of `Prefer: wait=N` (RFC 7240); what is malformed is as if it were not there."""
    found = _WAIT.search(prefer or "")
    return min(float(found[1]), _MOST_SECONDS) if found else None


@router.post(
    "/runs",
    summary="Run an agent for a service that wants an answer and no stream",
    description="With `Prefer: wait=N` the answer is the result, if it is there in N seconds; else 202 and a run to "
    "follow. `Idempotency-Key` makes a repeated call the same run; `webhook` is told how it ended.",
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
    if asked.webhook is not None:
        await _check(asked.webhook, has)
    plain = asked.model_dump(by_alias=True, exclude={"agent_id", "webhook"}, exclude_none=True)
    given = RunAgentInput.model_validate(plain)
    bind(thread_id=given.thread_id, run_id=given.run_id)
    wanted = replace(await asked_for(asked.agent_id, given, who, has), on_disconnect="continue")
    wanted = replace(wanted, digest=_digest(asked, given))
    if idempotency_key is not None:
        # A call that is made again may well come with a run id of its own.
        request = _digest(asked, given, but=frozenset({"runId"}))
        wanted = replace(wanted, idempotency=Idempotency(idempotency_key, request))
    seconds = waiting(prefer)
    run, key = await _opened(asked, wanted, who, has)
    events = await has.live.ended(run, seconds) if seconds is not None else None
    row = await found(has.runs, who, key)
    applied = {} if seconds is None else {"Preference-Applied": f"wait={int(seconds)}"}
    if events is None and row.goes:
        address = f"/api/v1/runs/{quote(row.key, safe='')}"
        return _told(status_of(row), 202, {**applied, "Location": address, "Retry-After": "1"})
    return _told(result_of(row, events or await has.live.ended(run, _MOST_SECONDS) or ()), 200, applied)


async def _opened(asked: RunAsked, wanted: Asked, who: Caller, has: Resources) -> tuple[str, str]:
    """The internal id and the client's of the run that was asked for, now or by an earlier request of the same key."""
    known: RunRow | None = None
    try:
        run, key = (await has.live.open(wanted)).run, wanted.run
    except RequestKnown as error:
        known = error.row
        if wanted.idempotency is None or known.idempotency_request != wanted.idempotency.request:
            raise KeyUsed("Give this request a key of its own.") from None
        run, key = known.id, known.key
    if asked.webhook is not None:
        # Behind the run's own row. Of a process that dies between the two its caller has had no answer: the request
        # comes again, and this with it.
        await has.webhooks.ask(who, run, asked.webhook.url)
    if known is not None and known.goes:
        raise InFlight("Ask again in a moment.", headers={"Retry-After": "1"}, runId=known.key)
    return run, key


async def _check(webhook: WebhookAsked, has: Resources) -> None:
    settings = has.settings.server
    if settings.webhook_secret is None:
        raise InvalidInput.naming(("webhook", "nothing is signed here: AGENKIT_WEBHOOK_SECRET is not set"))
    try:
        async with asyncio.timeout(_RESOLVE_SECONDS):
            await Gate(private=settings.webhook_private).leads_to(url_of(webhook.url))
    except Refused as error:
        raise InvalidInput.naming(("webhook.url", str(error))) from None
    except (TimeoutError, Unresolved):
        # It is looked at again, and then it counts, when something is sent there.
        return


def _digest(asked: RunAsked, given: RunAgentInput, *, but: frozenset[str] = frozenset()) -> str:
    """Of the request: to be told elsewhere of the same run is to ask for something else."""
    plain = digest(asked.agent_id, given, but=but)
    return plain if asked.webhook is None else sha256(f"{plain} {asked.webhook.url}".encode()).hexdigest()


def _told(told: RunStatus, status: int, headers: Mapping[str, str]) -> Response:
    body = told.model_dump_json(by_alias=True, exclude_none=True)
    return Response(body, status, dict(headers), "application/json")


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
    row = await has.runs.going(who, thread_id) or await has.runs.newest(who, thread_id)
    if row is None:
        raise ThreadNotFound(f"There is no thread {thread_id!r} with a run.")
    dialect = spoken_by(protocol_version)
    try:
        return streamed(has, await has.live.join(row), dialect)
    except LogGone:
        if row.goes:
            raise
    return _over(row, await has.agents.get(row.agent).standing(row.thread_id), dialect)


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
    return status_of(await found(has.runs, who, run_id))


# Last: an id may hold a slash, and the paths above end in words.
@router.get(
    "/runs/{run_id:path}",
    summary="A run as it stands",
    response_model_exclude_none=True,
    responses={**shown(_EXAMPLE), **answers(RunNotFound, StorageGone)},
)
async def get_run(run_id: RunId, who: Who, has: Has) -> RunStatus:
    return status_of(await found(has.runs, who, run_id))
