from typing import Literal, NotRequired, cast

from langgraph.graph import MessagesState
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from artifacts.kinds import Kind
from artifacts.service import ArtifactVersion
from artifacts.workspace import RunWorkspace
from graphs.context import RunContext
from graphs.quality.answer_review import Draft
from storage.artifacts import UnknownArtifact

Node = Literal["write", "edit", "answer"]


class ArtifactRef(TypedDict):
    """An artifact and the version that its text is to be fetched by: what a state holds in place of the text."""

    id: str
    version: int
    name: str
    kind: str
    language: str | None


class Plan(TypedDict):
    """What is to be done with a person's message. `start` and `end` are characters of the version that was seen."""

    node: Node
    # Empty where the person's own words say all.
    task: str
    note: str
    artifact: str | None
    version: int | None
    start: int | None
    end: int | None
    name: str
    kind: Kind
    language: str | None
    # Whether another artifact is made, instead of another version.
    new: bool


class PendingText(TypedDict):
    """A text that nobody has seen yet: it is read first."""

    text: str
    edited: bool
    # Whether it was cut by the limit of what the model may write.
    incomplete: NotRequired[bool]


class CanvasState(MessagesState):
    unheard: PendingText | None
    draft: Draft | None
    artifact: ArtifactRef | None
    plan: Plan | None
    # How often it has been tried to mend what was written for this message.
    mended: int
    wrong: list[str]
    # Why nothing could be kept; empty where something was.
    failed: str
    # What the version that was kept lacks of what was asked for; empty where it is all there.
    shortfall: NotRequired[str]
    # Whether it is tried again, and whether it is read.
    again: bool
    gated: bool


class CanvasOutput(MessagesState):
    """What a client is shown of it."""

    artifact: ArtifactRef | None


async def read_seen_version(workspace: RunWorkspace, plan: Plan | None) -> ArtifactVersion | None:
    """The version that a plan is made for; `None` where it is for none."""
    return await workspace.read_artifact(plan["artifact"], plan["version"]) if plan and plan["artifact"] else None


async def read_current_version(runtime: Runtime[RunContext], plan: Plan | None) -> ArtifactVersion | None:
    """The same where it is only talked about: of one that was deleted meanwhile, the talk goes on without it."""
    try:
        return await read_seen_version(runtime.context.workspace, plan)
    except UnknownArtifact:
        return None


def kind_of(version: ArtifactVersion) -> Kind:
    return cast("Kind", version.artifact.kind)


def artifact_ref(version: ArtifactVersion) -> ArtifactRef:
    artifact = version.artifact
    return ArtifactRef(
        id=artifact.id,
        version=version.version.number,
        name=artifact.name,
        kind=artifact.kind,
        language=artifact.language,
    )
