from pydantic import BaseModel

from agents.base import BadWish, BaseAgent, Checkpointer, Graph
from artifacts.desk import Desk
from graphs.quality.reviewer import QualityWishes, reviewer_graph
from storage.artifacts import UnknownVersion


class QualityAgent(BaseAgent):
    id = "quality"
    name = "Quality"
    description = "Reads a text or code by checks and by a rubric, and says what is wrong with it and where."
    version = "1.0.0"
    parallel_tool_calls = False
    interrupts = False
    quality = "advise"
    reads = True
    wishes = QualityWishes
    # `quality` says how any agent is to be read.
    wishes_as = "review"
    examples = (
        "Read this: The Eiffel Tower was built in 1999 by Leonardo da Vinci.",
        "Read this code: def add(a, b): return a - b",
    )

    async def admit(self, wishes: BaseModel | None, desk: Desk) -> None:
        if isinstance(wishes, QualityWishes) and wishes.artifact_id is not None:
            try:
                await desk.read(wishes.artifact_id, wishes.version)
            except UnknownVersion as error:
                raise BadWish("version", f"{error}") from None

    def build(self, checkpointer: Checkpointer) -> Graph:
        return reviewer_graph(checkpointer=checkpointer)
