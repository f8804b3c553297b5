"""The first step: what a message wants, and which text it is about."""

from typing import Any, Literal

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field

from artifacts.kinds import Kind
from artifacts.outline import find_part
from artifacts.shelf import Held
from graphs.canvas import telling
from graphs.canvas.actions import course
from graphs.canvas.state import CanvasState, Plan, kind_of
from graphs.canvas.wishes import CanvasWishes
from graphs.context import RunContext
from graphs.prompt import Prompt
from graphs.remark import Remark
from graphs.structured import decided
from storage.artifacts import UnknownArtifact, UnknownVersion

_LONGEST_NAME = 80
_DECIDE = "Decide what is to be done with the message above. {about}"
_NOTHING_YET = "There is no artifact yet: only create and answer are possible."
_GONE = Remark("artifact_gone", "The artifact of this conversation has been deleted: it goes on without one.")


class Decision(BaseModel):
    """What is to be done with the last message."""

    what: Literal["create", "rewrite", "edit", "answer"]
    kind: Kind = "markdown"
    language: str | None = Field(None, max_length=40)
    name: str = Field("", max_length=200)


class Understand:
    """Says what is to be done. What the request says itself is not asked for."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt

    async def __call__(self, state: CanvasState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        context = runtime.context
        wishes = context.wishes if isinstance(context.wishes, CanvasWishes) else CanvasWishes()
        seen = await self._seen(state, wishes, runtime)
        plan = _told(wishes, seen) or await self._decided(state, wishes, seen, context)
        return {"plan": plan, "mended": 0, "wrong": [], "unheard": None, "failed": "", "shortfall": ""}

    async def _seen(self, state: CanvasState, wishes: CanvasWishes, runtime: Runtime[RunContext]) -> Held | None:
        """The artifact that is meant: the one that the request names, or the thread's own."""
        desk = runtime.context.desk
        if wishes.artifact_id is not None:
            return await desk.read(wishes.artifact_id, wishes.version)
        if (known := state.get("artifact")) is None:
            return None
        try:
            return await desk.read(known["id"])
        except (UnknownArtifact, UnknownVersion):
            runtime.stream_writer(_GONE)
            return None

    async def _decided(self, state: CanvasState, wishes: CanvasWishes, seen: Held | None, context: RunContext) -> Plan:
        task = _DECIDE.format(about=telling.about(seen) if seen else _NOTHING_YET)
        asked = telling.step(self._prompt, state["messages"], task, background=context.background)
        decision = await decided(context.candidate, asked, Decision)
        if decision is None:
            # Nothing is lost by talking about it.
            decision = Decision(what="answer")
        return _planned(decision, wishes, seen)


def _told(wishes: CanvasWishes, seen: Held | None) -> Plan | None:
    """The plan, where the request says all of it."""
    start, end = _focus(wishes, seen)
    if seen is not None and wishes.action is not None:
        chosen = course(wishes.action, of_part=start is not None)
        plan = _plan(seen, new=chosen.new, node=chosen.node, task=chosen.task, note=chosen.note)
        language = chosen.language or plan["language"]
        return {**plan, "start": start, "end": end, "language": language}
    if seen is not None and start is not None:
        return {**_plan(seen, node="edit"), "start": start, "end": end}
    if seen is None and wishes.kind is not None:
        return {**_plan(None, node="write", note="created"), "kind": wishes.kind, "language": wishes.language}
    return None


def _planned(decision: Decision, wishes: CanvasWishes, seen: Held | None) -> Plan:
    what = decision.what
    if seen is None and what in {"rewrite", "edit"}:
        what = "create"
    match what:
        case "create":
            made = _plan(None, node="write", note="created")
            kind, language = wishes.kind or decision.kind, wishes.language or _plain(decision.language or "") or None
            name = _plain(decision.name)[:_LONGEST_NAME]
            return {**made, "kind": kind, "language": language if kind == "code" else None, "name": name}
        case "rewrite":
            return _plan(seen, node="write", note="rewritten")
        case "edit":
            return _plan(seen, node="edit", note="edited")
        case _:
            return _plan(seen, node="answer")


def _plain(text: str) -> str:
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _plan(
    seen: Held | None,
    *,
    node: Literal["write", "edit", "answer"],
    task: str = "",
    note: str = "edited",
    new: bool = False,
) -> Plan:
    """With what is seen to go by. `new` makes another artifact of it."""
    artifact = seen.artifact if seen else None
    return Plan(
        node=node,
        task=task,
        note=note,
        artifact=artifact.id if artifact else None,
        version=seen.version.number if seen else None,
        start=None,
        end=None,
        name="" if new or artifact is None else artifact.name,
        kind=kind_of(seen) if seen else "markdown",
        language=artifact.language if artifact else None,
        new=new or artifact is None,
    )


def _focus(wishes: CanvasWishes, seen: Held | None) -> tuple[int | None, int | None]:
    if seen is None:
        return None, None
    if wishes.selection is not None:
        return wishes.selection.start, wishes.selection.end
    if wishes.part is not None:
        part = find_part(seen.text, kind_of(seen), seen.artifact.language, wishes.part)
        if part is not None:
            return part.start, part.end
    return None, None
