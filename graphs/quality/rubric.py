"""Rubrics: what a text is read for, as files."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

LEVELS = (1, 2, 3, 4, 5)

_FILES = Path(__file__).parent / "rubrics"
_MAX_FILE_BYTES = 100_000

_Line = Annotated[str, Field(min_length=1, max_length=1000)]


class InvalidRubric(ValueError):
    """A file that is no rubric; the message says where and why."""


class UnknownRubric(LookupError):
    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"Unknown rubric {name!r}")
        self.known = known


class Dimension(BaseModel):
    """What is asked of a text, and what a text of each level, from 1 to 5, is like."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=80)]
    weight: float = Field(ge=0, le=100, allow_inf_nan=False)
    question: _Line
    levels: Annotated[tuple[_Line, ...], Field(min_length=len(LEVELS), max_length=len(LEVELS))]


class Rubric(BaseModel):
    """`passes` is the weighted score, from 1 to 5, from which on a text is good enough."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
    description: _Line
    passing_score: float = Field(3.5, ge=1, le=5, allow_inf_nan=False)
    dimensions: Annotated[tuple[Dimension, ...], Field(min_length=1, max_length=12)]
    # Of the file's own text, so that no edit goes unnoticed.
    version: str = ""

    @field_validator("dimensions")
    @classmethod
    def _are_apart(cls, dimensions: tuple[Dimension, ...]) -> tuple[Dimension, ...]:
        if len({each.name.casefold() for each in dimensions}) < len(dimensions):
            raise ValueError("two dimensions have one name")
        return dimensions

    @model_validator(mode="after")
    def _weighs(self) -> "Rubric":
        if not any(each.weight for each in self.dimensions):
            raise ValueError("all weights are zero: nothing would count")
        return self

    @classmethod
    def parse(cls, text: str, *, where: str = "the rubric") -> "Rubric":
        """Reads TOML. Raises `BadRubric`."""
        try:
            told = tomllib.loads(text)
            version = sha256(text.encode()).hexdigest()[:12]
            return cls.model_validate({**told, "version": version})
        except tomllib.TOMLDecodeError as error:
            raise InvalidRubric(f"{where} is no TOML: {error}") from None
        except ValidationError as error:
            faults = (
                ": ".join(filter(None, [".".join(map(str, fault["loc"])), fault["msg"]]))
                for fault in error.errors(include_url=False, include_input=False)
            )
            raise InvalidRubric(f"{where} is no rubric: {'; '.join(faults)}") from None

    @classmethod
    def read(cls, file: Path) -> "Rubric":
        """Raises `BadRubric`."""
        try:
            if file.stat().st_size > _MAX_FILE_BYTES:
                raise InvalidRubric(f"{str(file)!r} is larger than {_MAX_FILE_BYTES} bytes")
            return cls.parse(file.read_text(encoding="utf-8"), where=repr(str(file)))
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidRubric(f"{str(file)!r} cannot be read: {error}") from None


@dataclass(frozen=True, slots=True)
class Rubrics:
    known: Mapping[str, Rubric]

    def get(self, name: str) -> Rubric:
        """Raises `UnknownRubric`."""
        try:
            return self.known[name]
        except KeyError:
            raise UnknownRubric(name, tuple(self.known)) from None

    def select(self, name: str | None, kind: str) -> Rubric:
        """The one that is named, or else what a text of this kind is read by. Raises `UnknownRubric`."""
        return self.get(name or {"code": "code", "answer": "answer"}.get(kind, "document"))

    @classmethod
    def read(cls, folder: Path | None = None) -> "Rubrics":
        """Ours, and those of a folder, which count where they have the same name. Raises `BadRubric`."""
        files = [*sorted(_FILES.glob("*.toml")), *(sorted(folder.glob("*.toml")) if folder else ())]
        found = [Rubric.read(file) for file in files]
        return cls({rubric.name: rubric for rubric in found})
