"""From what a request asks to what is run: the checks that the protocol's own types leave to us."""

import re
from hashlib import sha256
from typing import Annotated, Any, Literal, TypeVar

from ag_ui.core import RunAgentInput
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agents.base import AgentRuntime, InvalidOption
from agents.interrupts import resume_error
from backend.errors import (
    AgentNotFound,
    AgentUnavailable,
    BodyTooLarge,
    BudgetUsedUp,
    EventLogUnavailable,
    InterruptAnswered,
    InvalidInput,
    ModelNotFound,
    NoModelProblem,
    NotJson,
    ProfileNotFound,
    RunIdTaken,
    ServerOverloaded,
    ShuttingDown,
    StorageUnavailable,
    ThreadAwaitingInput,
    ThreadBusyProblem,
)
from backend.resources import Resources
from backend.runs.execution import ModelSelection, MultitaskStrategy, RunRequest
from backend.runs.graph_input import build_graph_input
from graphs.quality.reviewer import DefaultReviewMode, Reviewer
from graphs.quality.rubric import UnknownRubric
from graphs.quality.subgraph import prompt_of
from llm.context import CallContext
from llm.factory import ModelChain, ModelFactory
from observability.tracing import TraceSubject as Whose
from observability.tracing import accept_request
from storage.caller import Caller
from storage.event_log import serialize_event
from storage.tables import KEY_LENGTH
from storage.threads import UnknownThread

# What a request for a run may be answered instead of a run.
REQUEST_PROBLEMS = (
    AgentNotFound,
    ThreadBusyProblem,
    ThreadAwaitingInput,
    RunIdTaken,
    BodyTooLarge,
    NotJson,
    InvalidInput,
    InterruptAnswered,
    ModelNotFound,
    ProfileNotFound,
    BudgetUsedUp,
    AgentUnavailable,
    NoModelProblem,
    ServerOverloaded,
    StorageUnavailable,
    EventLogUnavailable,
    ShuttingDown,
)


# OpenAI's rule, which the others' contain.
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

M = TypeVar("M", bound=BaseModel)


class RunOptions(BaseModel):
    """What a request chooses beyond the protocol, in `forwardedProps`. Other keys there are other people's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)] | None = None
    profile: Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)] | None = None
    on_disconnect: Annotated[
        Literal["cancel", "continue"] | Annotated[float, Field(strict=True, ge=0, le=86400)] | None,
        Field(alias="onDisconnect"),
    ] = None
    multitask_strategy: Annotated[MultitaskStrategy, Field(alias="multitaskStrategy")] = "interrupt"
    review_mode: Annotated[DefaultReviewMode | None, Field(alias="reviewMode")] = None

    @model_validator(mode="after")
    def _is_one_choice(self) -> "RunOptions":
        if self.model and self.profile:
            raise ValueError("choose a model or a profile, not both")
        return self


async def build_run_request(
    agent_id: str, run_input: RunAgentInput, caller: Caller, resources: Resources
) -> RunRequest:
    """Raises the problems of `REFUSALS` that can be known before the run is opened."""
    agent = resources.agents.get(agent_id)
    _check_input(run_input, agent)
    await _check_resume(run_input, agent, caller, resources)
    options = _run_options(run_input)
    own = await _agent_options(run_input, agent, caller, resources)
    selection = ModelSelection(options.model, options.profile, _review_mode(options, agent))
    models = await _select_models(selection, agent, resources.models)
    if models is not None:
        await resources.models.check_budget(CallContext(caller.tenant, caller.user))
        models.check_capacity(caller.tenant)
    graph_input = build_graph_input(run_input, own)
    return RunRequest(
        caller=caller,
        thread=run_input.thread_id,
        run=run_input.run_id,
        parent_run=run_input.parent_run_id,
        agent=agent,
        graph_input=graph_input,
        input=run_input,
        models=models,
        selection=selection,
        digest=request_digest(agent_id, run_input),
        parent_span=accept_request(
            resources.tracing,
            _trace_subject(caller, run_input, agent),
            f"ask {agent.agent.id}",
            prompt_of(graph_input.messages),
        ),
        reviewer=await _reviewer(selection, models, own, agent, resources),
        on_disconnect=options.on_disconnect if options.on_disconnect is not None else agent.agent.on_disconnect,
        multitask_strategy=options.multitask_strategy,
    )


def request_digest(agent_id: str, run_input: RunAgentInput, *, but: frozenset[str] = frozenset()) -> str:
    """Of all that is asked, but for some fields."""
    told = run_input.model_dump(mode="json", by_alias=True)
    kept = {key: value for key, value in told.items() if key not in but}
    return sha256(serialize_event({"agentId": agent_id, **kept})).hexdigest()


def _run_options(run_input: RunAgentInput) -> RunOptions:
    return (
        RunOptions()
        if run_input.forwarded_props is None
        else _parse_options(RunOptions, run_input.forwarded_props, "forwardedProps")
    )


async def _agent_options(
    run_input: RunAgentInput, runtime: AgentRuntime, caller: Caller, resources: Resources
) -> BaseModel | None:
    """What is said to this agent alone, in `forwardedProps` under its id."""
    agent, given = runtime.agent, run_input.forwarded_props
    name = agent.options_key or agent.id
    if agent.options is None or not isinstance(given, dict) or given.get(name) is None:
        return None
    place = f"forwardedProps.{name}"
    options = _parse_options(agent.options, given[name], place)
    try:
        await agent.validate_options(options, resources.workspace(caller, run_input.thread_id, run_input.run_id))
    except InvalidOption as error:
        raise InvalidInput.for_fields((f"{place}.{error.field}", str(error))) from None
    return options


def _trace_subject(caller: Caller, run_input: RunAgentInput, agent: AgentRuntime) -> Whose:
    return Whose(caller.tenant, caller.user, run_input.thread_id, run_input.run_id, agent.agent.id)


def _review_mode(options: RunOptions, runtime: AgentRuntime) -> DefaultReviewMode:
    agent = runtime.agent
    if agent.review_mode is None and options.review_mode not in {None, "off"}:
        raise InvalidInput.for_fields(("forwardedProps.reviewMode", f"the agent {agent.id!r} has no step that reads"))
    if agent.review_only and options.review_mode not in {None, agent.review_mode}:
        raise InvalidInput.for_fields(("forwardedProps.reviewMode", f"the agent {agent.id!r} does nothing but read"))
    return options.review_mode or agent.review_mode or "off"


async def _reviewer(
    selection: ModelSelection,
    models: ModelChain | None,
    own: BaseModel | None,
    agent: AgentRuntime,
    resources: Resources,
) -> Reviewer | None:
    try:
        return await resources.reviewers.for_run(selection.review_mode, agent, models, own)
    except UnknownRubric as error:
        known = ", ".join(error.known)
        raise InvalidInput.for_fields(("forwardedProps.review.rubric", f"there are: {known}")) from None


def _parse_options(kind: type[M], given: Any, place: str) -> M:
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise InvalidInput.for_fields(
            *(
                (".".join([place, *map(str, detail["loc"])]), detail["msg"].removeprefix("Value error, "))
                for detail in error.errors(include_input=False, include_url=False)
            )
        ) from None


async def _select_models(selection: ModelSelection, agent: AgentRuntime, models: ModelFactory) -> ModelChain | None:
    """The model of this run. One that is asked for is looked up even where the agent's graph brings its own."""
    if not (agent.needs_model or selection.model or selection.profile):
        return None
    return await models.select(model=selection.model, profile=selection.profile or agent.agent.profile)


