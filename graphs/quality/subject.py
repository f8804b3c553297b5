from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subject:
    """What is read: a text, what a person had asked for, what they gave with it, and the system prompt it was written
    under. `kind` is `answer`, or an artifact's; `language` is that of code.
    """

    text: str
    asked: str = ""
    given: str = ""
    system: str = ""
    kind: str = "answer"
    language: str | None = None
