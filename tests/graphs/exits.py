"""A graph that ends the process from where no node of its own is: the last message says from where."""

import asyncio
import sys
from typing import Any

from langchain_core.messages import AIMessage, ToolCall
from langchain_core.tools import tool
from langgraph.func import entrypoint, task
from langgraph.graph import MessagesState, StateGraph
from langgraph.prebuilt import ToolNode


async def end_process(state: MessagesState) -> dict[str, Any]:
    sys.exit(3)


def end_process_in_thread(state: MessagesState) -> dict[str, Any]:
    sys.exit(3)


# Two nodes at once: each is a task of its own.
inner = (
    StateGraph(MessagesState)
    .add_node("one", end_process)
    .add_node("two", end_process_in_thread)
    .set_entry_point("one")
    .add_edge("__start__", "two")
    .compile()
)


@tool
async def call_graph() -> str:
    """Call a graph that ends the process."""
    return str(await inner.ainvoke({"messages": []}))


@tool
def call_graph_in_thread() -> str:
    """Call a graph that ends the process, without a loop of events."""
    only = StateGraph(MessagesState).add_node("one", end_process_in_thread).set_entry_point("one").compile()
    return str(only.invoke({"messages": []}))


@tool
async def end_process_in_tool() -> str:
    """End the process."""
    sys.exit(3)


@task
async def call_graph_in_task() -> Any:
    return await inner.ainvoke({"messages": []})


@entrypoint()
async def functional(given: str) -> Any:
    return await call_graph_in_task()


async def ask(state: MessagesState) -> dict[str, Any]:
    asked = state["messages"][-1].text
    if asked == "functional":
        await functional.ainvoke("")
    if asked == "task":
        await asyncio.gather(*(asyncio.create_task(end_process(state)) for _ in range(2)))
    # Two at once: each is a task of its own.
    return {"messages": [AIMessage("", tool_calls=[ToolCall(name=asked, args={}, id=f"call-{at}") for at in (1, 2)])]}


graph = (
    StateGraph(MessagesState)
    .add_node("ask", ask)
    .add_node("tools", ToolNode([call_graph, call_graph_in_thread, end_process_in_tool]))
    .set_entry_point("ask")
    .add_edge("ask", "tools")
    .compile()
)
