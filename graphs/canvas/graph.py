"""The canvas workflow: understand, then write, edit or answer; what was written is checked, read, and told of."""

from dataclasses import dataclass
from typing import Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph

from graphs.canvas.answer import AnswerNode, FollowUpNode
from graphs.canvas.edit import EditNode
from graphs.canvas.review import ReviewNode
from graphs.canvas.state import CanvasOutput, CanvasState, Node
from graphs.canvas.syntax_check import CheckNode, after_check
from graphs.canvas.understand import UnderstandNode
from graphs.canvas.write import WriteNode
from graphs.context import RunContext
from graphs.prompt import Prompt
from graphs.quality.answer_review import last_answer

CanvasGraph = CompiledStateGraph[CanvasState, RunContext, MessagesState, CanvasOutput]


@dataclass(frozen=True, slots=True)
class Prompts:
    understand: Prompt
    write: Prompt
    edit: Prompt
    part: Prompt
    answer: Prompt
    follow_up: Prompt


def build_canvas_graph(*, prompts: Prompts, checkpointer: BaseCheckpointSaver[str]) -> CanvasGraph:
    graph = StateGraph(CanvasState, context_schema=RunContext, input_schema=MessagesState, output_schema=CanvasOutput)
    write = WriteNode(prompts.write)
    graph.add_node("understand", UnderstandNode(prompts.understand))
    graph.add_node("write", write)
    graph.add_node("edit", EditNode(prompts.edit, prompts.part, write))
    graph.add_node("check", CheckNode())
    graph.add_node("answer", AnswerNode(prompts.answer))
    graph.add_node("follow_up", FollowUpNode(prompts.follow_up))
    graph.add_edge(START, "understand")
    graph.add_conditional_edges("understand", _after_plan, ["write", "edit", "answer"])
    graph.add_node("quality", ReviewNode(prompts.write, prompts.answer))
    graph.add_conditional_edges("write", _after_write, ["check", "quality", "follow_up"])
    graph.add_conditional_edges("edit", _after_write, ["check", "quality", "follow_up"])
    graph.add_conditional_edges("check", after_check, ["edit", "quality", "follow_up"])
    graph.add_conditional_edges("answer", _after_answer, {"quality": "quality", "end": END})
    graph.add_conditional_edges("quality", _after_review, {"follow_up": "follow_up", "end": END})
    graph.add_edge("follow_up", END)
    return graph.compile(checkpointer=checkpointer)


def _after_write(state: CanvasState) -> Literal["check", "quality", "follow_up"]:
    if state.get("failed"):
        return "follow_up"
    # What nobody has seen is read as a whole; what is wrong with it is mended there.
    return "quality" if state.get("unheard") is not None else "check"


def _after_answer(state: CanvasState) -> Literal["quality", "end"]:
    if state.get("draft") is not None:
        return "quality"
    return "quality" if state.get("gated") and last_answer(state["messages"]).text else "end"


def _after_review(state: CanvasState) -> Literal["follow_up", "end"]:
    # Beside an answer there is nothing that was done to tell of.
    return "end" if _after_plan(state) == "answer" else "follow_up"


def _after_plan(state: CanvasState) -> Node:
    plan = state["plan"]
    return plan["node"] if plan else "answer"
