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
class Folded:
    """`messages` as AG-UI's, in order; `open` what has begun and not ended, in the order in which it began."""

    started: Event | None = None
    messages: list[Message] = field(default_factory=list)
    state: Any = None
    has_state: bool = False
    # What stands beside messages, by its own id: the newest word counts.
    activities: dict[str, Event] = field(default_factory=dict)
    open: dict[tuple[str, str], Event] = field(default_factory=dict)
    terminal: Event | None = None

    def take(self, event: Event) -> None:
        kind = event["type"]
        if kind in _STARTS:
            self.open[kind, event[_STARTS[kind]]] = event
        if kind in _ENDS:
            start, name = _ENDS[kind]
            self.open.pop((start, event[name]), None)
        if (taken := _TAKEN.get(kind)) is not None:
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
        messages = joined(before, self.messages)
        if messages:
            yield {"type": "MESSAGES_SNAPSHOT", "messages": messages}
        if self.has_state:
            yield {"type": "STATE_SNAPSHOT", "snapshot": self.state}
        yield from self.activities.values()
        yield from self.open.values()
        if self.terminal is not None:
            yield self.terminal


def fold(events: Iterable[Event]) -> Folded:
    folded = Folded()
    for event in events:
        folded.take(event)
    return folded


def standing(events: Iterable[Event]) -> Sequence[Event]:
    """Events that stand for these: what a log keeps of a beginning that has grown too long."""
    return list(fold(events).events())


def joined(before: Sequence[Message], after: Sequence[Message]) -> list[Message]:
    newer = {message["id"]: message for message in after}
    held = {message["id"] for message in before}
    kept = [newer.get(message["id"], message) for message in before]
    return [*kept, *(message for message in after if message["id"] not in held)]


def closing(folded: Folded) -> Iterator[Event]:
    """Ends whatever is open, innermost first."""
    ends = {start: (end, name) for end, (start, name) in _ENDS.items()}
    for (start, called), _ in reversed(folded.open.items()):
        end, name = ends[start]
        yield {"type": end, name: called}


def _started(folded: Folded, event: Event) -> None:
    folded.started = event


def _text_started(folded: Folded, event: Event) -> None:
    if folded.message(event["messageId"]) is None:
        folded.messages.append({"id": event["messageId"], "role": event.get("role", "assistant"), "content": ""})


def _text(folded: Folded, event: Event) -> None:
    if (message := folded.message(event["messageId"])) is not None:
        message["content"] = (message.get("content") or "") + event["delta"]


def _reasoned(folded: Folded, event: Event) -> None:
    if folded.message(event["messageId"]) is None:
        folded.messages.append({"id": event["messageId"], "role": "reasoning", "content": ""})


def _called(folded: Folded, event: Event) -> None:
    owner = folded.message(event["parentMessageId"]) if event.get("parentMessageId") else None
    if owner is None:
        owner = {"id": event.get("parentMessageId") or event["toolCallId"], "role": "assistant"}
        folded.messages.append(owner)
    calls = owner.setdefault("toolCalls", [])
    if all(call["id"] != event["toolCallId"] for call in calls):
        function = {"name": event["toolCallName"], "arguments": ""}
        calls.append({"id": event["toolCallId"], "type": "function", "function": function})


def _arguments(folded: Folded, event: Event) -> None:
    for message in reversed(folded.messages):
        for call in message.get("toolCalls") or ():
            if call["id"] == event["toolCallId"]:
                call["function"]["arguments"] += event["delta"]
                return


def _result(folded: Folded, event: Event) -> None:
    told = {"role": "tool", "toolCallId": event["toolCallId"], "content": event["content"]}
    if (message := folded.message(event["messageId"])) is None:
        folded.messages.append({"id": event["messageId"], **told})
    else:
        message.update(told)


def _snapshot(folded: Folded, event: Event) -> None:
    # What a client keeps of its own beside a snapshot that says nothing of it.
    kept = [message for message in folded.messages if message["role"] == "reasoning"]
    told = [_copied(message) for message in event["messages"]]
    ids = {message["id"] for message in told}
    folded.messages = [*told, *(message for message in kept if message["id"] not in ids)]


def _copied(message: Mapping[str, Any]) -> Message:
    copied = dict(message)
    if calls := copied.get("toolCalls"):
        copied["toolCalls"] = [{**call, "function": dict(call["function"])} for call in calls]
    return copied


def _state(folded: Folded, event: Event) -> None:
    folded.state, folded.has_state = event["snapshot"], True


def _delta(folded: Folded, event: Event) -> None:
    folded.state = jsonpatch.apply_patch(folded.state, event["delta"])


def _activity(folded: Folded, event: Event) -> None:
    folded.activities[event["messageId"]] = event


_TAKEN = {
    "RUN_STARTED": _started,
    "TEXT_MESSAGE_START": _text_started,
    "TEXT_MESSAGE_CONTENT": _text,
    "REASONING_MESSAGE_START": _reasoned,
    "REASONING_MESSAGE_CONTENT": _text,
    "TOOL_CALL_START": _called,
    "TOOL_CALL_ARGS": _arguments,
    "TOOL_CALL_RESULT": _result,
    "MESSAGES_SNAPSHOT": _snapshot,
    "STATE_SNAPSHOT": _state,
    "STATE_DELTA": _delta,
    "ACTIVITY_SNAPSHOT": _activity,
}
