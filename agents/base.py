import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, ClassVar, Literal, Protocol, cast, runtime_checkable

from langchain_core.messages import AIMessage, BaseMessage, RemoveMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.types import RESUME
from langgraph.errors import GraphRecursionError
from langgraph.graph import StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel._loop import PregelLoop
from langgraph.types import Command, StateSnapshot
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_jsonable_python

from agents.events import (
    AgentEvent,
    CheckpointSummary,
    CustomData,
    GraphStopped,
    MessageReceived,
    MessagesRestored,
    NoticeEmitted,
    StateChanged,
    StepFinished,
    StepStarted,
    ThreadSnapshot,
)
from agents.exits import guard_tasks
from agents.history import is_prefix, missing_messages, new_messages, shared_prefix_length, unknown_messages
from agents.interrupts import read_interrupt, resume_value
from agents.tracing_callbacks import TracingCallbackHandler
from artifacts.workspace import RunWorkspace
from graphs.artifact_events import ArtifactEnded, ArtifactStarted, ArtifactTextAdded
from graphs.context import ClientTool, ContextItem, RunContext
from graphs.notice import Notice
from graphs.quality.reviewer import DefaultReviewMode, Reviewer
from graphs.review_progress import ReviewProgress
from llm.call_counter import CallCounter
from llm.factory import ModelChain
from llm.wrappers.fallback import METERED
from observability.tracing import link_interrupted_run
from storage.serializer import collect_lossy_values

CompiledGraph = CompiledStateGraph
GraphBuilder = StateGraph
Graph = CompiledStateGraph[Any, Any, Any, Any]
Checkpointer = BaseCheckpointSaver[str]
# What a graph is given, and the checkpoint that it is given to.
Step = tuple[Any, RunnableConfig]

_MESSAGES = "messages"
# Checkpoints that are read at once, and how far back one is looked for.
_HISTORY_PAGE_SIZE = 10
_MAX_SEARCHED_CHECKPOINTS = 500
# Supersteps of one run. A graph that needs more does not end.
_STEP_LIMIT = 100
# Which run a checkpoint belongs to, in its metadata.
_RUN = "agenkit_run_id"
# And that run's span, by which whoever answers its questions is linked to it.
_TRACEPARENT = "agenkit_traceparent"


@dataclass(frozen=True, slots=True)
class GraphInput:
    """What one request brings to a thread.

    `resume` holds an answer for each question of the thread that is answered, by its id. `base` is the checkpoint that
    it goes on from, where that is not the newest.
    """

    messages: Sequence[BaseMessage] = ()
    state: Mapping[str, Any] = field(default_factory=dict)
    resume: Mapping[str, Any] = field(default_factory=dict)
    client_tools: Sequence[ClientTool] = ()
    client_context: Sequence[ContextItem] = ()
    base_checkpoint_id: str | None = None
    # An instance of what the agent declares as its `wishes`.
    options: BaseModel | None = None
    # Whether a process that died may have begun this turn: then the thread goes on from what it committed of it.
    is_recovery: bool = False


@dataclass(frozen=True, slots=True)
class ServerTool:
    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


class BaseAgent(ABC):
    """An agent: a name to address, and the graph that answers.

    A graph that declares `RunContext` as its `context_schema` is handed the run's model, client tools and context;
    any other runs as it is.
    """

    id: ClassVar[str]
    name: ClassVar[str]
    description: ClassVar[str]
    version: ClassVar[str]
    # Which list of models it thinks with, unless a request says otherwise.
    profile: ClassVar[str] = "chat"
    # What becomes of a run when its last reader has gone and the request said nothing of it; a number is a grace in
    # seconds for one to come back.
    on_disconnect: ClassVar[Literal["cancel", "continue"] | float] = "cancel"
    # Whether what it writes is read before or after it is heard, unless a request says otherwise; `None`: its graph
    # has no such step.
    review_mode: ClassVar[DefaultReviewMode | None] = None
    # Of its reviews: the rubric, if not the one for the kind of text; how often an answer is revised at most; how long
    # a judge may take, if not as long as everywhere.
    rubric: ClassVar[str | None] = None
    max_revisions: ClassVar[int] = 2
    judge_timeout_seconds: ClassVar[float | None] = None
    # Whether reading is all that it does: then a request cannot have it otherwise.
    review_only: ClassVar[bool] = False
    # Whether what it hears of a person is remembered for the next time.
    extracts_memories: ClassVar[bool] = False
    # What a request may say to it in `forwardedProps` under its id, beside words.
    options: ClassVar[type[BaseModel] | None] = None
    # Under which name there, if not under its id.
    options_key: ClassVar[str | None] = None
    # What it is declared to do beside: call the client's tools, call several at once, ask people. `None`: only its
    # graph knows.
    calls_client_tools: ClassVar[bool] = False
    parallel_tool_calls: ClassVar[bool | None] = None
    interrupts: ClassVar[bool | None] = None
    tools: Sequence[ServerTool] = ()
    examples: Sequence[str] = ()

    @property
    def unavailable_reason(self) -> str | None:
        """Why it cannot answer now, in words for people; `None` when it can."""
        return None

    async def validate_options(self, options: BaseModel | None, workspace: RunWorkspace) -> None:  # noqa: B027  # most have nothing to refuse
        """Looks whether what a request says can be done, before it is run. Raises `BadWish` or `UnknownArtifact`."""

    @abstractmethod
    def build(self, checkpointer: Checkpointer) -> Graph:
        """Its graph, compiled with the checkpointer. Called once per process."""


