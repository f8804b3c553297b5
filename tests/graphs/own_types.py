"""Graphs whose state holds types of their own, and one that holds what no list of types has."""

import threading
import types
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from langchain_core.messages import AIMessage
from langgraph.graph import MessagesState, StateGraph
from pydantic import BaseModel


class Color(Enum):
    RED = "red"


class Item(BaseModel):
    name: str
    color: Color
    count: Any = 1


@dataclass(frozen=True)
class Cart:
    items: list[Item] = field(default_factory=list)


Point = namedtuple("Point", "x y")


class State(MessagesState):
    # Not declared as what it is: its type is found by its module.
    value: Any


class _Outer:
    class Inner(BaseModel):
        name: str = "one"


class Foreign(BaseModel):
    """Of a module that is nobody's."""


Foreign.__module__ = "somewhere.else"


VALUES: dict[str, Callable[[], Any]] = {
    "own": lambda: [Cart([Item(name="one", color=Color.RED)]), Point(1, 2)],
    "nested": _Outer.Inner,
    "integer": lambda: Cart([Item(name="one", color=Color.RED, count=2**80)]),
    "foreign": lambda: types.SimpleNamespace(Signal=threading.Lock()),
    "listed": Foreign,
}


async def do(state: State) -> dict[str, Any]:
    asked = state["messages"][-1].text
    if asked == "look":
        return {"messages": [AIMessage(repr(state["value"]))]}
    return {"messages": [AIMessage("Done.")], "value": VALUES[asked]()}


graph = StateGraph(State).add_node("do", do).set_entry_point("do").compile()
