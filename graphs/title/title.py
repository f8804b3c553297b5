from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from graphs.prompt import Prompt
from graphs.title.wording import title_in, title_messages

# A model that goes on past this is not naming anything.
_ENOUGH = 400


class Titler:
    """Asks a model for a title of a few words."""

    def __init__(self) -> None:
        self._prompt = Prompt.read(Path(__file__).parent / "prompts" / "title.md")

    async def title(self, model: BaseChatModel, messages: Sequence[BaseMessage]) -> str | None:
        """`None` where the model says nothing that could be one. Raises `ModelError`."""
        said = ""
        async with aclosing(model.astream(title_messages(messages, self._prompt))) as answer:  # type: ignore[type-var]  # an async generator, typed as an iterator
            async for chunk in answer:
                said += chunk.text
                if len(said) > _ENOUGH or "\n" in said.strip():
                    break
        return title_in(said, messages)
