"""Facts of a run as AG-UI events. No IO: what a fact becomes depends on the facts before it and on nothing else."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

import jsonpatch
from ag_ui.core import (
    ActivitySnapshotEvent,
    AssistantMessage,
    BaseEvent,
    CustomEvent,
    Interrupt,
    Message,
    MessagesSnapshotEvent,
    ReasoningEndEvent,
    ReasoningMessageContentEvent,
    ReasoningMessageEndEvent,
    ReasoningMessageStartEvent,
    ReasoningStartEvent,
    RunFinishedEvent,
    RunFinishedInterruptOutcome,
    RunFinishedSuccessOutcome,
    StateDeltaEvent,
    StateSnapshotEvent,
    StepFinishedEvent,
    StepStartedEvent,
    TextMessageContentEvent,
    TextMessageEndEvent,
    TextMessageStartEvent,
    TokenUsage,
    ToolCallArgsEvent,
    ToolCallEndEvent,
    ToolCallResultEvent,
    ToolCallStartEvent,
)
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage

from agents.events import (
    AgentEvent,
    ArtifactEvent,
    CustomData,
    GraphStopped,
    MessageReceived,
    MessagesRestored,
    NoticeEmitted,
    PendingInterrupt,
    StateChanged,
    StepFinished,
    StepStarted,
)
from backend.runs.messages import incomplete_marker, result_text, to_agui, trim_surrogates
from graphs.artifact_events import ArtifactEnded, ArtifactStarted, ArtifactTextAdded
from graphs.review_progress import ReviewProgress
from llm.meter import Meter, UsageTotal
from llm.spec import ModelSpec

Events = Iterator[BaseEvent]

# The key of the state under which a client shows an artifact that is being written.
DRAFT = "draft"

_NOT_RUN = '{"error": "It was stopped before it was written."}'


@dataclass(slots=True)
class _Open:
    """What a message has begun and not ended, and so has to be ended before the run is."""

    scope: str
    text: list[str] = field(default_factory=list)
    reasoning: str | None = None
    # Tool calls by the index that their fragments carry: providers may write several in turns.
    calls: dict[int | str | None, str] = field(default_factory=dict)
    thoughts: int = 0


class Translator:
    """One run's fold from facts to events."""

    def __init__(self, *, thread: str, run: str, meter: Meter | None = None) -> None:
        self._meter = meter or Meter()
        self._thread = thread
        self._run = run
        self._open: dict[str, _Open] = {}
        self._steps: dict[str, int] = {}
        self._state: Mapping[str, Any] | None = None
        self._usage: dict[tuple[str | None, str | None], TokenUsage] = {}
        self.spoke = False
        # Calls that are told while an artifact is written, and those of them that are open.
        self._told_calls: set[str] = set()
        self._artifacts: list[str] = []
        # Those of them that have no result yet: whoever hears of a call waits for one.
        self._unanswered: dict[str, None] = {}
        self._predicted = False
        self._said_last = ""
        # Messages that have been said, in order.
        self._texts: dict[str, str] = {}
        # Messages that have called a tool.
        self._calling = set[str]()
        # Of the last review that was done.
        self._verdict: Mapping[str, Any] | None = None

    @property
    def usage(self) -> Sequence[TokenUsage]:
        return (*(_model_usage(spec, total) for spec, total in self._meter.totals.items()), *self._usage.values())

    @property
    def cost(self) -> dict[str, Any] | None:
        """What the run took beyond counts: dollars as a decimal in words, where all prices are known, and whether the
        counts are estimates.
        """
        totals = self._meter.totals.values()
        if not totals:
            return None
        known = [total.cost for total in totals if total.cost is not None]
        cost = str(sum(known)) if len(known) == len(totals) and not self._usage else None
        told: dict[str, Any] = {"usageEstimated": any(total.estimated for total in totals)}
        return told if cost is None else {**told, "costUsd": cost}

    def feed(self, event: AgentEvent) -> Events:  # noqa: C901  # one flat table
        match event:
            case MessageReceived():
                yield from self._message(event)
            case MessagesRestored():
                # A client keeps what it has in its place and appends the rest: what it has comes second.
                yield MessagesSnapshotEvent(messages=to_agui(event.missing))
                yield MessagesSnapshotEvent(messages=to_agui(event.messages))
            case StepStarted():
                yield from self._step_started(event.name)
            case StepFinished():
                yield from self._close_scope(event.scope)
                yield from self._step_finished(event.name)
            case StateChanged():
                yield from self._state_changed(event.state)
            case CustomData():
                yield CustomEvent(name="langgraph", value=event.data)
            case NoticeEmitted():
                yield CustomEvent(name="notice", value={"code": event.code, "message": event.message})
            case ArtifactStarted() | ArtifactTextAdded() | ArtifactEnded():
                yield from self._artifact(event)
            case ReviewProgress():
                if event.stage == "done" and event.told is not None:
                    self._verdict = event.told
                yield ActivitySnapshotEvent(
                    message_id=f"{event.message}-review",
                    activity_type="review",
                    content={
                        "messageId": event.message,
                        "stage": event.stage,
                        "attempt": event.attempt,
                        **({"verdict": dict(event.told)} if event.told else {}),
                    },
                    replace=True,
                )
            case GraphStopped():
                yield from self._graph_stopped(event)
            case _:
                assert_never(event)

    def close(self) -> Events:
        """Ends whatever is open, so that a client can take the end of the run."""
        for message_id in list(self._open):
            yield from self._close(message_id)
        for call in list(self._unanswered):
            yield from self._artifact_ended(call)
            yield ToolCallResultEvent(message_id=f"{call}-result", tool_call_id=call, content=_NOT_RUN, role="tool")
        if self._predicted and self._state is not None:
            self._predicted = False
            yield StateSnapshotEvent(snapshot=self._state)
        for name in list(self._steps):
            self._steps[name] = 1
            yield from self._step_finished(name)

    @property
    def answers(self) -> Collection[str]:
        """The ids of the messages that have said something or called a tool."""
        return {*self._texts, *self._calling}

    @property
    def messages(self) -> str:
        """The text of the message that was said last."""
        return self._said_last

    @property
    def unfinished(self) -> Sequence[AIMessage]:
        """What has begun to be said and has not ended, as far as it is text."""
        return [AIMessage("".join(opened.text), id=key) for key, opened in self._open.items() if opened.text]

    def _message(self, fact: MessageReceived) -> Events:
        message = fact.message
        if isinstance(message, AIMessage):
            self._count(fact, message)
            yield from (
                self._prefixed_reasoning(fact.scope, message) if fact.nested else self._answer(fact.scope, message)
            )
        elif fact.nested:
            # What its tools answer is between it and them.
            return
        elif isinstance(message, ToolMessage):
            self._unanswered.pop(message.tool_call_id, None)
            yield ToolCallResultEvent(
                message_id=message.id or "",
                tool_call_id=message.tool_call_id,
                content=result_text(message),
                role="tool",
            )

    def _prefixed_reasoning(self, scope: str, message: AIMessage) -> Events:
        """What an agent within a node or a tool says: a message would be gone with the next snapshot of the thread."""
        message_id = message.id or ""
        if text := _reasoning(message) + message.text:
            yield from self._append_reasoning(self._open_message(scope, message_id), message_id, text)
        if not isinstance(message, AIMessageChunk) or message.chunk_position == "last":
            yield from self._close(message_id)

    def _answer(self, scope: str, message: AIMessage) -> Events:
        message_id = message.id or ""
        if reasoning := _reasoning(message):
            yield from self._append_reasoning(self._open_message(scope, message_id), message_id, reasoning)
        if text := message.text:
            yield from self._append_text(self._open_message(scope, message_id), message_id, text)
        opened = self._open.get(message_id)
        if opened and (mark := incomplete_marker("".join(opened.text), message.response_metadata)):
            yield from self._append_text(opened, message_id, mark)
        if isinstance(message, AIMessageChunk):
            for fragment in message.tool_call_chunks:
                yield from self._fragment(self._open_message(scope, message_id), message_id, fragment)
        else:
            yield from self._whole_calls(scope, message_id, message)
        if not isinstance(message, AIMessageChunk) or message.chunk_position == "last":
            yield from self._close(message_id)

    def _artifact(self, fact: ArtifactEvent) -> Events:
        match fact:
            case ArtifactStarted():
                yield from self._artifact_begun(fact)
            case ArtifactTextAdded():
                yield ToolCallArgsEvent(tool_call_id=fact.call, delta=_escaped(fact.text))
            case ArtifactEnded():
                yield from self._artifact_ended(fact.call)

    def _artifact_begun(self, fact: ArtifactStarted) -> Events:
        """A call as if the model had made it: its arguments are written here, the last of them while it grows."""
        if fact.state_key:
            told = {"state_key": DRAFT, "tool": fact.tool, "tool_argument": fact.streamed}
            yield CustomEvent(name="PredictState", value=[told])
            self._predicted = True
        self._told_calls.add(fact.call)
        self._artifacts.append(fact.call)
        self._unanswered[fact.call] = None
        yield from self._start_call(fact.message, fact.call, fact.tool)
        known = "".join(f"{_quoted(name)}: {_quoted(value)}, " for name, value in fact.arguments.items())
        yield ToolCallArgsEvent(tool_call_id=fact.call, delta=f'{{{known}{_quoted(fact.streamed)}: "')

    def _artifact_ended(self, call: str) -> Events:
        if call in self._artifacts:
            self._artifacts.remove(call)
            yield ToolCallArgsEvent(tool_call_id=call, delta='"}')
            yield ToolCallEndEvent(tool_call_id=call)

    def _open_message(self, scope: str, message_id: str) -> _Open:
        return self._open.setdefault(message_id, _Open(scope))

    def _append_text(self, opened: _Open, message_id: str, text: str) -> Events:
        self.spoke = True
        text = trim_surrogates(text)
        yield from self._end_reasoning(opened)
        if not opened.text:
            yield TextMessageStartEvent(message_id=message_id, role="assistant")
        opened.text.append(text)
        yield TextMessageContentEvent(message_id=message_id, delta=text)

    def _append_reasoning(self, opened: _Open, message_id: str, text: str) -> Events:
        self.spoke = True
        if opened.reasoning is None:
            opened.thoughts += 1
            opened.reasoning = f"{message_id}-reasoning-{opened.thoughts}"
            yield ReasoningStartEvent(message_id=opened.reasoning)
            yield ReasoningMessageStartEvent(message_id=opened.reasoning, role="reasoning")
        yield ReasoningMessageContentEvent(message_id=opened.reasoning, delta=trim_surrogates(text))

    def _end_reasoning(self, opened: _Open) -> Events:
        if opened.reasoning is not None:
            yield ReasoningMessageEndEvent(message_id=opened.reasoning)
            yield ReasoningEndEvent(message_id=opened.reasoning)
            opened.reasoning = None

    def _fragment(self, opened: _Open, message_id: str, fragment: Mapping[str, Any]) -> Events:
        """A piece of a tool call: the first carries id and name, those after it the index only."""
        index, call_id = fragment.get("index"), fragment.get("id")
        if call_id and opened.calls.get(index) != call_id:
            yield from self._end_reasoning(opened)
            yield from self._end_call(opened, index)
            opened.calls[index] = call_id
            yield from self._start_call(message_id, call_id, fragment.get("name") or "")
        if (arguments := fragment.get("args")) and index in opened.calls:
            yield ToolCallArgsEvent(tool_call_id=opened.calls[index], delta=arguments)

    def _start_call(self, message_id: str, call_id: str, name: str) -> Events:
        self.spoke = True
        self._calling.add(message_id)
        yield ToolCallStartEvent(tool_call_id=call_id, tool_call_name=name, parent_message_id=message_id)

    def _end_call(self, opened: _Open, index: int | str | None) -> Events:
        if index in opened.calls:
            yield ToolCallEndEvent(tool_call_id=opened.calls.pop(index))

    def _whole_calls(self, scope: str, message_id: str, message: AIMessage) -> Events:
        for told in to_agui([message]):
            for call in getattr(told, "tool_calls", None) or ():
                if call.id in self._told_calls:
                    # It was told while it was written.
                    continue
                self._open_message(scope, message_id)
                yield from self._start_call(message_id, call.id, call.function.name)
                yield ToolCallArgsEvent(tool_call_id=call.id, delta=call.function.arguments)
                yield ToolCallEndEvent(tool_call_id=call.id)

    def _close(self, message_id: str) -> Events:
        opened = self._open.pop(message_id, None)
        if opened is None:
            return
        yield from self._end_reasoning(opened)
        for index in list(opened.calls):
            yield from self._end_call(opened, index)
        if opened.text:
            self._said_last = self._texts[message_id] = "".join(opened.text)
            yield TextMessageEndEvent(message_id=message_id)

    def _close_scope(self, scope: str) -> Events:
        for message_id in [key for key, opened in self._open.items() if opened.scope == scope]:
            yield from self._close(message_id)

    def _step_started(self, name: str) -> Events:
        # A node may run several times at once; a client knows a step by its name.
        self._steps[name] = self._steps.get(name, 0) + 1
        if self._steps[name] == 1:
            yield StepStartedEvent(step_name=name)

    def _step_finished(self, name: str) -> Events:
        going = self._steps.get(name, 0)
        if going > 1:
            self._steps[name] = going - 1
        elif going == 1:
            del self._steps[name]
            yield StepFinishedEvent(step_name=name)

    def _state_changed(self, state: Mapping[str, Any]) -> Events:
        before, self._state = self._state, state
        if before is None or self._predicted:
            # A draft that a client has predicted is in no state of ours: only a snapshot takes it away.
            self._predicted = False
            yield StateSnapshotEvent(snapshot=state)
        elif patch := jsonpatch.make_patch(before, state).patch:
            yield StateDeltaEvent.model_validate({"delta": patch})

    def _count(self, fact: MessageReceived, message: AIMessage) -> None:
        if fact.metered or (told := message.usage_metadata) is None:
            return
        key = fact.provider, fact.model
        usage = self._usage.setdefault(key, TokenUsage(provider=fact.provider, model=fact.model))
        read, written = told.get("input_token_details", {}), told.get("output_token_details", {})
        for name, count in (
            ("input_tokens", told["input_tokens"]),
            ("output_tokens", told["output_tokens"]),
            ("total_tokens", told["total_tokens"]),
            ("cached_input_tokens", read.get("cache_read")),
            ("cache_write_input_tokens", read.get("cache_creation")),
            ("reasoning_tokens", written.get("reasoning")),
        ):
            if count is not None:
                setattr(usage, name, (getattr(usage, name) or 0) + count)

    def _graph_stopped(self, fact: GraphStopped) -> Events:
        yield from self.close()
        messages = self._with_uncommitted(to_agui(fact.messages))
        if messages:
            yield MessagesSnapshotEvent(messages=messages)
        if fact.interrupts:
            outcome: Any = RunFinishedInterruptOutcome(interrupts=list(map(to_agui_interrupt, fact.interrupts)))
        else:
            outcome = RunFinishedSuccessOutcome(pending_tool_call_ids=_pending(fact.messages) or None)
        yield RunFinishedEvent(
            thread_id=self._thread,
            run_id=self._run,
            outcome=outcome,
            result=None if self._verdict is None else {"verdict": dict(self._verdict)},
            usage=list(self.usage) or None,
            metadata=self.cost,
        )

    def _with_uncommitted(self, messages: list[Message]) -> list[Message]:
        """The thread's messages, and those that were streamed and that the graph keeps nowhere: what somebody has read
        does not disappear.
        """
        committed = {message.id for message in messages}
        place = {message.id: at for at, message in enumerate(messages)}
        shown, before = list(messages), len(messages)
        for message_id, text in reversed(self._texts.items()):
            if message_id in committed:
                before = shown.index(messages[place[message_id]])
            else:
                shown.insert(before, AssistantMessage(id=message_id, content=text))
        return shown


