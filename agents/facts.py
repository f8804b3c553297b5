"""What a run says while it goes, and what a thread is between runs, as frozen facts.

LangGraph ends here: whoever reads these does not know it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import BaseMessage

from graphs.artifact import ArtifactBegun, ArtifactEnded, ArtifactGrew
from graphs.review import Reviewed


@dataclass(frozen=True, slots=True)
class MessageArrived:
    """A whole message or a piece of one. `scope` names the step that it belongs to, unique within the run.

    `metered` says that what it took is counted where the model was called; `aside`, that an agent within a node or a
    tool says it, whose messages the thread does not get.
    """

    scope: str
    message: BaseMessage
    provider: str | None = None
    model: str | None = None
    metered: bool = False
    aside: bool = False


@dataclass(frozen=True, slots=True)
class Recalled:
    """The thread that this run goes on with, where it is not what the client sent.

    `missing` are its first messages, up to the first one that the client has.
    """

    messages: Sequence[BaseMessage]
    missing: Sequence[BaseMessage]


@dataclass(frozen=True, slots=True)
class StepStarted:
    scope: str
    name: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    scope: str
    name: str


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The state after a step, as JSON values, without the messages."""

    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Noted:
    """What a node wrote to LangGraph's custom stream."""

    value: object


@dataclass(frozen=True, slots=True)
class Remarked:
    """Something about this run that whoever reads its answer should know. `code` is stable."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Question:
    """What a node asks a person with `interrupt(value)`."""

    id: str
    value: object
    # JSON Schema of an answer, where the question has one.
    response_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Halted:
    """The graph has stopped: what is committed, and what it waits for."""

    messages: Sequence[BaseMessage]
    questions: Sequence[Question] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """A thread between its runs. `waiting` are the steps that are pending; `state` is JSON, without the messages."""

    messages: Sequence[BaseMessage] = ()
    state: Mapping[str, Any] = field(default_factory=dict)
    questions: Sequence[Question] = ()
    waiting: Sequence[str] = ()
    checkpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """A checkpoint: what a thread was after a step. `made_at` is in ISO 8601; `messages` are ids."""

    id: str
    parent: str | None
    made_at: str
    step: int
    messages: Sequence[str]
    waiting: Sequence[str]
    questions: Sequence[Question] = ()


ArtifactFact = ArtifactBegun | ArtifactGrew | ArtifactEnded
Fact = (
    Reviewed
    | ArtifactFact
    | MessageArrived
    | Recalled
    | StepStarted
    | StepFinished
    | StateChanged
    | Noted
    | Remarked
    | Halted
)
