"""From what a request asks to what is run: the checks that the protocol's own types leave to us."""

import re
from hashlib import sha256
from typing import Annotated, Any, Literal, TypeVar

from ag_ui.core import RunAgentInput
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agents.base import BadWish, Served
from agents.interrupts import answer_fault
from backend.errors import (
    AgentNotFound,
    AgentUnavailable,
    BodyTooLarge,
    BudgetSpent,
    Busy,
    InterruptAnswered,
    InvalidInput,
    LogGone,
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
from backend.resources import Resources
from backend.runs.execute import Asked, Choice, Multitask
from backend.runs.turn import turn_of
from graphs.quality.gate import Gate, Quality
from graphs.quality.mount import asked_in
from graphs.quality.rubric import UnknownRubric
from llm.context import CallContext
from llm.factory import Candidate, ModelFactory
from observability.tracing import Who as Whose
from observability.tracing import accepted
from storage.caller import Caller
from storage.log import written
from storage.tables import KEY_LENGTH
from storage.threads import UnknownThread

# What a request for a run may be answered instead of a run.
REFUSALS = (
    AgentNotFound,
    Busy,
    Waiting,
    RunIdTaken,
    BodyTooLarge,
    NotJson,
    InvalidInput,
    InterruptAnswered,
    ModelNotFound,
    ProfileNotFound,
    BudgetSpent,
    AgentUnavailable,
    NoModelThere,
    TooMuch,
    StorageGone,
    LogGone,
    ShuttingDown,
)


# OpenAI's rule, which the others' contain.
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

M = TypeVar("M", bound=BaseModel)


class Wishes(BaseModel):
    """What a request chooses beyond the protocol, in `forwardedProps`. Other keys there are other people's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)] | None = None
    profile: Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)] | None = None
    on_disconnect: Annotated[
        Literal["cancel", "continue"] | Annotated[float, Field(strict=True, ge=0, le=86400)] | None,
        Field(alias="onDisconnect"),
    ] = None
    multitask: Multitask = "interrupt"
    quality: Quality | None = None

    @model_validator(mode="after")
    def _is_one_choice(self) -> "Wishes":
        if self.model and self.profile:
            raise ValueError("choose a model or a profile, not both")
        return self


async def asked_for(agent_id: str, asked: RunAgentInput, who: Caller, has: Resources) -> Asked:
    """Raises the problems of `REFUSALS` that can be known before the run is opened."""
    served = has.agents.get(agent_id)
    _check(asked, served)
    await _check_answers(asked, served, who, has)
    wishes = _wishes(asked)
    own = await _own_wishes(asked, served, who, has)
    choice = Choice(wishes.model, wishes.profile, _quality(wishes, served))
    candidate = await _candidate(choice, served, has.models)
    if candidate is not None:
        await has.models.check_budget(CallContext(who.tenant, who.user))
        candidate.check_room(who.tenant)
    turn = turn_of(asked, own)
    return Asked(
        caller=who,
        thread=asked.thread_id,
        run=asked.run_id,
        parent_run=asked.parent_run_id,
        served=served,
        turn=turn,
        input=asked,
        candidate=candidate,
        choice=choice,
        digest=digest(agent_id, asked),
        above=accepted(has.tracing, _who(who, asked, served), f"ask {served.agent.id}", asked_in(turn.messages)),
        gate=await _gate(choice, candidate, own, served, has),
        on_disconnect=wishes.on_disconnect if wishes.on_disconnect is not None else served.agent.on_disconnect,
        multitask=wishes.multitask,
    )


def digest(agent_id: str, asked: RunAgentInput, *, but: frozenset[str] = frozenset()) -> str:
    """Of all that is asked, but for some fields."""
    told = asked.model_dump(mode="json", by_alias=True)
    kept = {key: value for key, value in told.items() if key not in but}
    return sha256(written({"agentId": agent_id, **kept})).hexdigest()


def _wishes(asked: RunAgentInput) -> Wishes:
    return Wishes() if asked.forwarded_props is None else _read(Wishes, asked.forwarded_props, "forwardedProps")


async def _own_wishes(asked: RunAgentInput, served: Served, who: Caller, has: Resources) -> BaseModel | None:
    """What is said to this agent alone, in `forwardedProps` under its id."""
    agent, given = served.agent, asked.forwarded_props
    name = agent.wishes_as or agent.id
    if agent.wishes is None or not isinstance(given, dict) or given.get(name) is None:
        return None
    place = f"forwardedProps.{name}"
    wishes = _read(agent.wishes, given[name], place)
    try:
        await agent.admit(wishes, has.desk(who, asked.thread_id, asked.run_id))
    except BadWish as error:
        raise InvalidInput.naming((f"{place}.{error.field}", str(error))) from None
    return wishes


def _who(who: Caller, asked: RunAgentInput, served: Served) -> Whose:
    return Whose(who.tenant, who.user, asked.thread_id, asked.run_id, served.agent.id)


def _quality(wishes: Wishes, served: Served) -> Quality:
    agent = served.agent
    if agent.quality is None and wishes.quality not in {None, "off"}:
        raise InvalidInput.naming(("forwardedProps.quality", f"the agent {agent.id!r} has no step that reads"))
    if agent.reads and wishes.quality not in {None, agent.quality}:
        raise InvalidInput.naming(("forwardedProps.quality", f"the agent {agent.id!r} does nothing but read"))
    return wishes.quality or agent.quality or "off"


async def _gate(
    choice: Choice, candidate: Candidate | None, own: BaseModel | None, served: Served, has: Resources
) -> Gate | None:
    try:
        return await has.gates.of_run(choice.quality, served, candidate, own)
    except UnknownRubric as error:
        known = ", ".join(error.known)
        raise InvalidInput.naming(("forwardedProps.review.rubric", f"there are: {known}")) from None


def _read(kind: type[M], given: Any, place: str) -> M:
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise InvalidInput.naming(
            *(
                (".".join([place, *map(str, detail["loc"])]), detail["msg"].removeprefix("Value error, "))
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


async def _check_answers(asked: RunAgentInput, served: Served, who: Caller, has: Resources) -> None:
    """Raises `InvalidInput` for an answer that fits no question, `InterruptAnswered` for one that comes too late."""
    if not asked.resume:
        return
    try:
        thread = (await has.threads.get(who, asked.thread_id)).id
    except UnknownThread:
        raise InvalidInput.naming(("resume", f"the thread {asked.thread_id!r} asks nothing")) from None
    open_questions = {question.id: question for question in (await served.standing(thread)).questions}
    wrong = list[tuple[str, str]]()
    for at, entry in enumerate(asked.resume):
        if (question := open_questions.get(entry.interrupt_id)) is None:
            if await served.was_asked(thread, entry.interrupt_id):
                raise InterruptAnswered(f"The question {entry.interrupt_id!r} has an answer. Load the thread again.")
            wrong.append((f"resume.{at}.interruptId", f"the thread does not ask {entry.interrupt_id!r}"))
        elif entry.status == "resolved" and (fault := answer_fault(question, entry.payload)) is not None:
            path, why = fault
            wrong.append((".".join(filter(None, (f"resume.{at}.payload", path))), why))
    if wrong:
        raise InvalidInput.naming(*wrong)


def _wrong_ids(asked: RunAgentInput) -> list[tuple[str, str]]:
    ids = [("threadId", asked.thread_id), ("runId", asked.run_id)]
    ids += [(f"messages.{at}.id", message.id) for at, message in enumerate(asked.messages)]
    twice, taken = list[tuple[str, str]](), set[str]()
    for at, message in enumerate(asked.messages):
        if message.id in taken:
            twice.append((f"messages.{at}.id", f"another message has the id {message.id!r}"))
        taken.add(message.id)
    return twice + [
        (field, f"an id has 1 to {KEY_LENGTH} characters, none of them a control character")
        for field, given in ids
        if not 0 < len(given) <= KEY_LENGTH or not given.isprintable()
    ]


def _wrong_tools(asked: RunAgentInput, served: Served) -> list[tuple[str, str]]:
    taken, wrong = {tool.name for tool in served.agent.tools}, list[tuple[str, str]]()
    for at, tool in enumerate(asked.tools or ()):
        if not _TOOL_NAME.fullmatch(tool.name):
            wrong.append((f"tools.{at}.name", "expected 1 to 64 letters, digits, `_` or `-`: providers take no others"))
        if tool.name in taken:
            wrong.append((f"tools.{at}.name", f"another tool is named {tool.name!r}"))
        if tool.parameters is not None and not isinstance(tool.parameters, dict):
            wrong.append((f"tools.{at}.parameters", "expected a JSON Schema, which is an object"))
        taken.add(tool.name)
    return wrong
