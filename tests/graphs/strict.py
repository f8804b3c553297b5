"""A graph that asks twice in one step, and breaks where an answer is none that it expects."""

from typing import Any

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt


def ask_money(state: MessagesState) -> dict[str, Any]:
    return {"messages": [AIMessage(f"{interrupt('How much?')['amount']}", id="money")]}


def ask_name(state: MessagesState) -> dict[str, Any]:
    return {"messages": [AIMessage(f"for {interrupt('Whose name?')['name']}", id="name")]}


def report(state: MessagesState) -> dict[str, Any]:
    said = {message.id: message.text for message in state["messages"]}
    return {"messages": [AIMessage(f"{said['money']} {said['name']}")]}


_graph = StateGraph(MessagesState).add_node("ask_money", ask_money).add_node("ask_name", ask_name)
_graph.add_node("report", report, defer=True)
_graph.add_edge(START, "ask_money").add_edge(START, "ask_name")
_graph.add_edge("ask_money", "report").add_edge("ask_name", "report")
graph = _graph.compile()
