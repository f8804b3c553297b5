"""What a run says while it goes, and what a thread is between runs, as frozen facts.

LangGraph ends here: whoever reads these does not know it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import BaseMessage

from graphs.artifact_events import ArtifactEnded, ArtifactStarted, ArtifactTextAdded
from graphs.review_progress import ReviewProgress


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A whole message or a piece of one. `scope` names the step that it belongs to, unique within the run.

    `metered` says that what it took is counted where the model was called; `aside`, that an agent within a node or a
    tool says it, whose messages the thread does not get.
    """

    scope: str
    message: BaseMessage
    provider: str | None = None
    model: str | None = None
    metered: bool = False
    nested: bool = False


@dataclass(frozen=True, slots=True)
class MessagesRestored:
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
class CustomData:
    """What a node wrote to LangGraph's custom stream."""

    data: object


@dataclass(frozen=True, slots=True)
class NoticeEmitted:
    """Something about this run that whoever reads its answer should know. `code` is stable."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class PendingInterrupt:
    """What a node asks a person with `interrupt(value)`."""

    id: str
    value: object
    # JSON Schema of an answer, where the question has one.
    response_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class GraphStopped:
    """The graph has stopped: what is committed, and what it waits for."""

    messages: Sequence[BaseMessage]
    interrupts: Sequence[PendingInterrupt] = ()


@dataclass(frozen=True, slots=True)
class ThreadSnapshot:
    """A thread between its runs. `waiting` are the steps that are pending; `state` is JSON, without the messages."""

    messages: Sequence[BaseMessage] = ()
    state: Mapping[str, Any] = field(default_factory=dict)
    interrupts: Sequence[PendingInterrupt] = ()
    next_nodes: Sequence[str] = ()
    checkpoint_id: str | None = None


@dataclass(frozen=True, slots=True)
class CheckpointSummary:
    """A checkpoint: what a thread was after a step. `made_at` is in ISO 8601; `messages` are ids."""

    id: str
    parent_id: str | None
    created_at: str
    step: int
    message_ids: Sequence[str]
    next_nodes: Sequence[str]
    interrupts: Sequence[PendingInterrupt] = ()


ArtifactEvent = ArtifactStarted | ArtifactTextAdded | ArtifactEnded
AgentEvent = (
    ReviewProgress
    | ArtifactEvent
    | MessageReceived
    | MessagesRestored
    | StepStarted
    | StepFinished
    | StateChanged
    | CustomData
    | NoticeEmitted
    | GraphStopped
)
