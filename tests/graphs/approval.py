"""A graph that knows nothing of us: it asks a person before it acts, two of them at once if it is told to."""

from operator import add
from typing import Annotated, Any

from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt


class State(MessagesState):
    budget: int
    done: Annotated[list[str], add]


def plan(state: State) -> dict[str, Any]:
    return {"budget": state.get("budget", 10) - 1}


def ask_money(state: State) -> dict[str, Any]:
    answer = interrupt({"reason": "confirmation", "message": "Spend it?", "responseSchema": {"type": "boolean"}})
    return {"done": [f"money: {answer}"]}


def ask_name(state: State) -> dict[str, Any]:
    return {"done": [f"name: {interrupt('Whose name?')}"]}


def report(state: State) -> dict[str, Any]:
    return {"messages": [AIMessage("; ".join(state["done"]))]}


def both(state: State) -> list[str]:
    return ["ask_money", "ask_name"] if "both" in state["messages"][-1].text else ["ask_money"]


_graph = StateGraph(State)
_graph.add_node("plan", plan)
_graph.add_node("ask_money", ask_money)
_graph.add_node("ask_name", ask_name)
_graph.add_node("report", report, defer=True)
_graph.add_edge(START, "plan")
_graph.add_conditional_edges("plan", both, ["ask_money", "ask_name"])
_graph.add_edge("ask_money", "report")
_graph.add_edge("ask_name", "report")
_graph.add_edge("report", END)
graph = _graph.compile()
