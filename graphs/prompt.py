import hashlib
from dataclasses import dataclass
from pathlib import Path


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