class InvalidOption(ValueError):
    """What a request says to an agent cannot be: `field` is where it says so."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class StepLimitExceeded(RuntimeError):
    """A graph went on past the limit of steps of one run."""


class GraphNotFinished(RuntimeError):
    """A graph stopped with steps still to run, and neither asked a person anything nor was compiled to pause there."""


@runtime_checkable
class ResumeDroppingSaver(Protocol):
    """A saver that can forget what questions were answered with."""

    async def adrop_resume_values(self, thread: str, since: str) -> None:
        """Drops the answers, and the errors, beside a checkpoint of a thread and those after it."""
        ...

    async def aput_writes(self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str) -> None: ...


class _NoCheckpoint:
    """Stands for the checkpoint that a graph without a checkpointer never puts."""

    def __await__(self) -> Generator[None]:
        yield from ()

    def result(self) -> None:
        return None


def allow_nested_without_checkpointer() -> None:
    """Have graphs that are compiled with `checkpointer=False` run within one whose durability is "sync".

    LangGraph (1.2.22) waits after each of their steps for a checkpoint that is never put, and fails.
    """
    loop: Any = PregelLoop
    loop._put_checkpoint_fut = _NoCheckpoint()


class AgentRuntime:
    """An agent and its compiled graph, together for as long as the process lives."""

    def __init__(self, agent: BaseAgent, graph: Graph, call_counter: Callable[[], CallCounter] | None = None) -> None:
        self.agent = agent
        self._graph = graph
        self._call_counter = call_counter
        self._saver = cast("Checkpointer", graph.checkpointer)
        self._inputs = frozenset(graph.builder.schemas[graph.builder.input_schema]) - {_MESSAGES}
        # What a graph keeps to itself, a client is not shown.
        self._shown = frozenset(graph.builder.schemas[graph.builder.output_schema]) - {_MESSAGES}

    @property
    def shows_state(self) -> bool:
        """Whether its graph has a state beside the messages that clients are shown."""
        return bool(self._shown)

    @property
    def needs_model(self) -> bool:
        return self._graph.context_schema is RunContext

    async def run(
        self,
        thread: str,
        graph_input: GraphInput,
        models: ModelChain | None,
        workspace: RunWorkspace,
        reviewer: Reviewer | None = None,
        *,
        run: str = "",
        traceparent: str | None = None,
    ) -> AsyncGenerator[AgentEvent]:
        """Runs one turn on a thread and says what happens; `thread` and `run` are internal ids, `traceparent` is the
        run's span. It ends with `Halted`.

        Raises `EndlessGraph`, `UnfinishedGraph` and whatever the graph raises.
        """
        guard_tasks()
        spans = TracingCallbackHandler()
        config: RunnableConfig = {
            **_config(thread, graph_input.base_checkpoint_id),
            "metadata": {_RUN: run, **({_TRACEPARENT: traceparent} if traceparent else {})},
            "recursion_limit": _STEP_LIMIT,
            "callbacks": [*spans.handlers, *([self._call_counter()] if self._call_counter else [])],
        }
        tip = await self._graph.aget_state(config)
        committed = await self._recovered_head(thread, graph_input, run) if graph_input.is_recovery else None
        if committed is not None:
            tip, config = committed, {**config, **_config(thread)}
        yield StateChanged(_state(tip.values, self._shown))
        step: Step | None = None
        if committed is not None:
            yield MessagesRestored(_messages(tip.values), _messages(tip.values))
            # Not `tip.next`: a node whose writes are there and not yet applied is in `tasks` alone.
            if tip.tasks and not tip.interrupts:
                step = None, config
        elif tip.interrupts:
            step = _resume_command(tip, graph_input, config)
        else:
            branch = await self._branch(tip, graph_input, config)
            wanted = new_messages(branch, graph_input.messages)
            if (lacking := missing_messages(wanted, graph_input.messages)) is not None:
                yield MessagesRestored(wanted, lacking)
            step = await self._graph_step(tip, branch, wanted, graph_input, config)
        if step is not None:
            lossy = collect_lossy_values()
            try:
                async for fact in self._attempt_resume(
                    thread, tip, step, self._context(graph_input, models, workspace, reviewer)
                ):
                    yield fact
            finally:
                spans.close()
            tip = await self._graph.aget_state(_config(thread))
            for remark in _unkept(tip.values, self._shown, lossy):
                yield remark
            if tip.tasks and not (tip.interrupts or self._pauses):
                raise GraphNotFinished(f"The agent {self.agent.id!r} stopped before its last step")
        yield GraphStopped(_messages(tip.values), tuple(map(read_interrupt, tip.interrupts)))

    @property
    def _pauses(self) -> bool:
        return bool(self._graph.interrupt_before_nodes or self._graph.interrupt_after_nodes)

    async def _recovered_head(self, thread: str, graph_input: GraphInput, run: str) -> StateSnapshot | None:
        """The thread as a run left it whose process died; `None` where nothing of that run's input is committed."""
        tip = await self._graph.aget_state(_config(thread))
        if tip.metadata is not None and tip.metadata.get(_RUN) == run:
            return tip
        # Answers to questions are written beside the checkpoint that asks them, which an earlier run made.
        still_open = {interrupt.id for interrupt in tip.interrupts}
        return tip if graph_input.resume and tip.tasks and still_open.isdisjoint(graph_input.resume) else None

    async def _attempt_resume(
        self, thread: str, tip: StateSnapshot, step: Step, context: RunContext | None
    ) -> AsyncGenerator[AgentEvent]:
        """Takes a step. If it answers questions and does not come to its end, they are asked again."""
        given, config = step
        answers = await self._resume_values(thread) if isinstance(given, Command) else None
        try:
            async with aclosing(self._stream_events(given, config, context)) as facts:
                async for fact in facts:
                    yield fact
        except BaseException:
            if answers is not None:
                # Whatever stopped it, the next answer has to count: LangGraph keeps the first that it was given.
                await asyncio.shield(self._drop_resume_values(thread, tip, answers))
            raise

    async def _resume_values(self, thread: str) -> Sequence[tuple[str, Any]]:
        """Answers that are stored beside the thread's newest checkpoint, each with the task that was given it."""
        saved = await self._saver.aget_tuple(_config(thread))
        writes = saved.pending_writes or () if saved is not None else ()
        return [(task, value) for task, channel, value in writes if channel == RESUME]

    async def _drop_resume_values(self, thread: str, asked: StateSnapshot, answers: Sequence[tuple[str, Any]]) -> None:
        """Puts a thread back to where it asked, if it has not gone on, with the answers that it had before."""
        tip, saver = await self._graph.aget_state(_config(thread)), self._saver
        checkpoint = _checkpoint_id(asked)
        if checkpoint is None or _checkpoint_id(tip) != checkpoint or not isinstance(saver, ResumeDroppingSaver):
            return
        await saver.adrop_resume_values(thread, checkpoint)
        for task, value in answers:
            await saver.aput_writes(asked.config, [(RESUME, value)], task)

    async def was_answered(self, thread: str, interrupt_id: str) -> bool:
        """Whether a thread has ever asked a question of that id, as far back as its checkpoints are searched."""
        async with aclosing(self._walk_back(_config(thread))) as history:
            async for snapshot in history:
                if any(interrupt.id == interrupt_id for interrupt in snapshot.interrupts):
                    return True
        return False

    async def snapshot(self, thread: str) -> ThreadSnapshot:
        """A thread as its last run left it; an unknown one is empty."""
        tip = await self._graph.aget_state(_config(thread))
        return ThreadSnapshot(
            messages=_messages(tip.values),
            state=_state(tip.values, self._shown),
            interrupts=tuple(map(read_interrupt, tip.interrupts)),
            next_nodes=tip.next,
            checkpoint_id=_checkpoint_id(tip),
        )

    async def save_messages(self, thread: str, messages: Sequence[BaseMessage], *, run: str = "") -> None:
        """Puts what was said by the time a run was stopped into its thread, as if the node that said it had ended."""
        tip = await self._graph.aget_state(_config(thread))
        known = {message.id for message in _messages(tip.values)}
        new = [message for message in messages if message.id not in known]
        if not new or tip.interrupts or len(tip.next) != 1 or "__start__" in tip.next:
            return
        at: RunnableConfig = {**_config(thread), "metadata": {_RUN: run}}
        await self._graph.aupdate_state(at, {_MESSAGES: new}, as_node=tip.next[0])

    async def checkpoint_before(self, thread: str, run: str) -> str | None:
        """The newest checkpoint of a thread that a run did not make; `None` where it had none yet."""
        async with aclosing(self._walk_back(_config(thread))) as history:
            async for snapshot in history:
                if snapshot.metadata is None or snapshot.metadata.get(_RUN) != run:
                    return _checkpoint_id(snapshot)
        return None

    async def list_checkpoints(self, thread: str, *, before: str | None, limit: int) -> Sequence[CheckpointSummary]:
        """Checkpoints of a thread, newest first: those made before one, or from the newest on."""
        earlier = None if before is None else _config(thread, before)
        pages = self._graph.aget_state_history(_config(thread), before=earlier, limit=limit)
        return [_checkpoint_summary(snapshot) async for snapshot in pages]

    async def _walk_back(self, config: RunnableConfig) -> AsyncGenerator[StateSnapshot]:
        """A thread's checkpoints, newest first, a page at a time: most of what is looked for is near."""
        # Not what leads to the checkpoint that a turn goes on from: all there is.
        whole, before = _config(config["configurable"]["thread_id"]), None
        for _ in range(0, _MAX_SEARCHED_CHECKPOINTS, _HISTORY_PAGE_SIZE):
            page = [
                each async for each in self._graph.aget_state_history(whole, before=before, limit=_HISTORY_PAGE_SIZE)
            ]
            for snapshot in page:
                yield snapshot
            if len(page) < _HISTORY_PAGE_SIZE:
                return
            before = page[-1].config

    def _context(
        self, graph_input: GraphInput, models: ModelChain | None, workspace: RunWorkspace, reviewer: Reviewer | None
    ) -> RunContext | None:
        if not self.needs_model or models is None:
            return None
        return RunContext(
            models, workspace, graph_input.options, reviewer, graph_input.client_tools, graph_input.client_context
        )

    async def _graph_step(
        self,
        tip: StateSnapshot,
        branch: Sequence[BaseMessage],
        wanted: Sequence[BaseMessage],
        graph_input: GraphInput,
        config: RunnableConfig,
    ) -> Step | None:
        """The input that brings the thread to where the turn wants it, and where to apply it."""
        changed, known = self._state_changes(tip, graph_input), _messages(tip.values)
        if is_prefix(known, wanted):
            given = self._input(wanted[len(known) :], changed)
            return (given, config) if given or tip.next else None
        return await self._fork(wanted, shared_prefix_length(branch, wanted), changed, config)

    async def _branch(self, tip: StateSnapshot, graph_input: GraphInput, config: RunnableConfig) -> list[BaseMessage]:
        """The thread that the client goes on with: as it is, or a branch it has left and the client holds."""
        known = _messages(tip.values)
        if unknown := unknown_messages(known, graph_input.messages):
            async with aclosing(self._walk_back(config)) as history:
                async for snapshot in history:
                    branch = _messages(snapshot.values)
                    if not set(unknown).isdisjoint(message.id or "" for message in branch):
                        return branch
        return known

    async def _fork(
        self, wanted: Sequence[BaseMessage], reach: int, changed: Mapping[str, Any], config: RunnableConfig
    ) -> Step | None:
        """Goes on from the checkpoint that holds most of what is wanted and nothing else.

        Of those that hold the same, the newest is where something is added; the oldest is where a question is answered
        anew, by the whole graph.
        """
        found, held = await self._nearest(wanted, reach, config)
        if not found:
            # The beginning is gone, pruned perhaps: say the thread again.
            again = [RemoveMessage(id=REMOVE_ALL_MESSAGES), *wanted]
            return self._input(again, changed), config
        given = self._input(wanted[held:], changed)
        if given is None and isinstance(wanted[-1], AIMessage):
            # It ends in an answer: there is nothing to answer anew.
            return None
        # A checkpoint that waits for its turn's input would take the input of the turn that is left behind.
        settled = [snapshot for snapshot in found if "__start__" not in snapshot.next] or found
        best = settled[0] if given else settled[-1]
        at: RunnableConfig = {**config, "configurable": {**config["configurable"], **best.config["configurable"]}}
        return given, at

    async def _nearest(
        self, wanted: Sequence[BaseMessage], reach: int, config: RunnableConfig
    ) -> tuple[Sequence[StateSnapshot], int]:
        """The checkpoints that hold most of what is wanted and nothing else, newest first, and how much they hold.

        `reach` is how much of it the thread is known to have held.
        """
        found: list[StateSnapshot] = []
        held = 0
        async with aclosing(self._walk_back(config)) as history:
            async for snapshot in history:
                messages = _messages(snapshot.values)
                if not is_prefix(messages, wanted):
                    continue
                if reach <= held and len(messages) < held:
                    # The thread had not come as far here: what is older holds less.
                    break
                if len(messages) >= held:
                    found = [*(found if len(messages) == held else ()), snapshot]
                    held = len(messages)
        return found, held

    def _input(self, messages: Sequence[BaseMessage], changed: Mapping[str, Any]) -> dict[str, Any] | None:
        given: dict[str, Any] = dict(changed)
        if messages:
            given[_MESSAGES] = list(messages)
        return given or None

    def _state_changes(self, tip: StateSnapshot, graph_input: GraphInput) -> dict[str, Any]:
        # Clients send back the whole state that they were shown. Only what they changed is written: a reducer that
        # adds would add the rest once more.
        known = _state(tip.values, self._inputs | self._shown)
        return {
            key: value for key, value in graph_input.state.items() if key in self._inputs and value != known.get(key)
        }

    async def _stream_events(
        self, given: Any, config: RunnableConfig, context: RunContext | None
    ) -> AsyncGenerator[AgentEvent]:
        parts = self._graph.astream(
            given,
            config,
            context=context,
            stream_mode=["messages", "tasks", "values", "custom"],
            subgraphs=True,
            version="v2",
            # A process may die at any time: what a reader was shown must be committed before the next step begins.
            durability="sync",
        )
        results = _ToolResults()
        async with aclosing(parts):  # type: ignore[type-var]  # an async generator, typed as an iterator
            try:
                async for part in parts:
                    for result in results.unstreamed(part):
                        yield MessageReceived("", result)
                    fact = _agent_event(part, self._shown, counted=self._call_counter is not None)
                    if isinstance(fact, MessageReceived) and self._is_nested(fact.scope):
                        fact = replace(fact, nested=True)
                    if fact is not None:
                        yield fact
            except GraphRecursionError as error:
                raise StepLimitExceeded(f"The agent {self.agent.id!r} went past {_STEP_LIMIT} steps") from error

    def _is_nested(self, scope: str) -> bool:
        """Whether a step is of an agent that a node or a tool calls by itself.

        The messages of a graph that is a node get into the graph around it. What becomes of those of a graph that a
        function calls is the function's to say, and most of them end there.
        """
        graph: object = self._graph
        for step in scope.split("|")[:-1]:
            node = graph.nodes.get(step.partition(":")[0]) if isinstance(graph, CompiledGraph) else None
            graph = node.bound if node is not None else None
            if not isinstance(graph, CompiledGraph) or _MESSAGES not in graph.output_channels:
                return True
        return False


