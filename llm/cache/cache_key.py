"""What is asked of a model, as a name: who asks the same has the same name for it. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, ToolMessage
from pydantic import BaseModel

# Whether somebody's words mean the same is not asked where the answer has a shape, or is a call.
_SHAPING_OPTIONS = ("tools", "functions", "response_format", "format", "schema")
# A question with another number or without its "not" is another one, however near a model of meaning puts them.
_REPEATABLE_FIELDS = re.compile(
    r"\d+(?:[.,:]\d+)*"
    r"|\b(?:no|not|never|none|without|cannot|\w+n['\u2019]t"
    r"|nicht|nie|niemals|ohne|kein\w*|pas|jamais|sans|aucune?|nunca|sin|jamás|não|sem|mai|senza)\b",
    re.IGNORECASE,
)
# Where a part of a message names a call.
_CALL_IDS = ("id", "call_id", "tool_call_id", "tool_use_id")


@dataclass(frozen=True, slots=True)
class CacheKey:
    """`scope` is the name of everything but the words of the last message, which are `text`; empty where only the same
    words are the same question."""

    name: str
    scope: str
    text: str

    @classmethod
    def of(
        cls,
        who: Sequence[str],
        models: Sequence[str],
        messages: Sequence[BaseMessage],
        stop: Sequence[str] | None,
        kwargs: Mapping[str, Any],
    ) -> "CacheKey | None":
        """`None` where something is asked with that cannot be written down."""
        calls = _calls(messages)
        told = [_message_content(message, calls) for message in messages]
        about = {"who": list(who), "models": list(models), "stop": stop, "with": dict(kwargs)}
        name = _digest({**about, "messages": told})
        if name is None:
            return None
        text = _text(messages, kwargs)
        turning = sorted(word.lower() for word in _REPEATABLE_FIELDS.findall(text))
        scope = _digest({**about, "messages": told[:-1], "turning": turning}) if text else None
        return cls(name, scope or "", text)


def _digest(asked: Mapping[str, Any]) -> str | None:
    try:
        written = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS, default=_canonical)
    except TypeError:
        return None
    return sha256(written).hexdigest()


def _canonical(value: object) -> object:
    if isinstance(value, type) and issubclass(value, BaseModel):
        return value.model_json_schema()
    raise TypeError


def _calls(messages: Sequence[BaseMessage]) -> Mapping[str, str]:
    """Calls by their place in the conversation: their ids are other ones each time."""
    ids = [
        call["id"]
        for message in messages
        if isinstance(message, AIMessage)
        for call in (*message.tool_calls, *message.invalid_tool_calls)
    ]
    return {call: f"call {at}" for at, call in enumerate(ids) if call}


def _message_content(message: BaseMessage, calls: Mapping[str, str]) -> dict[str, Any]:
    """What a model reads of a message."""
    also = {key: value for key, value in message.additional_kwargs.items() if key != "tool_calls"}
    told = {"type": message.type, "name": message.name, "content": _without_ids(message.content, calls), "also": also}
    match message:
        case AIMessage():
            made = (*message.tool_calls, *message.invalid_tool_calls)
            told["calls"] = [[calls.get(call["id"] or ""), call["name"], call["args"]] for call in made]
        case ToolMessage():
            told["of"] = calls.get(message.tool_call_id, message.tool_call_id)
            told["status"] = message.status
        case ChatMessage():
            told["role"] = message.role
    return told


def _without_ids(content: str | list[str | dict[Any, Any]], calls: Mapping[str, str]) -> object:
    if isinstance(content, str):
        return content
    return [
        {key: calls.get(value, value) if key in _CALL_IDS else value for key, value in part.items()}
        if isinstance(part, dict)
        else part
        for part in content
    ]


def _text(messages: Sequence[BaseMessage], kwargs: Mapping[str, Any]) -> str:
    """The words of the last message, where they are a person's and all that there is to compare."""
    if not messages or not isinstance(messages[-1], HumanMessage) or any(kwargs.get(name) for name in _SHAPING_OPTIONS):
        return ""
    parts = [part for message in messages if isinstance(message.content, list) for part in message.content]
    if any(isinstance(part, dict) and part.get("type") != "text" for part in parts):
        return ""
    return messages[-1].text.strip()
