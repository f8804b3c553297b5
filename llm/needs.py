"""What a call needs of a model, beyond text. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.messages.utils import count_tokens_approximately

from llm.catalog import ModelInfo

_PICTURES = {"image", "image_url"}


@dataclass(frozen=True, slots=True)
class Needs:
    """`length` is the tokens, as far as they can be told, of what may not be left out: what the system says and the
    last turn. `vision` is a picture in that turn; those of older turns may be told in words.
    """

    tools: bool = False
    schema: bool = False
    vision: bool = False
    length: int = 0

    @classmethod
    def of(cls, messages: Sequence[BaseMessage], kwargs: dict[str, Any]) -> "Needs":
        turn = _last_turn(messages)
        heads = [message for message in messages if isinstance(message, SystemMessage)]
        return cls(
            tools=bool(kwargs.get("tools")),
            schema=bool(kwargs.get("response_format")),
            vision=any(map(_shows, turn)),
            length=count_tokens_approximately([*heads, *turn]),
        )

    def lacks(self, info: ModelInfo) -> tuple[str, ...]:
        """What a model lacks that cannot be done without: who cannot see would answer past the question."""
        lacking = {
            "schema": self.schema and not info.json_schema,
            "vision": self.vision and not info.vision,
            "length": info.context_length is not None and self.length > info.context_length,
        }
        return tuple(name for name, lacks in lacking.items() if lacks)


def _last_turn(messages: Sequence[BaseMessage]) -> Sequence[BaseMessage]:
    """From the last message of a person's on."""
    asked = [at for at, message in enumerate(messages) if isinstance(message, HumanMessage)]
    start = asked[-1] if asked else 0
    return [message for message in messages[start:] if not isinstance(message, SystemMessage)]


def _shows(message: BaseMessage) -> bool:
    return isinstance(message.content, list) and any(
        isinstance(part, dict) and part.get("type") in _PICTURES for part in message.content
    )
