"""A thread as markdown, for people. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import assert_never

from ag_ui.core import (
    ActivityMessage,
    AssistantMessage,
    ContentPart,
    DeveloperMessage,
    Message,
    ReasoningMessage,
    SystemMessage,
    TextPart,
    ToolMessage,
    UserMessage,
)


def format_markdown(title: str, messages: Sequence[Message]) -> str:
    """Each message under a heading with its author; what tools were asked and what they said in fences."""
    return "\n\n".join([f"# {title}", *(part for message in messages for part in _parts(message))]) + "\n"


def _parts(message: Message) -> Iterator[str]:
    match message:
        case UserMessage():
            yield "## User"
            yield _text(message.content)
        case AssistantMessage():
            yield "## Assistant"
            if message.content:
                yield message.content
            for call in message.tool_calls or ():
                yield f"Called `{call.function.name}`:"
                yield _fenced(call.function.arguments, "json")
        case ToolMessage():
            yield "## Tool"
            yield _fenced(message.error or _text(message.content))
        case SystemMessage() | DeveloperMessage():
            yield "## System"
            yield message.content
        case ActivityMessage() | ReasoningMessage():
            return
        case _:
            assert_never(message)


def _text(content: str | Sequence[ContentPart]) -> str:
    if isinstance(content, str):
        return content
    return "\n\n".join(part.text if isinstance(part, TextPart) else f"*[{part.type}]*" for part in content)


def _fenced(text: str, language: str = "") -> str:
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
