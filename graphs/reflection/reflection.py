"""What a conversation tells of a person that is worth remembering."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from langchain_core.messages import BaseMessage, HumanMessage
from pydantic import BaseModel, Field

from graphs.prompt import Prompt
from graphs.structured import ask_structured
from llm.factory import ModelChain

# Notes of one conversation, and characters of each.
_MAX_NOTES = 3
_MAX_NOTE_LENGTH = 300
# Of the person's newest message, the beginning. Those before it were read when they were new: what somebody has deleted
# since is not to come back.
_BEGINNING = 4000


class Note(BaseModel):
    kind: Literal["style", "fact"]
    text: str = Field(min_length=3)


class Notes(BaseModel):
    """What is worth remembering; usually nothing."""

    notes: list[Note]


class Reflector:
    def __init__(self) -> None:
        self._prompt = Prompt.read(Path(__file__).parent / "prompts" / "reflect.md")

    async def notes(self, models: ModelChain, messages: Sequence[BaseMessage], known: Sequence[str]) -> Sequence[Note]:
        """New ones only. Raises `ModelError`."""
        said = [message.text[:_BEGINNING] for message in messages if isinstance(message, HumanMessage)][-1:]
        if not said:
            return ()
        asked = [self._prompt.message(), HumanMessage(_messages(said, known))]
        found = await ask_structured(models, asked, Notes)
        had = {_plain(text) for text in known}
        notes = [note for note in (found.notes if found else ()) if _plain(note.text) not in had]
        return [note.model_copy(update={"text": note.text.strip()[:_MAX_NOTE_LENGTH]}) for note in notes[:_MAX_NOTES]]


def _messages(said: Sequence[str], known: Sequence[str]) -> str:
    had = "\n".join(f"- {text}" for text in known) or "- nothing"
    told = "\n\n".join(f"<message>\n{text}\n</message>" for text in said)
    return f"Known already:\n{had}\n\nThe person's messages:\n\n{told}\n\nWhat is worth remembering?"


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .")