def _check_input(run_input: RunAgentInput, agent: AgentRuntime) -> None:
    """What the protocol's own types let through."""
    if (why := agent.agent.unavailable_reason) is not None:
        raise AgentUnavailable(why)
    wrong = [*_invalid_ids(run_input), *_invalid_tools(run_input, agent)]
    if (
        not any(message.role not in ("activity", "reasoning") for message in run_input.messages)
        and not run_input.resume
    ):
        wrong.append(("messages", "there is no message to answer"))
    if wrong:
        raise InvalidInput.for_fields(*wrong)


async def _check_resume(run_input: RunAgentInput, agent: AgentRuntime, caller: Caller, resources: Resources) -> None:
    """Raises `InvalidInput` for an answer that fits no question, `InterruptAnswered` for one that comes too late."""
    if not run_input.resume:
        return
    try:
        thread = (await resources.threads.get(caller, run_input.thread_id)).id
    except UnknownThread:
        raise InvalidInput.for_fields(("resume", f"the thread {run_input.thread_id!r} asks nothing")) from None
    open_questions = {interrupt.id: interrupt for interrupt in (await agent.snapshot(thread)).interrupts}
    wrong = list[tuple[str, str]]()
    for at, entry in enumerate(run_input.resume):
        if (interrupt := open_questions.get(entry.interrupt_id)) is None:
            if await agent.was_answered(thread, entry.interrupt_id):
                raise InterruptAnswered(f"The question {entry.interrupt_id!r} has an answer. Load the thread again.")
            wrong.append((f"resume.{at}.interruptId", f"the thread does not ask {entry.interrupt_id!r}"))
        elif entry.status == "resolved" and (fault := resume_error(interrupt, entry.payload)) is not None:
            path, why = fault
            wrong.append((".".join(filter(None, (f"resume.{at}.payload", path))), why))
    if wrong:
        raise InvalidInput.for_fields(*wrong)


def _invalid_ids(run_input: RunAgentInput) -> list[tuple[str, str]]:
    ids = [("threadId", run_input.thread_id), ("runId", run_input.run_id)]
    ids += [(f"messages.{at}.id", message.id) for at, message in enumerate(run_input.messages)]
    twice, taken = list[tuple[str, str]](), set[str]()
    for at, message in enumerate(run_input.messages):
        if message.id in taken:
            twice.append((f"messages.{at}.id", f"another message has the id {message.id!r}"))
        taken.add(message.id)
    return twice + [
        (field, f"an id has 1 to {KEY_LENGTH} characters, none of them a control character")
        for field, given in ids
        if not 0 < len(given) <= KEY_LENGTH or not given.isprintable()
    ]


def _invalid_tools(run_input: RunAgentInput, agent: AgentRuntime) -> list[tuple[str, str]]:
    taken, wrong = {tool.name for tool in agent.agent.tools}, list[tuple[str, str]]()
    for at, tool in enumerate(run_input.tools or ()):
        if not _TOOL_NAME.fullmatch(tool.name):
            wrong.append((f"tools.{at}.name", "expected 1 to 64 letters, digits, `_` or `-`: providers take no others"))
        if tool.name in taken:
            wrong.append((f"tools.{at}.name", f"another tool is named {tool.name!r}"))
        if tool.parameters is not None and not isinstance(tool.parameters, dict):
            wrong.append((f"tools.{at}.parameters", "expected a JSON Schema, which is an object"))
        taken.add(tool.name)
    return wrong
