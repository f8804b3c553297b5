from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReviewInput:
    """What is read: a text, what a person had asked for, what they gave with it, and the system prompt it was written
    under. `kind` is `answer`, or an artifact's; `language` is that of code.
    """

    text: str
    prompt: str = ""
    context: str = ""
    system_prompt: str = ""
    kind: str = "answer"
    language: str | None = None
