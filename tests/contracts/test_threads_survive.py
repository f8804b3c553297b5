from langchain_core.messages import HumanMessage
from langgraph.graph import MessagesState, StateGraph

from storage.checkpoints import open_checkpoints
from storage.settings import StorageSettings


def _echo(state: MessagesState) -> MessagesState:
    return {"messages": [HumanMessage(f"{len(state['messages'])} so far", id=f"m{len(state['messages'])}")]}


_GRAPH = StateGraph(MessagesState).add_node("echo", _echo).set_entry_point("echo")


async def _said(settings: StorageSettings, thread: str, text: str) -> list[str]:
    async with open_checkpoints(settings) as checkpoints:
        graph = _GRAPH.compile(checkpointer=checkpoints.saver)
        state = await graph.ainvoke(
            {"messages": [HumanMessage(text, id=f"{thread}-{text}")]}, {"configurable": {"thread_id": thread}}
        )
    return [message.text for message in state["messages"]]


async def test_a_thread_is_there_again_after_a_restart(migrated: StorageSettings) -> None:
    assert await _said(migrated, "one", "Hello") == ["Hello", "1 so far"]
    assert await _said(migrated, "one", "Again") == ["Hello", "1 so far", "Again", "3 so far"]
    assert await _said(migrated, "two", "Hello") == ["Hello", "1 so far"]
