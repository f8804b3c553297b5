"""Graphs whose state is declared as a class: pydantic's and a dataclass."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.graph import StateGraph
from langgraph.graph.message import add_messages
from pydantic import BaseModel


class Model(BaseModel):
    messages: Annotated[list[AnyMessage], add_messages] = []
    turns: int = 0


@dataclass
class Data:
    messages: Annotated[list[AnyMessage], add_messages] = field(default_factory=list)
    turns: int = 0


def answer(state: Model | Data) -> dict[str, Any]:
    return {"messages": [AIMessage(f"Turn {state.turns + 1}")], "turns": state.turns + 1}


pydantic_graph = StateGraph(Model).add_node("answer", answer).set_entry_point("answer").compile()
data_graph = StateGraph(Data).add_node("answer", answer).set_entry_point("answer").compile()