class _ToolResults:
    """Results of tools that are committed and were never told: those of a tool that hands over to another agent."""

    def __init__(self) -> None:
        self._told: set[str] | None = None

    def unstreamed(self, part: Any) -> Sequence[ToolMessage]:
        match part["type"]:
            case "messages" if isinstance(message := part["data"][0], ToolMessage) and self._told is not None:
                self._told.add(message.tool_call_id)
            case "values" if not part["ns"]:
                results = [each for each in _messages(part["data"]) if isinstance(each, ToolMessage)]
                # The first state is what the run begins with.
                unheard = (
                    [] if self._told is None else [each for each in results if each.tool_call_id not in self._told]
                )
                self._told = (self._told or set()) | {each.tool_call_id for each in results}
                return unheard
        return ()


def _config(thread: str, checkpoint: str | None = None) -> RunnableConfig:
    at = {} if checkpoint is None else {"checkpoint_id": checkpoint}
    return {"configurable": {"thread_id": thread, **at}}


def _checkpoint_id(snapshot: StateSnapshot) -> str | None:
    checkpoint: str | None = snapshot.config["configurable"].get("checkpoint_id")
    return checkpoint


def _checkpoint_summary(snapshot: StateSnapshot) -> CheckpointSummary:
    at, parent = snapshot.config["configurable"], snapshot.parent_config
    return CheckpointSummary(
        id=at["checkpoint_id"],
        parent_id=parent["configurable"]["checkpoint_id"] if parent else None,
        created_at=snapshot.created_at or "",
        step=snapshot.metadata["step"] if snapshot.metadata else 0,
        message_ids=[message.id or "" for message in _messages(snapshot.values)],
        next_nodes=snapshot.next,
        interrupts=tuple(map(read_interrupt, snapshot.interrupts)),
    )


