"""Changing a part of a text: what the model writes is what changes, and no more."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage
from langgraph.runtime import Runtime

from artifacts.edits import EditNotApplicable, InvalidEdits, apply, read_edits, replace_selection
from artifacts.fences import strip_fence
from artifacts.service import ArtifactVersion
from graphs.canvas import prompts
from graphs.canvas.state import CanvasState, Plan
from graphs.canvas.tool_call import EDIT, ArtifactToolCall, stream_text
from graphs.canvas.write import WriteNode, is_incomplete, report_not_saved, save_text
from graphs.context import RunContext
from graphs.prompt import Prompt
from graphs.quality.subgraph import withholds_text
from storage.artifacts import UnknownArtifact

_RETRY_MESSAGE = "{error}\nAnswer again with all blocks, and with nothing else."
_NO_BLOCKS_MESSAGE = "There is no block in the answer."
# A part of so many characters is written anew where it cannot be edited.
_MAX_PART_LENGTH = 20_000


class EditsMissing(ValueError):
    """An answer without a single block."""


class EditNode:
    """Asks for blocks; where they do not apply, once more with the reason; then for the part's new text."""

    def __init__(self, prompt: Prompt, part: Prompt, write: WriteNode) -> None:
        self._prompt = prompt
        self._part = part
        self._write = write

    async def __call__(self, state: CanvasState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        plan = state["plan"]
        if plan is None or plan["artifact"] is None:
            raise ValueError("there is nothing planned to be edited")
        workspace = runtime.context.workspace
        try:
            seen = await workspace.read_artifact(plan["artifact"], plan["version"])
        except UnknownArtifact as error:
            return report_not_saved(runtime, error)
        start, end = _lines(seen.text, plan)
        asked = await self._ask_for_edits(self._prompt, state, runtime, prompts.edit_prompt(plan, seen, start, end))
        failed = list[AnyMessage]()
        for _ in range(2):
            call = _call(runtime, seen)
            said = await _receive_edits(call, asked)
            try:
                text = _apply_edits(seen.text, start, end, said)
            except (InvalidEdits, EditNotApplicable, EditsMissing) as error:
                failed += call.fail(str(error)) if call.has_started else []
                asked = [*asked, AIMessage(said), HumanMessage(_RETRY_MESSAGE.format(error=error))]
            else:
                # What is mended is no more whole than it was.
                incomplete = bool(state.get("mended")) and is_incomplete(seen)
                update = await save_text(call, plan, seen, text, incomplete=incomplete)
                return _after(failed, update)
        update = await self._rewrite_part(state, runtime, plan, seen, start, end)
        return _after(failed, update)

    async def _rewrite_part(  # noqa: PLR0917  # a part of a text is what was seen, from where to where
        self, state: CanvasState, runtime: Runtime[RunContext], plan: Plan, seen: ArtifactVersion, start: int, end: int
    ) -> dict[str, Any]:
        """A full rewrite: of the part, where it is one."""
        if (start, end) == (0, len(seen.text)) or end - start > _MAX_PART_LENGTH:
            return await self._write(state, runtime)
        asked = await self._ask_for_edits(self._part, state, runtime, prompts.part_prompt(plan, seen, start, end))
        call = _call(runtime, seen)
        part = strip_fence(await _receive_edits(call, asked))
        if seen.text[start:end].endswith("\n") and not part.endswith("\n"):
            part += "\n"
        return await save_text(call, plan, seen, replace_selection(seen.text, start, end, part))

    async def _ask_for_edits(
        self, prompt: Prompt, state: CanvasState, runtime: Runtime[RunContext], task: str
    ) -> list[BaseMessage]:
        context = runtime.context
        memories = await context.workspace.recall_memories()
        return prompts.build_prompt(
            prompt, state["messages"], task, memories=memories, background=context.client_context
        )


def _call(runtime: Runtime[RunContext], seen: ArtifactVersion) -> ArtifactToolCall:
    told: dict[str, str | int | None] = {"artifact": seen.artifact.id, "version": seen.version.number}
    return ArtifactToolCall(runtime, EDIT, told, has_started=not withholds_text(runtime))


def _after(failed: Sequence[AnyMessage], update: Mapping[str, Any]) -> dict[str, Any]:
    return {**update, "messages": [*failed, *update.get("messages", ())]}


async def _receive_edits(call: ArtifactToolCall, asked: Sequence[BaseMessage]) -> str:
    growing, said = call.begin(), list[str]()
    try:
        async for piece in stream_text(call, asked):
            said.append(piece)
            growing.add(piece)
    finally:
        call.end(growing)
    return "".join(said)


def _lines(text: str, plan: Plan) -> tuple[int, int]:
    """The whole lines of what is in view, since that is what blocks are made of; the whole text without a view."""
    start, end = plan["start"], plan["end"]
    if start is None or end is None:
        return 0, len(text)
    start = text.rfind("\n", 0, start) + 1
    last = text.find("\n", max(start, end - 1))
    return start, len(text) if last < 0 else last + 1


def _apply_edits(text: str, start: int, end: int, said: str) -> str:
    edits = read_edits(said)
    if not edits:
        raise EditsMissing(_NO_BLOCKS_MESSAGE)
    return replace_selection(text, start, end, apply(text[start:end], edits).text)
