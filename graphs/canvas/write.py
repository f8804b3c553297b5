"""Writing a whole text: a new one, or an old one anew."""

from typing import Any

from langgraph.runtime import Runtime

from artifacts.fences import FenceStripper, strip_fence
from artifacts.kinds import InvalidText
from artifacts.service import ArtifactVersion, TextTooLarge
from artifacts.workspace import RunWorkspace
from graphs.canvas import prompts
from graphs.canvas.state import CanvasState, PendingText, Plan, artifact_ref, read_seen_version
from graphs.canvas.tool_call import EDIT, WRITE, ArtifactToolCall, stream_text
from graphs.context import RunContext
from graphs.notice import Notice
from graphs.prompt import Prompt
from graphs.quality.subgraph import withholds_text
from storage.artifacts import StaleVersion, UnknownArtifact

_NOTHING = "Nothing was written"
_INCOMPLETE = ", incomplete"
_MAX_NAME_LENGTH = 80


class WriteNode:
    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt

    async def __call__(self, state: CanvasState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        plan = state["plan"]
        if plan is None:
            raise ValueError("there is nothing planned to be written")
        workspace = runtime.context.workspace
        try:
            version = await read_seen_version(workspace, plan)
        except UnknownArtifact as error:
            return report_not_saved(runtime, error)
        asked = prompts.build_prompt(
            self._prompt,
            state["messages"],
            prompts.write_prompt(plan, version),
            memories=await workspace.recall_memories(),
            background=runtime.context.client_context,
        )
        call = ArtifactToolCall(runtime, WRITE, call_arguments(plan), has_started=not withholds_text(runtime))
        text = await _receive_text(call, asked)
        return await save_text(call, plan, None if plan["new"] else version, text)


async def _receive_text(call: ArtifactToolCall, asked: list[Any]) -> str:
    """The text, without the fence and the talk that models put around one."""
    growing, stream, said = call.begin(), FenceStripper(), list[str]()
    try:
        async for piece in stream_text(call, asked):
            said.append(piece)
            growing.add(stream.feed(piece))
        growing.add(stream.end())
    finally:
        call.end(growing)
    return strip_fence("".join(said))


async def save_text(
    call: ArtifactToolCall, plan: Plan, seen: ArtifactVersion | None, text: str, *, incomplete: bool = False
) -> dict[str, Any]:
    """Puts a text on the shelf: as another version of what was seen, or as an artifact of its own. Where it is read
    first, it is only handed on. One that was cut is `incomplete`, which its version's note and the call's result say.
    """
    incomplete = incomplete or call.is_truncated
    if not call.has_started:
        return {"unheard": PendingText(text=text, edited=call.tool == EDIT, incomplete=incomplete)}
    note = f"{plan['note']}{_INCOMPLETE}" if incomplete else plan["note"]
    try:
        version = await _save_version(call.runtime.context.workspace, plan, seen, text, note)
    except (InvalidText, TextTooLarge, StaleVersion, UnknownArtifact) as error:
        call.runtime.stream_writer(Notice("artifact_not_saved", f"{error}."))
        gone = {"artifact": None} if isinstance(error, UnknownArtifact) else {}
        return {"messages": call.fail(f"{error}."), "unheard": None, "failed": str(error), **gone}
    more: dict[str, Any] = {"conflicts": version.version.conflicts} if version.version.conflicts else {}
    if incomplete:
        more["incomplete"] = True
    shortfall = _shortfall(seen, version)
    if shortfall is not None:
        call.runtime.stream_writer(shortfall)
    told = shortfall.message if shortfall else ""
    return {
        "messages": call.succeed(artifact_ref(version), **more),
        "artifact": artifact_ref(version),
        "unheard": None,
        "shortfall": told,
    }


def _shortfall(seen: ArtifactVersion | None, version: ArtifactVersion) -> Notice | None:
    """What a version lacks of what was asked for."""
    if seen is not None and version.version.number == seen.version.number:
        return Notice("unchanged", "The text was not changed: the new text is the same.")
    if version.version.conflicts:
        return Notice(
            "conflict",
            f"Others changed the same lines meanwhile: both are kept in {version.version.conflicts} "
            "places, between conflict marks, to be chosen from.",
        )
    return None


def report_not_saved(runtime: Runtime[RunContext], error: UnknownArtifact) -> dict[str, Any]:
    """An artifact that was deleted while it was worked on."""
    runtime.stream_writer(Notice("artifact_not_saved", f"{error}."))
    return {"failed": str(error), "artifact": None, "unheard": None}


def is_incomplete(version: ArtifactVersion) -> bool:
    """Return whether a version says of itself that its text was cut."""
    return version.version.note.endswith(_INCOMPLETE)


async def _save_version(
    workspace: RunWorkspace, plan: Plan, seen: ArtifactVersion | None, text: str, note: str
) -> ArtifactVersion:
    if not text.strip():
        raise InvalidText(_NOTHING)
    if seen is not None:
        language = plan["language"] if plan["language"] != seen.artifact.language else None
        return await workspace.update_artifact(seen, text, note, language)
    name = plan["name"] or _name(text, plan)
    return await workspace.create_artifact(name, plan["kind"], plan["language"], text, note)


def _name(text: str, plan: Plan) -> str:
    """Of the first words, where the model gave none."""
    first = next((line for line in text.splitlines() if line.strip(" #*`<>/-=\t")), "")
    words = " ".join(first.strip(" #*`<>/-=\t").split())[:_MAX_NAME_LENGTH]
    return words if plan["kind"] == "markdown" and words else plan["kind"].capitalize()


def call_arguments(plan: Plan) -> dict[str, str | int | None]:
    known: dict[str, str | int | None] = {"name": plan["name"], "kind": plan["kind"], "language": plan["language"]}
    return known if plan["new"] else {"artifact": plan["artifact"], "version": plan["version"], **known}
