from typing import Annotated, Any

from ag_ui.core import RunAgentInput
from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.background import BackgroundTask

from agents.base import Served
from backend.api.examples import answers
from backend.dependencies import Has, Who
from backend.errors import (
    AgentNotFound,
    AgentUnavailable,
    BodyTooLarge,
    BudgetSpent,
    Busy,
    InvalidInput,
    ModelNotFound,
    NoModelThere,
    NotJson,
    ProfileNotFound,
    RunIdTaken,
    ShuttingDown,
    StorageGone,
    TooMuch,
    Waiting,
)
from backend.runs.dialect import spoken_by
from backend.runs.execute import Asked
from backend.runs.turn import turn_of
from llm.context import CallContext
from llm.factory import Candidate, ModelFactory
from storage.tables import KEY_LENGTH

router = APIRouter(prefix="/api/v1", tags=["chat"])


class Choice(BaseModel):
    """What a request chooses beyond the protocol, in `forwardedProps`. Other keys there are other people's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)] | None = None
    profile: Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)] | None = None

    @model_validator(mode="after")
    def _is_one_choice(self) -> "Choice":
        if self.model and self.profile:
            raise ValueError("choose a model or a profile, not both")
        return self


_EXAMPLES: dict[str, Any] = {
    "first message": {
        "summary": "A first message",
        "value": {
            "threadId": "thread-1",
            "runId": "run-1",
            "protocolVersion": "1.0",
            "state": {},
            "messages": [{"id": "m1", "role": "user", "content": "What is the capital of France?"}],
            "tools": [],
            "context": [],
            "forwardedProps": {},
        },
    },
    "a model by name": {
        "summary": "A model by name",
        "value": {
            "threadId": "thread-1",
            "runId": "run-2",
            "messages": [{"id": "m2", "role": "user", "content": "And of Spain?"}],
            "tools": [],
            "context": [],
            "forwardedProps": {"model": "embedded:smollm2"},
        },
    },
    "an answer to a question": {
        "summary": "An answer to a question that interrupted the thread",
        "value": {
            "threadId": "thread-1",
            "runId": "run-3",
            "messages": [],
            "tools": [],
            "context": [],
            "resume": [{"interruptId": "5f0c…", "status": "resolved", "payload": True}],
        },
    },
}

_STREAM = """id: 1f6c2a90-1
data: {"type":"RUN_STARTED","threadId":"thread-1","runId":"run-1","protocolVersion":"1.0"}

id: 1f6c2a90-2
data: {"type":"STATE_SNAPSHOT","snapshot":{}}

id: 1f6c2a90-3
data: {"type":"TEXT_MESSAGE_START","messageId":"msg-1","role":"assistant"}

id: 1f6c2a90-4
data: {"type":"TEXT_MESSAGE_CONTENT","messageId":"msg-1","delta":"Paris."}

id: 1f6c2a90-5
data: {"type":"TEXT_MESSAGE_END","messageId":"msg-1"}

id: 1f6c2a90-6
data: {"type":"RUN_FINISHED","threadId":"thread-1","runId":"run-1","outcome":{"type":"success"}}

