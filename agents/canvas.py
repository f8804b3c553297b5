from pathlib import Path

from pydantic import BaseModel

from agents.base import BaseAgent, Checkpointer, Graph, InvalidOption, ServerTool
from artifacts.outline import find_part
from artifacts.service import ArtifactVersion
from artifacts.workspace import RunWorkspace
from graphs import canvas
from graphs.canvas.actions import ActionNotApplicable, check_action
from graphs.canvas.graph import Prompts, build_canvas_graph
from graphs.canvas.options import CanvasOptions
from graphs.canvas.state import kind_of
from graphs.canvas.tool_call import EDIT, WRITE
from graphs.prompt import Prompt
from storage.artifacts import UnknownVersion

_PROMPTS = Path(canvas.__path__[0]) / "prompts"


class CanvasAgent(BaseAgent):
    id = "canvas"
    name = "Canvas"
    description = "Writes and edits documents and code with you, version by version."
    version = "1.0.0"
    parallel_tool_calls = False
    interrupts = False
    profile = "canvas"
    options = CanvasOptions
    extracts_memories = True
    review_mode = "off"
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

    async def validate_options(self, options: BaseModel | None, workspace: RunWorkspace) -> None:
        if isinstance(options, CanvasOptions) and options.artifact_id is not None:
            try:
                seen = await workspace.read_artifact(options.artifact_id, options.version)
            except UnknownVersion as error:
                raise InvalidOption("version", f"{error}") from None
            _check_options(options, seen)

    def build(self, checkpointer: Checkpointer) -> Graph:
        names = ("understand", "write", "edit", "part", "answer", "follow_up")
        prompts = Prompts(**{name: Prompt.read(_PROMPTS / f"{name}.md") for name in names})
        return build_canvas_graph(prompts=prompts, checkpointer=checkpointer)


def _check_options(options: CanvasOptions, seen: ArtifactVersion) -> None:
    if options.selection is not None and options.selection.end > len(seen.text):
        raise InvalidOption(
            "selection", f"the text has {len(seen.text)} characters, and the selection ends behind them"
        )
    if options.part is not None and find_part(seen.text, kind_of(seen), seen.artifact.language, options.part) is None:
        raise InvalidOption("part", f"there is no part {options.part!r} in it, or more than one")
    if options.action is not None:
        try:
            check_action(options.action, seen.artifact.kind)
        except ActionNotApplicable as error:
            raise InvalidOption("action", str(error)) from None
