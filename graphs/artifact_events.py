"""What a node says of an artifact while it writes it, on LangGraph's custom stream."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArtifactStarted:
    """A call of `tool` that a node makes for the model, in the message of that id.

    `told` are its arguments that are known at once; the text of the argument `streamed` comes in pieces. `predicted`
    says that it is the whole of an artifact, which a client can show while it grows.
    """

    call: str
    message: str
    tool: str
    arguments: Mapping[str, str | int | None]
    streamed: str
    state_key: bool


@dataclass(frozen=True, slots=True)
class ArtifactTextAdded:
    call: str
    text: str


@dataclass(frozen=True, slots=True)
class ArtifactEnded:
    """Nothing more comes of that call; its result is the tool's message."""

    call: str
