from pydantic import BaseModel

from agents.base import BaseAgent, Checkpointer, Graph, InvalidOption
from artifacts.workspace import RunWorkspace
from graphs.quality.text_graph import QualityOptions, build_quality_graph
from storage.artifacts import UnknownVersion


class QualityAgent(BaseAgent):
    id = "quality"
    name = "Quality"
    description = "Reviews a text or code with checks and a rubric, and shows each problem and where it is."
    version = "1.0.0"
    parallel_tool_calls = False
    interrupts = False
    review_mode = "advise"
    review_only = True
    options = QualityOptions
    # `quality` says how any agent is to be read.
    options_key = "review"
    examples = (
        "Read this: The Eiffel Tower was built in 1999 by Leonardo da Vinci.",
        "Read this code: def add(a, b): return a - b",
    )

    async def validate_options(self, options: BaseModel | None, workspace: RunWorkspace) -> None:
        if isinstance(options, QualityOptions) and options.artifact_id is not None:
            try:
                await workspace.read_artifact(options.artifact_id, options.version)
            except UnknownVersion as error:
                raise InvalidOption("version", f"{error}") from None

    def build(self, checkpointer: Checkpointer) -> Graph:
        return build_quality_graph(checkpointer=checkpointer)
