"""What a scripted model says, in the words of no particular provider."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counts them: `cached` is part of `prompt`, `reasoning` is part of `completion`."""

    prompt: int
    completion: int
    cached: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool.

    `arguments` is an object, or raw text for a model that writes broken JSON (Ollama's format cannot carry that:
    ValueError when it is played). An empty `id` becomes one that is unique on the server. `fragment` is the number
    of characters that a streamed piece of the arguments has.
    """

    name: str
    arguments: Mapping[str, Any] | str = "{}"
    id: str = ""
    fragment: int = 8

    @property
    def json(self) -> str:
        return self.arguments if isinstance(self.arguments, str) else orjson.dumps(self.arguments).decode()

    @property
    def fragments(self) -> Iterator[str]:
        text = self.json
        return (text[start : start + self.fragment] for start in range(0, len(text), self.fragment))


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole turn of the model.

    Text is streamed word by word, or in `pieces` exactly as given; only one of the two may be set. `usage` is counted
    in pieces and words unless given, and None is a provider that never tells it. `finish="stop"` is spelled as the
    format wants it where tools are called. `delay` seconds pass between pieces, `first_delay` seconds between the
    header and the first piece; an answer that is not streamed takes the same time before its header. `per_write`
    pieces share one write.
    """

    text: str = ""
    pieces: tuple[str, ...] = ()
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | Literal["counted"] | None = "counted"
    finish: str = "stop"
    delay: float = 0.0
    first_delay: float = 0.0
    per_write: int = 1

    def __post_init__(self) -> None:
        if self.text and self.pieces:
            raise ValueError(f"a reply has a text or pieces, not both: {self.text!r}, {self.pieces!r}")
        if self.per_write < 1:
            raise ValueError(f"a write has at least one piece: {self.per_write!r}")

    @property
    def said(self) -> str:
        return self.text or "".join(self.pieces)

    @property
    def words(self) -> tuple[str, ...]:
        return self.pieces or split(self.text)

    def counted(self, prompt: int) -> Usage | None:
        """The usage to report for a prompt of so many words."""
        if self.usage != "counted":
            return self.usage
        thought = len(split(self.reasoning))
        calls = sum(len(tuple(call.fragments)) for call in self.tool_calls)
        return Usage(prompt, thought + len(self.words) + len(split(self.refusal)) + calls, reasoning=thought)


def split(text: str) -> tuple[str, ...]:
    """Words with the white space that follows them; joined they are the text again."""
    return tuple(re.findall(r"\s*\S+\s*|\s+", text))
