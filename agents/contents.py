"""What goes into a graph's nodes and comes out of them, as spans tell it: any value, bounded."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from langchain_core.messages import BaseMessage, ToolMessage
from langgraph.types import Command, Send
from pydantic import BaseModel

from observability.tracing import Message

# Characters of one key's value, and how deep it is looked into.
_MAX_CHARACTERS = 64_000
_MAX_DEPTH = 12
# As providers, and so Langfuse and OpenTelemetry, call them.
_ROLES = {"human": "user", "ai": "assistant"}


def to_message(message: BaseMessage) -> Message:
    role, calls = _ROLES.get(message.type, message.type), getattr(message, "tool_calls", ())
    answered = message.tool_call_id if isinstance(message, ToolMessage) else None
    return Message(role, message.text, calls, answered)


def state_content(state: object) -> Mapping[str, Any]:
    """A node's state or update by its keys; a list of messages stays one, of messages as spans have them."""
    match state:
        case None:
            return {}
        case Command():
            told = {**state_content(state.update), "goto": state.goto}
            return {key: value for key, value in told.items() if key != "goto" or value}
        case Send():
            return {"node": state.node, **state_content(state.arg)}
        case list() | tuple() if state and all(isinstance(each, BaseMessage) for each in state):
            return {"messages": [to_message(each) for each in state]}
        case BaseMessage():
            return {"messages": [to_message(state)]}
    named = _fields(state)
    return {"value": _clipped(state)} if named is None else {key: _content(value) for key, value in named.items()}


def _content(value: object) -> Any:
    told = value if isinstance(value, list) else [value]
    messages = [to_message(each) for each in told if isinstance(each, BaseMessage)]
    return messages if messages and len(messages) == len(told) else _clipped(value)


def _fields(value: object) -> Mapping[str, Any] | None:
    """The parts of what has names for them."""
    if isinstance(value, Mapping):
        return {str(key): part for key, part in value.items()}
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields}
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name, None) for each in fields(value)}
    return None


class _Room:
    def __init__(self, characters: int) -> None:
        self.left = characters


def _clipped(value: object) -> Any:
    return _clip(value, _Room(_MAX_CHARACTERS), _MAX_DEPTH)


def _clip(value: object, room: _Room, depth: int) -> Any:  # noqa: PLR0911  # one flat table
    # Before numbers and texts: its members may be either.
    if isinstance(value, Enum):
        return _clip(value.value, room, depth)
    if isinstance(value, str):
        room.left -= len(value)
        return value if room.left >= 0 else value[:_MAX_CHARACTERS] + "… [cut]"
    if value is None or isinstance(value, bool | int | float):
        room.left -= 8
        return value
    if isinstance(value, date | timedelta | Decimal | UUID | PurePath):
        return _clip(str(value), room, depth)
    if isinstance(value, BaseMessage):
        told = to_message(value)
        value = {"role": told.role, "content": told.text, **({"tool_calls": told.calls} if told.calls else {})}
    if depth > 0 and (named := _fields(value)) is not None:
        return _clip_fields(named, room, depth - 1)
    if (
        depth > 0
        and isinstance(value, Sequence | AbstractSet)
        and not isinstance(value, bytes | bytearray | memoryview)
    ):
        return _clip_items(value, room, depth - 1)
    # Its own words for itself may be of any length, and take any time.
    return _clip(f"[{type(value).__name__}]", room, depth)


def _clip_fields(named: Mapping[str, Any], room: _Room, depth: int) -> Mapping[str, Any]:
    told: dict[str, Any] = {}
    for key, part in named.items():
        if room.left <= 0:
            return {**told, "…": f"[{len(named) - len(told)} more are cut]"}
        room.left -= len(key)
        told[key] = _clip(part, room, depth)
    return told


def _clip_items(items: Sequence[Any] | AbstractSet[Any], room: _Room, depth: int) -> Sequence[Any]:
    told: list[Any] = []
    for part in items:
        if room.left <= 0:
            return [*told, f"[{len(items) - len(told)} more are cut]"]
        told.append(_clip(part, room, depth))
    return told