"""


@router.post(
    "/chat/{agent_id}",
    summary="Run an agent and stream its AG-UI events",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "AG-UI events, one per server-sent event; `id` is the event's position in the run's log.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _STREAM}},
        },
        **answers(
            AgentNotFound,
            Busy,
            Waiting,
            RunIdTaken,
            BodyTooLarge,
            NotJson,
            InvalidInput,
            ModelNotFound,
            ProfileNotFound,
            AgentUnavailable,
            BudgetSpent,
            NoModelThere,
            TooMuch,
            StorageGone,
            ShuttingDown,
        ),
    },
)
async def chat(
    agent_id: str,
    asked: Annotated[RunAgentInput, Body(openapi_examples=_EXAMPLES)],
    request: Request,
    who: Who,
    has: Has,
) -> EventSourceResponse:
    served = has.agents.get(agent_id)
    request.state.agent_id = agent_id
    _check(asked, served)
    candidate = await _candidate(_choice(asked), served, has.models)
    if candidate is not None:
        await has.models.check_budget(CallContext(who.tenant, who.user))
        candidate.check_room(who.tenant)
    live = await has.live.open(
        Asked(
            caller=who,
            thread=asked.thread_id,
            run=asked.run_id,
            parent_run=asked.parent_run_id,
            served=served,
            turn=turn_of(asked),
            candidate=candidate,
        )
    )
    server = has.settings.server
    return EventSourceResponse(
        has.live.stream(live, spoken_by(asked.protocol_version)),
        # The clients know no line end but LF.
        sep="\n",
        ping=server.keep_alive,
        ping_message_factory=_keep_alive,
        shutdown_event=has.live.exit,
        # Long enough for the runs to end in words by themselves.
        shutdown_grace_period=server.shutdown_grace + 2,
        # For a client that is gone before the stream has begun: nothing would end a stream that never did.
        background=BackgroundTask(has.live.leave, live),
    )


def _keep_alive() -> ServerSentEvent:
    return ServerSentEvent(comment="keep-alive", sep="\n")


def _choice(asked: RunAgentInput) -> Choice:
    given = asked.forwarded_props
    if given is None:
        return Choice()
    try:
        return Choice.model_validate(given)
    except ValidationError as error:
        raise InvalidInput.naming(
            *(
                (".".join(["forwardedProps", *map(str, detail["loc"])]), detail["msg"].removeprefix("Value error, "))
                for detail in error.errors(include_input=False, include_url=False)
            )
        ) from None


async def _candidate(choice: Choice, served: Served, models: ModelFactory) -> Candidate | None:
    """The model of this run. One that is asked for is looked up even where the agent's graph brings its own."""
    if not (served.needs_model or choice.model or choice.profile):
        return None
    return await models.candidate(model=choice.model, profile=choice.profile or served.agent.profile)


def _check(asked: RunAgentInput, served: Served) -> None:
    """What the protocol's own types let through."""
    if (why := served.agent.unavailable) is not None:
        raise AgentUnavailable(why)
    wrong = [*_wrong_ids(asked), *_wrong_tools(asked, served)]
    if not any(message.role not in ("activity", "reasoning") for message in asked.messages) and not asked.resume:
        wrong.append(("messages", "there is no message to answer"))
    if wrong:
        raise InvalidInput.naming(*wrong)


def _wrong_ids(asked: RunAgentInput) -> list[tuple[str, str]]:
    ids = [("threadId", asked.thread_id), ("runId", asked.run_id)]
    ids += [(f"messages.{at}.id", message.id) for at, message in enumerate(asked.messages)]
    taken = [message.id for message in asked.messages]
    twice = (
        [at for at, message_id in enumerate(taken) if message_id in taken[:at]] if len(set(taken)) < len(taken) else []
    )
    return [(f"messages.{at}.id", f"another message has the id {taken[at]!r}") for at in twice] + [
        (field, f"an id has 1 to {KEY_LENGTH} characters, none of them a control character")
        for field, given in ids
        if not 0 < len(given) <= KEY_LENGTH or not given.isprintable()
    ]


def _wrong_tools(asked: RunAgentInput, served: Served) -> list[tuple[str, str]]:
    taken, wrong = {tool.name for tool in served.agent.tools}, list[tuple[str, str]]()
    for at, tool in enumerate(asked.tools or ()):
        if tool.name in taken:
            wrong.append((f"tools.{at}.name", f"another tool is named {tool.name!r}"))
        if tool.parameters is not None and not isinstance(tool.parameters, dict):
            wrong.append((f"tools.{at}.parameters", "expected a JSON Schema, which is an object"))
        taken.add(tool.name)
    return wrong
