"""The canvas workflow: understand, then write, edit or answer; what was written is checked, read, and told of."""

from dataclasses import dataclass
from typing import Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph

from graphs.canvas.check import Check, after_check
from graphs.canvas.edit import Edit
from graphs.canvas.quality import Quality
from graphs.canvas.state import CanvasState, Node, Shown
from graphs.canvas.talk import Answer, FollowUp
from graphs.canvas.understand import Understand
from graphs.canvas.write import Write
from graphs.context import RunContext
from graphs.prompt import Prompt
from graphs.quality.answers import last_answer

CanvasGraph = CompiledStateGraph[CanvasState, RunContext, MessagesState, Shown]


@dataclass(frozen=True, slots=True)
class Prompts:
    understand: Prompt
    write: Prompt
    edit: Prompt
    part: Prompt
    answer: Prompt
    follow_up: Prompt


def canvas_graph(*, prompts: Prompts, checkpointer: BaseCheckpointSaver[str]) -> CanvasGraph:
    graph = StateGraph(CanvasState, context_schema=RunContext, input_schema=MessagesState, output_schema=Shown)
    write = Write(prompts.write)
    graph.add_node("understand", Understand(prompts.understand))
    graph.add_node("write", write)
    graph.add_node("edit", Edit(prompts.edit, prompts.part, write))
    graph.add_node("check", Check())
    graph.add_node("answer", Answer(prompts.answer))
    graph.add_node("follow_up", FollowUp(prompts.follow_up))
    graph.add_edge(START, "understand")
    graph.add_conditional_edges("understand", _planned, ["write", "edit", "answer"])
    graph.add_node("quality", Quality(prompts.write, prompts.answer))
    graph.add_conditional_edges("write", _written, ["check", "quality", "follow_up"])
    graph.add_conditional_edges("edit", _written, ["check", "quality", "follow_up"])
    graph.add_conditional_edges("check", after_check, ["edit", "quality", "follow_up"])
    graph.add_conditional_edges("answer", _answered, {"quality": "quality", "end": END})
    graph.add_conditional_edges("quality", _read, {"follow_up": "follow_up", "end": END})
    graph.add_edge("follow_up", END)
    return graph.compile(checkpointer=checkpointer)


def _written(state: CanvasState) -> Literal["check", "quality", "follow_up"]:
    if state.get("failed"):
        return "follow_up"
    # What nobody has seen is read as a whole; what is wrong with it is mended there.
    return "quality" if state.get("unheard") is not None else "check"


def _answered(state: CanvasState) -> Literal["quality", "end"]:
    if state.get("draft") is not None:
        return "quality"
    return "quality" if state.get("gated") and last_answer(state["messages"]).text else "end"


def _read(state: CanvasState) -> Literal["follow_up", "end"]:
    # Beside an answer there is nothing that was done to tell of.
    return "end" if _planned(state) == "answer" else "follow_up"


def _planned(state: CanvasState) -> Node:
    plan = state["plan"]
    return plan["node"] if plan else "answer"