def _resume_command(tip: StateSnapshot, graph_input: GraphInput, config: RunnableConfig) -> Step | None:
    """What is asked stays asked until it is answered: nothing is appended meanwhile, and nothing forks."""
    answers = {
        asked.id: resume_value(asked, graph_input.resume[asked.id])
        for asked in map(read_interrupt, tip.interrupts)
        if asked.id in graph_input.resume
    }
    if not answers:
        return None
    asked_by: object = (tip.metadata or {}).get(_TRACEPARENT)
    link_interrupted_run(asked_by if isinstance(asked_by, str) else None)
    return Command(resume=answers), config


def _agent_event(part: Any, shown: Collection[str], *, counted: bool) -> AgentEvent | None:
    data = part["data"]
    match part["type"]:
        case "messages":
            message, metadata = data
            return MessageReceived(
                metadata["langgraph_checkpoint_ns"],
                message,
                metadata.get("ls_provider"),
                metadata.get("ls_model_name"),
                metered=counted or METERED in metadata,
            )
        case "tasks":
            path = [*part["ns"], f"{data['name']}:{data['id']}"]
            name = "/".join(place.partition(":")[0] for place in path)
            finished = "result" in data or "error" in data
            return StepFinished("|".join(path), name) if finished else StepStarted("|".join(path), name)
        case "values" if not part["ns"]:
            return StateChanged(_state(data, shown))
        case "custom":
            return _custom_event(data)
    return None


