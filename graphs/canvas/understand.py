"""The first step: what a message wants, and which text it is about."""

from typing import Any, Literal

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field

from artifacts.kinds import Kind
from artifacts.outline import find_part
from artifacts.service import ArtifactVersion
from graphs.canvas import prompts
from graphs.canvas.actions import plan_action
from graphs.canvas.options import CanvasOptions
from graphs.canvas.state import CanvasState, Plan, kind_of
from graphs.context import RunContext
from graphs.notice import Notice
from graphs.prompt import Prompt
from graphs.structured import ask_structured
from storage.artifacts import UnknownArtifact, UnknownVersion

_MAX_NAME_LENGTH = 80
_DECIDE = "Decide what is to be done with the message above. {about}"
_NOTHING_YET = "There is no artifact yet: only create and answer are possible."
_DELETED = Notice("artifact_deleted", "The artifact was deleted. The conversation goes on without it.")


class Decision(BaseModel):
    """What is to be done with the last message."""

    what: Literal["create", "rewrite", "edit", "answer"]
    kind: Kind = "markdown"
    language: str | None = Field(None, max_length=40)
    name: str = Field("", max_length=200)


class UnderstandNode:
    """Says what is to be done. What the request says itself is not asked for."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt

    async def __call__(self, state: CanvasState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        context = runtime.context
        options = context.options if isinstance(context.options, CanvasOptions) else CanvasOptions()
        seen = await self._read_seen(state, options, runtime)
        plan = _decision_prompt(options, seen) or await self._decide(state, options, seen, context)
        return {"plan": plan, "mended": 0, "wrong": [], "unheard": None, "failed": "", "shortfall": ""}

    async def _read_seen(
        self, state: CanvasState, options: CanvasOptions, runtime: Runtime[RunContext]
    ) -> ArtifactVersion | None:
        """The artifact that is meant: the one that the request names, or the thread's own."""
        workspace = runtime.context.workspace
        if options.artifact_id is not None:
            return await workspace.read_artifact(options.artifact_id, options.version)
        if (known := state.get("artifact")) is None:
            return None
        try:
            return await workspace.read_artifact(known["id"])
        except (UnknownArtifact, UnknownVersion):
            runtime.stream_writer(_DELETED)
            return None

    async def _decide(
        self, state: CanvasState, options: CanvasOptions, seen: ArtifactVersion | None, context: RunContext
    ) -> Plan:
        task = _DECIDE.format(about=prompts.describe_artifact(seen) if seen else _NOTHING_YET)
        asked = prompts.build_prompt(self._prompt, state["messages"], task, background=context.client_context)
        decision = await ask_structured(context.models, asked, Decision)
        if decision is None:
            # Nothing is lost by talking about it.
            decision = Decision(what="answer")
        return _plan_decision(decision, options, seen)


def _decision_prompt(options: CanvasOptions, seen: ArtifactVersion | None) -> Plan | None:
    """The plan, where the request says all of it."""
    start, end = _focus(options, seen)
    if seen is not None and options.action is not None:
        chosen = plan_action(options.action, of_part=start is not None)
        plan = _plan(seen, new=chosen.new, node=chosen.node, task=chosen.task, note=chosen.note)
        language = chosen.language or plan["language"]
        return {**plan, "start": start, "end": end, "language": language}
    if seen is not None and start is not None:
        return {**_plan(seen, node="edit"), "start": start, "end": end}
    if seen is None and options.kind is not None:
        return {**_plan(None, node="write", note="created"), "kind": options.kind, "language": options.language}
    return None


def _plan_decision(decision: Decision, options: CanvasOptions, seen: ArtifactVersion | None) -> Plan:
    what = decision.what
    if seen is None and what in {"rewrite", "edit"}:
        what = "create"
    match what:
        case "create":
            made = _plan(None, node="write", note="created")
            kind, language = options.kind or decision.kind, options.language or _plain(decision.language or "") or None
            name = _plain(decision.name)[:_MAX_NAME_LENGTH]
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
    seen: ArtifactVersion | None,
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


def _focus(options: CanvasOptions, seen: ArtifactVersion | None) -> tuple[int | None, int | None]:
    if seen is None:
        return None, None
    if options.selection is not None:
        return options.selection.start, options.selection.end
    if options.part is not None:
        part = find_part(seen.text, kind_of(seen), seen.artifact.language, options.part)
        if part is not None:
            return part.start, part.end
    return None, None
