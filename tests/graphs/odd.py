"""A graph that does what no graph should: it ends the process, or keeps what no format has room for."""

import sys
from typing import Any

from langchain_core.messages import AIMessage
from langgraph.graph import MessagesState, StateGraph

VALUES = {"bytes": b"\xff\x00", "integer": 2**80, "complex": 1j, "surrogate": "a\ud83d"}


class State(MessagesState):
    value: Any


async def do(state: State) -> dict[str, Any]:
    asked = state["messages"][-1].text
    if asked == "exit":
        sys.exit(3)
    said = "half a character: \ud83d" if asked == "surrogate" else "Done."
    return {"messages": [AIMessage(said)], "value": VALUES[asked]}


inner = StateGraph(State).add_node("do", do).set_entry_point("do").compile()
graph = StateGraph(State).add_node("inner", inner).set_entry_point("inner").compile()
