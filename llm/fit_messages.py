"""A conversation in the shape that one model takes. Pure: whoever asks keeps the whole of it."""

from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.utils import count_tokens_approximately

from llm.catalog import ModelInfo

# Kept free for the answer, as a share of the model's context.
_ANSWER_SHARE = 0.25


def fit_messages(messages: Sequence[BaseMessage], info: ModelInfo) -> list[BaseMessage]:
    """Without what the model cannot read, each such thing replaced by words for it, and no longer than it can hold."""
    shown = [_visible(message, info) for message in messages]
    if not info.tools:
        shown = list(_text_length(shown))
    return _trim_to_context(shown, info)


def _visible(message: BaseMessage, info: ModelInfo) -> BaseMessage:
    """A message without the parts that the model cannot see, and without another vendor's own."""
    if isinstance(message, AIMessage) and not isinstance(message.content, str):
        return message.model_copy(update={"content": message.text})
    if isinstance(message.content, str) or not isinstance(message, HumanMessage):
        return message
    parts = [part if isinstance(part, dict) else {"type": "text", "text": part} for part in message.content]
    seen = [part if part["type"] == "text" or _is_supported(part, info) else _placeholder(part) for part in parts]
    if all(part["type"] == "text" for part in seen):
        return message.model_copy(update={"content": "\n".join(part["text"] for part in seen)})
    return message.model_copy(update={"content": seen})


def _is_supported(part: dict[Any, Any], info: ModelInfo) -> bool:
    """Pictures only, and where they are: of sounds, films and files each vendor takes some and dies of others."""
    return info.vision and part["type"] == "image" and ("base64" in part or (info.image_urls and "url" in part))


def _placeholder(part: dict[Any, Any]) -> dict[Any, Any]:
    return {"type": "text", "text": f"[{part['type']} that cannot be read here]"}


def _text_length(messages: Sequence[BaseMessage]) -> Iterator[BaseMessage]:
    """Tool calls and their answers as plain words, for a model whose template knows neither."""
    for message in messages:
        if isinstance(message, AIMessage) and (message.tool_calls or message.invalid_tool_calls):
            if message.text:
                yield AIMessage(message.text)
        elif isinstance(message, ToolMessage):
            yield AIMessage(f"(The tool {message.name or 'asked'} says: {message.text})")
        else:
            yield message


def _trim_to_context(messages: Sequence[BaseMessage], info: ModelInfo) -> list[BaseMessage]:
    """System messages, and the end of the rest from a person's message on; the last of those is kept at any length."""
    if info.context_length is None:
        return list(messages)
    heads = [message for message in messages if isinstance(message, SystemMessage)]
    rest = [message for message in messages if not isinstance(message, SystemMessage)]
    room = info.context_length * (1 - _ANSWER_SHARE) - count_tokens_approximately(heads)
    starts = [at for at, message in enumerate(rest) if isinstance(message, HumanMessage)] or [0]
    start = next((at for at in starts if count_tokens_approximately(rest[at:]) <= room), starts[-1])
    return [*heads, *rest[start:]]
