import hashlib
from dataclasses import dataclass
from pathlib import Path

from langchain_core.messages import SystemMessage

# Where a message says which prompt it is.
PROMPT, PROMPT_VERSION = "prompt", "prompt_version"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text for a model. Its version is the text's own digest, so that no edit goes unnoticed."""

    name: str
    version: str
    text: str

    @classmethod
    def read(cls, file: Path) -> "Prompt":
        text = file.read_text(encoding="utf-8").strip()
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return cls(f"{file.parent.parent.name}/{file.stem}", digest, text)

    def message(self, *more: str) -> SystemMessage:
        """It, and what else is told with it. The message says which prompt it is, for whoever traces the call."""
        said = {PROMPT: self.name, PROMPT_VERSION: self.version}
        return SystemMessage("\n\n".join([self.text, *more]), additional_kwargs=said)
