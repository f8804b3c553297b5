from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about its run that a node wants the reader to know, written to LangGraph's custom stream.

    `code` is stable, `message` is for people.
    """

    code: str
    message: str
