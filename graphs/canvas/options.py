"""What a request says to the canvas beside its words, in `forwardedProps.canvas`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from artifacts.kinds import Kind

ActionName = Literal["length", "reading_level", "tone", "translate", "port", "comment", "log", "fix", "explain", "test"]

# What an action is to lead to, where that is one of a few.
TARGETS: dict[str, tuple[str, ...]] = {
    "length": ("shortest", "shorter", "longer", "longest"),
    "reading_level": ("child", "teenager", "student", "expert"),
}
# These are told where to: in words of the person's.
_FREE = ("tone", "translate", "port")
# What can be done with code only, and what with everything else.
FOR_CODE = ("port", "comment", "log", "fix", "test")
FOR_TEXT = ("length", "reading_level", "tone", "translate")


class _Option(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Selection(_Option):
    """Characters of the artifact's text, from `start` up to and without `end`."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)

    @model_validator(mode="after")
    def _is_forward(self) -> "Selection":
        if self.end < self.start:
            raise ValueError("a selection ends before it starts")
        return self


class Action(_Option):
    """One of the quick actions. `value` is what it leads to: a length, a reading level, a tone, a language."""

    name: ActionName
    value: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> "Action":
        choices = TARGETS.get(self.name)
        if choices and self.value not in choices:
            raise ValueError(f"{self.name} is to one of: {', '.join(choices)}")
        if self.name in _FREE and self.value is None:
            raise ValueError(f"{self.name} needs `value`")
        return self


class CanvasOptions(_Option):
    """Which artifact is meant, which version of it the person sees, and what is to be done with which part of it."""

    artifact_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    version: int | None = Field(None, ge=1, le=2**31 - 1)
    selection: Selection | None = None
    # A heading, a function or a class, by its name.
    part: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    action: Action | None = None
    # What a new artifact is to be.
    kind: Kind | None = None
    language: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None

    @model_validator(mode="after")
    def _is_of_something(self) -> "CanvasOptions":
        if self.selection and self.part:
            raise ValueError("choose a selection or a part, not both")
        if self.artifact_id is None and (self.version or self.selection or self.part or self.action):
            raise ValueError("a version, a selection, a part or an action is of an artifact: `artifactId` is missing")
        return self