def _model_usage(spec: ModelSpec, total: UsageTotal) -> TokenUsage:
    tokens = total.tokens
    return TokenUsage(
        provider=spec.provider,
        model=spec.name,
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        total_tokens=tokens.total,
        cached_input_tokens=tokens.cached or None,
        cache_write_input_tokens=tokens.cache_write or None,
        reasoning_tokens=tokens.reasoning or None,
    )


def to_agui_interrupt(interrupt: PendingInterrupt) -> Interrupt:
    """A question as the protocol has it. A node may give a dict with the protocol's own fields, or any other value."""
    value = interrupt.value
    if not isinstance(value, dict):
        message = value if isinstance(value, str) else None
        return Interrupt(
            id=interrupt.id,
            reason="input_required",
            message=message,
            metadata={"value": value},
            response_schema=_schema(interrupt),
        )
    told = {
        name: value[key]
        for name, key, kind in (
            ("reason", "reason", str),
            ("message", "message", str),
            ("tool_call_id", "toolCallId", str),
            ("expires_at", "expiresAt", str),
        )
        if isinstance(value.get(key), kind)
    }
    known = {"id": interrupt.id, "reason": "input_required", "metadata": {"value": value}}
    return Interrupt(**{**known, "response_schema": _schema(interrupt), **told})


