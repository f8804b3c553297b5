from pathlib import Path

from pydantic import BaseModel

from agents.base import BadWish, BaseAgent, Checkpointer, Graph, ServerTool
from artifacts.desk import Desk
from artifacts.outline import find_part
from artifacts.shelf import Held
from graphs import canvas
from graphs.canvas.actions import NotForThis, check
from graphs.canvas.call import EDIT, WRITE
from graphs.canvas.graph import Prompts, canvas_graph
from graphs.canvas.state import kind_of
from graphs.canvas.wishes import CanvasWishes
from graphs.prompt import Prompt
from storage.artifacts import UnknownVersion

_PROMPTS = Path(canvas.__path__[0]) / "prompts"


class CanvasAgent(BaseAgent):
    id = "canvas"
    name = "Canvas"
    description = (
        "Writes documents and code together with a person, in versions, and changes them where they are asked to."
    )
    version = "1.0.0"
    parallel_tool_calls = False
    interrupts = False
    profile = "canvas"
    wishes = CanvasWishes
    reflects = True
    quality = "off"
    # The agent calls them itself; a client only sees the calls.
    tools = (
        ServerTool(WRITE, "Writes the whole text of an artifact."),
        ServerTool(EDIT, "Changes parts of an artifact's text."),
    )
    examples = (
        "Write a short article about the tides.",
        "Write a Python function that parses a date of any usual format.",
        "Draw a Mermaid diagram of how a request is answered.",
    )

    async def admit(self, wishes: BaseModel | None, desk: Desk) -> None:
        if isinstance(wishes, CanvasWishes) and wishes.artifact_id is not None:
            try:
                seen = await desk.read(wishes.artifact_id, wishes.version)
            except UnknownVersion as error:
                raise BadWish("version", f"{error}") from None
            _check(wishes, seen)

    def build(self, checkpointer: Checkpointer) -> Graph:
        names = ("understand", "write", "edit", "part", "answer", "follow_up")
        prompts = Prompts(**{name: Prompt.read(_PROMPTS / f"{name}.md") for name in names})
        return canvas_graph(prompts=prompts, checkpointer=checkpointer)


def _check(wishes: CanvasWishes, seen: Held) -> None:
    if wishes.selection is not None and wishes.selection.end > len(seen.text):
        raise BadWish("selection", f"the text has {len(seen.text)} characters, and the selection ends behind them")
    if wishes.part is not None and find_part(seen.text, kind_of(seen), seen.artifact.language, wishes.part) is None:
        raise BadWish("part", f"there is no part {wishes.part!r} in it, or more than one")
    if wishes.action is not None:
        try:
            check(wishes.action, seen.artifact.kind)
        except NotForThis as error:
            raise BadWish("action", str(error)) from None