def _custom_event(data: object) -> AgentEvent:
    match data:
        case Notice():
            return NoticeEmitted(data.code, data.message)
        case ArtifactStarted() | ArtifactTextAdded() | ArtifactEnded() | ReviewProgress():
            return data
    value, is_shown = _as_json(data)
    if not is_shown:
        return NoticeEmitted("state_not_shown", "A step said something that cannot be shown as JSON.")
    return CustomData(value)


def _messages(values: Any) -> list[BaseMessage]:
    return list(_channels(values).get(_MESSAGES) or ())


def _state(values: Any, keys: Collection[str]) -> dict[str, Any]:
    """The state as JSON values; `null` for what cannot be one (`_unshown`)."""
    return {key: _as_json(value)[0] for key, value in _channels(values).items() if key in keys}


def _hidden_keys(values: Any, keys: Collection[str]) -> list[str]:
    """The keys of the state whose values cannot be shown as JSON."""
    return [key for key, value in _channels(values).items() if key in keys and not _as_json(value)[1]]


def _unkept(values: Any, keys: Collection[str], lossy: Sequence[str]) -> Iterator[NoticeEmitted]:
    for key in _hidden_keys(values, keys):
        yield NoticeEmitted("state_not_shown", f"The state {key!r} holds a value that cannot be shown as JSON.")
    for what in lossy:
        yield NoticeEmitted("state_not_stored", f"The state is not stored as it is: {what}.")


def _as_json(value: object) -> tuple[Any, bool]:
    try:
        return to_jsonable_python(value, serialize_unknown=True), True
    except (ValueError, PydanticSerializationError):
        # Bytes that are no text, for one.
        return None, False


def _channels(values: Any) -> Mapping[str, Any]:
    """A graph's state by its keys, whatever kind of class its author declared it as."""
    match values:
        case Mapping():
            return values
        case BaseModel():
            return dict(values)
        case _ if is_dataclass(values):
            return {entry.name: getattr(values, entry.name) for entry in fields(values)}
    return {}