def _schema(interrupt: PendingInterrupt) -> dict[str, Any] | None:
    return None if interrupt.response_schema is None else dict(interrupt.response_schema)


def _reasoning(message: BaseMessage) -> str:
    told = message.additional_kwargs.get("reasoning_content")
    if isinstance(told, str):
        return told
    if isinstance(message.content, str):
        return ""
    return "".join(_thought(block) for block in message.content if isinstance(block, dict))


def _thought(block: Mapping[str, Any]) -> str:
    match block:
        case {"type": "thinking", "thinking": str(text)} | {"type": "reasoning", "reasoning": str(text)}:
            return text
        case {"type": "reasoning", "summary": list(parts)}:
            return "".join(part.get("text", "") for part in parts if isinstance(part, dict))
    return ""


def _pending(messages: Sequence[BaseMessage]) -> list[str]:
    """Calls of the last answer that nobody has answered: the client's to carry out."""
    answered = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
    last = next((message for message in reversed(messages) if isinstance(message, AIMessage)), None)
    return [call["id"] for call in (last.tool_calls if last else ()) if call["id"] and call["id"] not in answered]


def _quoted(value: str | int | None) -> str:
    return json.dumps(value, ensure_ascii=False)


def _escaped(text: str) -> str:
    """As it stands within a string of JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
