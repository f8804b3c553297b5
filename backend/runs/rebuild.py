"""What a run has said so far, as one client would hold it. Pure, over the events of its log."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonpatch

Event = Mapping[str, Any]
Message = dict[str, Any]

# What opens a thing, and what it is called by; the events that continue and end it carry the same name.
_ENDS: Mapping[str, tuple[str, str]] = {
    "TEXT_MESSAGE_END": ("TEXT_MESSAGE_START", "messageId"),
    "TOOL_CALL_END": ("TOOL_CALL_START", "toolCallId"),
    "REASONING_MESSAGE_END": ("REASONING_MESSAGE_START", "messageId"),
    "REASONING_END": ("REASONING_START", "messageId"),
    "STEP_FINISHED": ("STEP_STARTED", "stepName"),
}
_STARTS = dict(_ENDS.values())
_TERMINAL = {"RUN_FINISHED", "RUN_ERROR"}


@dataclass(slots=True)
class RebuiltState:
    """`messages` as AG-UI's, in order; `open` what has begun and not ended, in the order in which it began."""

    started: Event | None = None
    messages: list[Message] = field(default_factory=list)
    state: Any = None
    has_state: bool = False
    # What stands beside messages, by its own id: the newest word counts.
    activities: dict[str, Event] = field(default_factory=dict)
    open: dict[tuple[str, str], Event] = field(default_factory=dict)
    terminal: Event | None = None

    def apply(self, event: Event) -> None:
        kind = event["type"]
        if kind in _STARTS:
            self.open[kind, event[_STARTS[kind]]] = event
        if kind in _ENDS:
            start, name = _ENDS[kind]
            self.open.pop((start, event[name]), None)
        if (taken := _APPLY.get(kind)) is not None:
            taken(self, event)
        if kind in _TERMINAL:
            self.terminal = event

    def message(self, message_id: str) -> Message | None:
        return next((message for message in reversed(self.messages) if message["id"] == message_id), None)

    def events(self, before: Sequence[Message] = ()) -> Iterator[Event]:
        """The fewest events that bring a client without any to the same place.

        `before` are the messages of the thread before this run. What this run says of the same ones counts.
        """
        if self.started is not None:
            yield self.started
        messages = join_rebuilt(before, self.messages)
        if messages:
            yield {"type": "MESSAGES_SNAPSHOT", "messages": messages}
        if self.has_state:
            yield {"type": "STATE_SNAPSHOT", "snapshot": self.state}
        yield from self.activities.values()
        yield from self.open.values()
        if self.terminal is not None:
            yield self.terminal


def rebuild_state(events: Iterable[Event]) -> RebuiltState:
    state = RebuiltState()
    for event in events:
        state.apply(event)
    return state


def rebuild_events(events: Iterable[Event]) -> Sequence[Event]:
    """Events that stand for these: what a log keeps of a beginning that has grown too long."""
    return list(rebuild_state(events).events())


def join_rebuilt(before: Sequence[Message], after: Sequence[Message]) -> list[Message]:
    newer = {message["id"]: message for message in after}
    held = {message["id"] for message in before}
    kept = [newer.get(message["id"], message) for message in before]
    return [*kept, *(message for message in after if message["id"] not in held)]


def closing_events(state: RebuiltState) -> Iterator[Event]:
    """Ends whatever is open, innermost first."""
    ends = {start: (end, name) for end, (start, name) in _ENDS.items()}
    for (start, called), _ in reversed(state.open.items()):
        end, name = ends[start]
        yield {"type": end, name: called}


def _apply_run_started(state: RebuiltState, event: Event) -> None:
    state.started = event


def _apply_text_start(state: RebuiltState, event: Event) -> None:
    if state.message(event["messageId"]) is None:
        state.messages.append({"id": event["messageId"], "role": event.get("role", "assistant"), "content": ""})


def _apply_text(state: RebuiltState, event: Event) -> None:
    if (message := state.message(event["messageId"])) is not None:
        message["content"] = (message.get("content") or "") + event["delta"]


def _apply_reasoning(state: RebuiltState, event: Event) -> None:
    if state.message(event["messageId"]) is None:
        state.messages.append({"id": event["messageId"], "role": "reasoning", "content": ""})


def _apply_call_start(state: RebuiltState, event: Event) -> None:
    owner = state.message(event["parentMessageId"]) if event.get("parentMessageId") else None
    if owner is None:
        owner = {"id": event.get("parentMessageId") or event["toolCallId"], "role": "assistant"}
        state.messages.append(owner)
    calls = owner.setdefault("toolCalls", [])
    if all(call["id"] != event["toolCallId"] for call in calls):
        function = {"name": event["toolCallName"], "arguments": ""}
        calls.append({"id": event["toolCallId"], "type": "function", "function": function})


def _apply_arguments(state: RebuiltState, event: Event) -> None:
    for message in reversed(state.messages):
        for call in message.get("toolCalls") or ():
            if call["id"] == event["toolCallId"]:
                call["function"]["arguments"] += event["delta"]
                return


def _apply_result(state: RebuiltState, event: Event) -> None:
    told = {"role": "tool", "toolCallId": event["toolCallId"], "content": event["content"]}
    if (message := state.message(event["messageId"])) is None:
        state.messages.append({"id": event["messageId"], **told})
    else:
        message.update(told)


def _apply_snapshot(state: RebuiltState, event: Event) -> None:
    # What a client keeps of its own beside a snapshot that says nothing of it.
    kept = [message for message in state.messages if message["role"] == "reasoning"]
    told = [_copy_message(message) for message in event["messages"]]
    ids = {message["id"] for message in told}
    state.messages = [*told, *(message for message in kept if message["id"] not in ids)]


def _copy_message(message: Mapping[str, Any]) -> Message:
    copied = dict(message)
    if calls := copied.get("toolCalls"):
        copied["toolCalls"] = [{**call, "function": dict(call["function"])} for call in calls]
    return copied


def _apply_state(state: RebuiltState, event: Event) -> None:
    state.state, state.has_state = event["snapshot"], True


def _apply_delta(state: RebuiltState, event: Event) -> None:
    state.state = jsonpatch.apply_patch(state.state, event["delta"])


def _apply_activity(state: RebuiltState, event: Event) -> None:
    state.activities[event["messageId"]] = event


_APPLY = {
    "RUN_STARTED": _apply_run_started,
    "TEXT_MESSAGE_START": _apply_text_start,
    "TEXT_MESSAGE_CONTENT": _apply_text,
    "REASONING_MESSAGE_START": _apply_reasoning,
    "REASONING_MESSAGE_CONTENT": _apply_text,
    "TOOL_CALL_START": _apply_call_start,
    "TOOL_CALL_ARGS": _apply_arguments,
    "TOOL_CALL_RESULT": _apply_result,
    "MESSAGES_SNAPSHOT": _apply_snapshot,
    "STATE_SNAPSHOT": _apply_state,
    "STATE_DELTA": _apply_delta,
    "ACTIVITY_SNAPSHOT": _apply_activity,
}
