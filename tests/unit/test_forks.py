"""How much of a thread's history is read to find where it goes on."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import MessagesState, StateGraph

from agents.base import AgentRuntime, BaseAgent, Checkpointer, Graph, GraphInput
from agents.events import GraphStopped
from tests.desk import NOBODYS

THREAD = "t"


class _Counted(InMemorySaver):
    """A saver that counts what is read of a history."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    async def alist(self, *asked: Any, **more: Any) -> AsyncIterator[Any]:
        async for each in super().alist(*asked, **more):
            self.read += 1
            yield each


def _answer(state: MessagesState) -> dict[str, Any]:
    return {"messages": [AIMessage(f"You said {state['messages'][-1].text}", id=f"a{len(state['messages'])}")]}


class _Echo(BaseAgent):
    id, name, description, version = "echo", "Echo", "Says it again.", "1"

    def build(self, checkpointer: Checkpointer) -> Graph:
        graph: Graph = (
            StateGraph(MessagesState)
            .add_node("answer", _answer)
            .set_entry_point("answer")
            .compile(checkpointer=checkpointer)
        )
        return graph


@pytest.fixture
def saver() -> _Counted:
    return _Counted()


@pytest.fixture
def echo(saver: _Counted) -> AgentRuntime:
    agent = _Echo()
    return AgentRuntime(agent, agent.build(saver))


async def _said(echo: AgentRuntime, *messages: HumanMessage | AIMessage) -> list[str]:
    halted = [
        fact
        async for fact in echo.run(THREAD, GraphInput(messages=messages), None, NOBODYS)
        if isinstance(fact, GraphStopped)
    ][-1]
    return [message.text for message in halted.messages]


async def _long(echo: AgentRuntime, interrupts: int) -> None:
    for at in range(interrupts):
        await _said(echo, HumanMessage(f"q{at}", id=f"q{at}"))


async def test_an_edit_near_the_end_reads_the_end(echo: AgentRuntime, saver: _Counted) -> None:
    await _long(echo, 40)
    saver.read = 0
    told = await _said(echo, HumanMessage("edited", id="q38"))
    assert told[-3:] == ["You said q37", "edited", "You said edited"]
    assert saver.read <= 20


async def test_an_answer_anew_reads_the_end(echo: AgentRuntime, saver: _Counted) -> None:
    await _long(echo, 40)
    saver.read = 0
    told = await _said(echo, HumanMessage("q39", id="q39"))
    assert (len(told), told[-1]) == (80, "You said q39")
    assert saver.read <= 20


async def test_an_edit_far_back_is_found_there(echo: AgentRuntime, saver: _Counted) -> None:
    await _long(echo, 40)
    told = await _said(echo, HumanMessage("edited", id="q1"))
    assert told == ["q0", "You said q0", "edited", "You said edited"]


async def test_what_nobody_has_said_is_looked_for_so_far_and_no_further(echo: AgentRuntime, saver: _Counted) -> None:
    await _long(echo, 200)
    saver.read = 0
    told = await _said(echo, AIMessage("from elsewhere", id="stranger"), HumanMessage("on", id="on"))
    assert told[-2:] == ["on", "You said on"]
    assert saver.read == 500


async def test_a_thread_is_told_as_it_stands_and_as_it_came_to_be(echo: AgentRuntime) -> None:
    await _long(echo, 2)
    snapshot = await echo.snapshot(THREAD)
    assert [message.id for message in snapshot.messages] == ["q0", "a1", "q1", "a3"]
    whole = await echo.list_checkpoints(THREAD, before=None, limit=100)
    assert snapshot.checkpoint_id == whole[0].id
    assert [(each.step, len(each.message_ids), tuple(each.next_nodes)) for each in whole] == [
        (4, 4, ()),
        (3, 3, ("answer",)),
        (2, 2, ("__start__",)),
        (1, 2, ()),
        (0, 1, ("answer",)),
        (-1, 0, ("__start__",)),
    ]
    assert [each.parent_id for each in whole] == [*(each.id for each in whole[1:]), None]
    parts = [await echo.list_checkpoints(THREAD, before=before, limit=3) for before in (None, whole[2].id, whole[5].id)]
    assert [*parts[0], *parts[1]] == whole
    assert parts[2] == []


async def test_an_unknown_thread_is_empty(echo: AgentRuntime) -> None:
    snapshot = await echo.snapshot("unknown")
    assert (snapshot.messages, snapshot.state, snapshot.interrupts, snapshot.checkpoint_id) == ([], {}, (), None)
    assert await echo.list_checkpoints("unknown", before=None, limit=5) == []
