"""Changing a part of a text: what the model writes is what changes, and no more."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage
from langgraph.runtime import Runtime

from artifacts.edits import BadEdits, DoesNotApply, apply, read_edits, replace_selection
from artifacts.fences import whole
from artifacts.shelf import Held
from graphs.canvas import telling
from graphs.canvas.call import EDIT, Call, pieces
from graphs.canvas.state import CanvasState, Plan
from graphs.canvas.write import Write, is_incomplete, kept, lost
from graphs.context import RunContext
from graphs.prompt import Prompt
from graphs.quality.mount import is_held
from storage.artifacts import UnknownArtifact

_AGAIN = "{error}\nAnswer again with all blocks, and with nothing else."
_NO_BLOCKS = "There is no block in the answer."
# A part of so many characters is written anew where it cannot be edited.
_LONGEST_PART = 20_000


class NoEdits(ValueError):
    """An answer without a single block."""


class Edit:
    """Asks for blocks; where they do not apply, once more with the reason; then for the part's new text."""

    def __init__(self, prompt: Prompt, part: Prompt, write: Write) -> None:
        self._prompt = prompt
        self._part = part
        self._write = write

    async def __call__(self, state: CanvasState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        plan = state["plan"]
        if plan is None or plan["artifact"] is None:
            raise ValueError("there is nothing planned to be edited")
        desk = runtime.context.desk
        try:
            seen = await desk.read(plan["artifact"], plan["version"])
        except UnknownArtifact as error:
            return lost(runtime, error)
        start, end = _lines(seen.text, plan)
        asked = await self._asked(self._prompt, state, runtime, telling.to_edit(plan, seen, start, end))
        failed = list[AnyMessage]()
        for _ in range(2):
            call = _call(runtime, seen)
            said = await _said(call, asked)
            try:
                text = _edited(seen.text, start, end, said)
            except (BadEdits, DoesNotApply, NoEdits) as error:
                failed += call.failed(str(error)) if call.heard else []
                asked = [*asked, AIMessage(said), HumanMessage(_AGAIN.format(error=error))]
            else:
                # What is mended is no more whole than it was.
                incomplete = bool(state.get("mended")) and is_incomplete(seen)
                update = await kept(call, plan, seen, text, incomplete=incomplete)
                return _after(failed, update)
        update = await self._rewritten(state, runtime, plan, seen, start, end)
        return _after(failed, update)

    async def _rewritten(  # noqa: PLR0917  # a part of a text is what was seen, from where to where
        self, state: CanvasState, runtime: Runtime[RunContext], plan: Plan, seen: Held, start: int, end: int
    ) -> dict[str, Any]:
        """A full rewrite: of the part, where it is one."""
        if (start, end) == (0, len(seen.text)) or end - start > _LONGEST_PART:
            return await self._write(state, runtime)
        asked = await self._asked(self._part, state, runtime, telling.to_rewrite_part(plan, seen, start, end))
        call = _call(runtime, seen)
        part = whole(await _said(call, asked))
        if seen.text[start:end].endswith("\n") and not part.endswith("\n"):
            part += "\n"
        return await kept(call, plan, seen, replace_selection(seen.text, start, end, part))

    async def _asked(
        self, prompt: Prompt, state: CanvasState, runtime: Runtime[RunContext], task: str
    ) -> list[BaseMessage]:
        context = runtime.context
        memories = await context.desk.remembered()
        return telling.step(prompt, state["messages"], task, memories=memories, background=context.background)


def _call(runtime: Runtime[RunContext], seen: Held) -> Call:
    told: dict[str, str | int | None] = {"artifact": seen.artifact.id, "version": seen.version.number}
    return Call(runtime, EDIT, told, heard=not is_held(runtime))


def _after(failed: Sequence[AnyMessage], update: Mapping[str, Any]) -> dict[str, Any]:
    return {**update, "messages": [*failed, *update.get("messages", ())]}


async def _said(call: Call, asked: Sequence[BaseMessage]) -> str:
    growing, said = call.begin(), list[str]()
    try:
        async for piece in pieces(call, asked):
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


def _edited(text: str, start: int, end: int, said: str) -> str:
    edits = read_edits(said)
    if not edits:
        raise NoEdits(_NO_BLOCKS)
    return replace_selection(text, start, end, apply(text[start:end], edits).text)
