"""What a call needs of a model, beyond text. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.messages.utils import count_tokens_approximately

from llm.catalog import ModelInfo

_IMAGE_TYPES = {"image", "image_url"}
_TEXTS = {"text"}


@dataclass(frozen=True, slots=True)
class RequiredCapabilities:
    """`length` is the tokens, as far as they can be told, of what may not be left out: what the system says and the
    last turn. `vision` is a picture in that turn, `media` a sound, a film or a file, which no model is handed; those of
    older turns may be told in words.
    """

    tools: bool = False
    schema: bool = False
    vision: bool = False
    media: bool = False
    length: int = 0

    @classmethod
    def of(cls, messages: Sequence[BaseMessage], kwargs: dict[str, Any]) -> "RequiredCapabilities":
        turn = _last_turn(messages)
        kinds = [kind for message in turn for kind in _kinds(message)]
        heads = [message for message in messages if isinstance(message, SystemMessage)]
        return cls(
            tools=bool(kwargs.get("tools")),
            schema=bool(kwargs.get("response_format")),
            vision=any(kind in _IMAGE_TYPES for kind in kinds),
            media=any(kind not in _IMAGE_TYPES | _TEXTS for kind in kinds),
            length=count_tokens_approximately([*heads, *turn]),
        )

    def missing_in(self, info: ModelInfo) -> tuple[str, ...]:
        """What a model lacks that cannot be done without: who cannot see would answer past the question."""
        lacking = {
            "schema": self.schema and not info.json_schema,
            "vision": self.vision and not info.vision,
            "media": self.media,
            "length": info.context_length is not None and self.length > info.context_length,
        }
        return tuple(name for name, lacks in lacking.items() if lacks)


def _last_turn(messages: Sequence[BaseMessage]) -> Sequence[BaseMessage]:
    """From the last message of a person's on."""
    asked = [at for at, message in enumerate(messages) if isinstance(message, HumanMessage)]
    start = asked[-1] if asked else 0
    return [message for message in messages[start:] if not isinstance(message, SystemMessage)]


def _kinds(message: BaseMessage) -> list[str]:
    if not isinstance(message, HumanMessage) or isinstance(message.content, str):
        return []
    return [str(part.get("type")) for part in message.content if isinstance(part, dict)]
