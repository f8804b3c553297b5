from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SyntaxIssue:
    """Why a text does not parse, for its author. `line` counts from 1; `None` where it is not known."""

    message: str
    line: int | None = None
