"""What the model is given of a thread. Pure: the thread itself is kept whole and is not touched here."""

from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.utils import count_tokens_approximately

from graphs.context import Background
from llm.catalog import ModelInfo

_UNANSWERED = "This tool call was not carried out."
# Kept free for the answer, as a share of the model's context.
_ANSWER_SHARE = 0.25


def conversation(
    messages: Sequence[BaseMessage], *, system: str, background: Sequence[Background], info: ModelInfo
) -> list[BaseMessage]:
    """System prompt first, then as much of the thread as fits, in a shape that the model takes."""
    head = SystemMessage("\n\n".join(_system_parts(messages, system, background)))
    spoken = [message for message in messages if not isinstance(message, SystemMessage)]
    shown = [_visible(message, info) for message in _paired(spoken)]
    if not info.tools:
        shown = list(_told(shown))
    return [head, *_fitting(shown, head, info)]


def _system_parts(messages: Sequence[BaseMessage], system: str, background: Sequence[Background]) -> Iterator[str]:
    # Many models take one system message, and only as the first.
    yield system
    for message in messages:
        if isinstance(message, SystemMessage):
            yield message.text
    if background:
        yield "What the application around this conversation says:"
        yield from (f"{entry.description}: {entry.value}" for entry in background)


def _paired(messages: Sequence[BaseMessage]) -> Iterator[BaseMessage]:
    """Every tool call followed by its answer, and no answer without its call: providers refuse anything else."""
    answers = {message.tool_call_id: message for message in messages if isinstance(message, ToolMessage)}
    for message in messages:
        if isinstance(message, ToolMessage):
            continue
        yield message
        if isinstance(message, AIMessage):
            for call in (*message.tool_calls, *message.invalid_tool_calls):
                call_id = call["id"] or ""
                yield answers.get(call_id) or ToolMessage(_UNANSWERED, tool_call_id=call_id, name=call["name"])


def _visible(message: BaseMessage, info: ModelInfo) -> BaseMessage:
    """A message without the parts that the model cannot read, each replaced by a word for it."""
    if isinstance(message.content, str) or not isinstance(message, HumanMessage):
        return message
    parts = [part if isinstance(part, dict) else {"type": "text", "text": part} for part in message.content]
    seen = [part if part["type"] == "text" or info.vision else _named(part) for part in parts]
    if all(part["type"] == "text" for part in seen):
        return message.model_copy(update={"content": "\n".join(part["text"] for part in seen)})
    return message.model_copy(update={"content": seen})


def _named(part: dict[Any, Any]) -> dict[Any, Any]:
    return {"type": "text", "text": f"[{part['type']} that cannot be read here]"}


def _told(messages: Sequence[BaseMessage]) -> Iterator[BaseMessage]:
    """Tool calls and their answers as plain words, for a model whose template knows neither."""
    for message in messages:
        if isinstance(message, AIMessage) and (message.tool_calls or message.invalid_tool_calls):
            if message.text:
                yield AIMessage(message.text)
        elif isinstance(message, ToolMessage):
            yield AIMessage(f"(The tool {message.name or 'asked'} says: {message.text})")
        else:
            yield message


def _fitting(messages: Sequence[BaseMessage], head: SystemMessage, info: ModelInfo) -> Sequence[BaseMessage]:
    """The end of the conversation, from a person's message on; the last one is kept whatever its length."""
    if info.context_length is None:
        return messages
    room = info.context_length * (1 - _ANSWER_SHARE) - _tokens([head])
    starts = [at for at, message in enumerate(messages) if isinstance(message, HumanMessage)]
    for start in starts:
        if _tokens(messages[start:]) <= room:
            return messages[start:]
    return messages[starts[-1] :] if starts else messages


def _tokens(messages: Sequence[BaseMessage]) -> int:
    return count_tokens_approximately(messages)
