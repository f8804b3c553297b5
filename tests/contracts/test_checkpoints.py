"""What is kept of a thread's steps: copied, pruned and forgotten, in both databases alike."""

from collections.abc import AsyncIterator, Mapping
from operator import add
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, StateSnapshot, interrupt
from sqlalchemy import text

from agents.base import AgentRuntime, BaseAgent, Checkpointer, GraphInput
from agents.events import GraphStopped
from storage.checkpoints import Checkpoints, open_checkpoints
from storage.database import Database, StorageFailed
from storage.lease import Lease, LeaseLost
from storage.settings import StorageSettings
from tests.desk import NOBODYS

Graph = CompiledStateGraph[Any, Any, Any, Any]


class State(TypedDict):
    said: Annotated[list[str], add]


def _count(state: State) -> State:
    return {"said": [f"{len(state['said'])} so far"]}


def _ask(state: State) -> State:
    return {"said": [f"answer: {interrupt('Which?')}"]}


def _counting(saver: BaseCheckpointSaver[str]) -> Graph:
    return StateGraph(State).add_node("count", _count).set_entry_point("count").compile(checkpointer=saver)


def _asking(saver: BaseCheckpointSaver[str]) -> Graph:
    graph = StateGraph(State).add_node("count", _count).add_node("ask", _ask)
    return graph.add_edge("count", "ask").set_entry_point("count").compile(checkpointer=saver)


def _nested(saver: BaseCheckpointSaver[str], *, lasting: bool = False) -> Graph:
    inner = StateGraph(State).add_node("count", _count).add_node("ask", _ask)
    compiled = inner.add_edge("count", "ask").set_entry_point("count").compile(checkpointer=lasting or None)
    return StateGraph(State).add_node("inner", compiled).set_entry_point("inner").compile(checkpointer=saver)


def _thread(name: str) -> RunnableConfig:
    return {"configurable": {"thread_id": name}}


async def _history(graph: Graph, thread: str) -> list[StateSnapshot]:
    return [snapshot async for snapshot in graph.aget_state_history(_thread(thread))]


def _id(snapshot: StateSnapshot) -> str:
    checkpoint: str = snapshot.config["configurable"]["checkpoint_id"]
    return checkpoint


async def _said(graph: Graph, thread: str) -> list[str]:
    said: list[str] = (await graph.aget_state(_thread(thread))).values.get("said", [])
    return said


@pytest.fixture
async def checkpoints(migrated: StorageSettings) -> AsyncIterator[Checkpoints]:
    async with open_checkpoints(migrated) as opened:
        yield opened


@pytest.fixture
async def kept(checkpoints: Checkpoints, database: Database) -> Any:
    """How many rows there are of a thread, by table."""

    async def rows(thread: str) -> Mapping[str, int]:
        saver = checkpoints.saver
        if isinstance(saver, AsyncSqliteSaver):
            found = {}
            for table in ("checkpoints", "writes"):
                counting = f"SELECT count(*) FROM {table} WHERE thread_id = ?"
                ((found[table],),) = await saver.conn.execute_fetchall(counting, (thread,))
        else:
            tables = ("checkpoints", "checkpoint_writes", "checkpoint_blobs")
            async with database.read() as connection:
                found = {
                    table: await connection.scalar(
                        text(f"SELECT count(*) FROM {table} WHERE thread_id = :thread"), {"thread": thread}
                    )
                    for table in tables
                }
        return found

    return rows


async def test_a_copy_goes_on_by_itself(checkpoints: Checkpoints) -> None:
    graph = _counting(checkpoints.saver)
    for said in ("one", "two"):
        await graph.ainvoke({"said": [said]}, _thread("old"))
    before = await _history(graph, "old")
    (first,) = [each for each in before if each.values["said"] == ["one", "1 so far"] and not each.next]
    assert await checkpoints.copy("old", _id(first), to="new")
    await graph.ainvoke({"said": ["other"]}, _thread("new"))
    assert await _said(graph, "new") == ["one", "1 so far", "other", "3 so far"]
    assert await _history(graph, "old") == before


async def test_a_copy_holds_what_led_to_it_and_nothing_of_other_branches(checkpoints: Checkpoints) -> None:
    graph = _counting(checkpoints.saver)
    await graph.ainvoke({"said": ["one"]}, _thread("old"))
    (start, *_) = await _history(graph, "old")
    await graph.ainvoke({"said": ["left"]}, _thread("old"))
    await graph.ainvoke({"said": ["right"]}, start.config)
    (tip, *_) = await _history(graph, "old")
    assert await checkpoints.copy("old", _id(tip), to="new")
    told = [snapshot.values.get("said", []) for snapshot in await _history(graph, "new")]
    assert told[0] == ["one", "1 so far", "right", "3 so far"]
    assert not any("left" in said for said in told)


async def test_of_a_checkpoint_that_is_not_there_nothing_is_copied(checkpoints: Checkpoints, kept: Any) -> None:
    await _counting(checkpoints.saver).ainvoke({"said": ["one"]}, _thread("old"))
    assert not await checkpoints.copy("old", "nothing", to="new")
    assert set((await kept("new")).values()) == {0}


@pytest.mark.parametrize("made", [_asking, _nested])
async def test_what_is_asked_is_asked_in_the_copy_too(checkpoints: Checkpoints, made: Any) -> None:
    graph = made(checkpoints.saver)
    await graph.ainvoke({"said": ["one"]}, _thread("old"))
    (tip, *_) = await _history(graph, "old")
    assert await checkpoints.copy("old", _id(tip), to="new")
    for thread, answer in (("old", "this"), ("new", "that")):
        (asked,) = (await graph.aget_state(_thread(thread))).interrupts
        await graph.ainvoke(Command(resume={asked.id: answer}), _thread(thread))
        assert (await _said(graph, thread))[-1] == f"answer: {answer}"


@pytest.mark.parametrize("made", [_asking, _nested])
async def test_what_was_answered_is_asked_anew_where_it_was_asked(checkpoints: Checkpoints, made: Any) -> None:
    graph = made(checkpoints.saver)
    await graph.ainvoke({"said": ["one"]}, _thread("old"))
    (tip, *_) = await _history(graph, "old")
    await graph.ainvoke(Command(resume="this"), _thread("old"))
    assert await checkpoints.copy("old", _id(tip), to="new")
    (asked,) = (await graph.aget_state(_thread("new"))).interrupts
    await graph.ainvoke(Command(resume={asked.id: "that"}), _thread("new"))
    assert (await _said(graph, "new"))[-1] == "answer: that"
    assert (await _said(graph, "old"))[-1] == "answer: this"


async def test_the_newest_are_kept_and_go_on(checkpoints: Checkpoints, kept: Any) -> None:
    graph = _counting(checkpoints.saver)
    for _ in range(5):
        await graph.ainvoke({"said": ["more"]}, _thread("t"))
    await graph.ainvoke({"said": ["apart"]}, _thread("other"))
    apart, before = await kept("other"), await _history(graph, "t")
    assert await checkpoints.prune("t", keep=4) == len(before) - 4
    after = await _history(graph, "t")
    assert [snapshot.values for snapshot in after] == [snapshot.values for snapshot in before[:4]]
    assert after[-1].parent_config is None
    await graph.ainvoke({"said": ["last"]}, _thread("t"))
    assert len(await _said(graph, "t")) == 12
    assert await kept("other") == apart


async def test_what_grows_is_bounded_in_every_table(checkpoints: Checkpoints, kept: Any) -> None:
    graph = _nested(checkpoints.saver)
    counted = []
    for _ in range(6):
        await graph.ainvoke({"said": ["more"]}, _thread("t"))
        await graph.ainvoke(Command(resume="yes"), _thread("t"))
        await checkpoints.prune("t", keep=4)
        counted.append(await kept("t"))
    assert counted[3] == counted[4] == counted[5]


async def test_with_zero_or_few_everything_is_kept(checkpoints: Checkpoints, kept: Any) -> None:
    await _counting(checkpoints.saver).ainvoke({"said": ["one"]}, _thread("t"))
    before = await kept("t")
    assert [await checkpoints.prune(name, keep=keep) for name, keep in (("t", 0), ("t", 100), ("unknown", 1))] == [
        0
    ] * 3
    assert await kept("t") == before


@pytest.mark.parametrize("made", [_asking, _nested])
async def test_what_is_asked_can_be_answered_after_the_hardest_pruning(checkpoints: Checkpoints, made: Any) -> None:
    graph = made(checkpoints.saver)
    await graph.ainvoke({"said": ["one"]}, _thread("t"))
    assert await checkpoints.prune("t", keep=1)
    (asked,) = (await graph.aget_state(_thread("t"))).interrupts
    await graph.ainvoke(Command(resume={asked.id: "yes"}), _thread("t"))
    assert (await _said(graph, "t"))[-1] == "answer: yes"


async def test_a_subgraph_that_remembers_goes_on_remembering(checkpoints: Checkpoints) -> None:
    graph = _nested(checkpoints.saver, lasting=True)
    for at in range(3):
        await graph.ainvoke({"said": [f"q{at}"]}, _thread("t"))
        (asked,) = (await graph.aget_state(_thread("t"))).interrupts
        await graph.ainvoke(Command(resume={asked.id: f"a{at}"}), _thread("t"))
        await checkpoints.prune("t", keep=1)
    assert {"answer: a0", "answer: a1", "answer: a2"} <= set(await _said(graph, "t"))


class _Echo(BaseAgent):
    id, name, description, version = "echo", "Echo", "Says it again.", "1"

    def build(self, checkpointer: Checkpointer) -> Graph:
        def answer(state: MessagesState) -> dict[str, Any]:
            return {"messages": [AIMessage(f"You said {state['messages'][-1].text}")]}

        return (
            StateGraph(MessagesState)
            .add_node("answer", answer)
            .set_entry_point("answer")
            .compile(checkpointer=checkpointer)
        )


@pytest.mark.parametrize("edited", ["q0", "q2", "q4"])
async def test_what_was_pruned_away_can_be_edited_all_the_same(checkpoints: Checkpoints, edited: str) -> None:
    agent = _Echo()
    runtime = AgentRuntime(agent, agent.build(checkpoints.saver))

    async def said(*messages: BaseMessage) -> list[str]:
        facts = [fact async for fact in runtime.run("t", GraphInput(messages=messages), None, NOBODYS)]
        (halted,) = [fact for fact in facts if isinstance(fact, GraphStopped)]
        return [message.text for message in halted.messages]

    for at in range(5):
        await said(HumanMessage(f"q{at}", id=f"q{at}"))
    await checkpoints.prune("t", keep=4)
    before = [text for at in range(int(edited[1])) for text in (f"q{at}", f"You said q{at}")]
    assert await said(HumanMessage("else", id=edited)) == [*before, "else", "You said else"]
    assert (await runtime.snapshot("t")).messages[-1].text == "You said else"


async def test_a_thread_told_as_differences_is_left_as_it_is(checkpoints: Checkpoints, kept: Any) -> None:
    graph = _counting(checkpoints.saver)
    for _ in range(3):
        await graph.ainvoke({"said": ["more"]}, _thread("t"))
    (tip, *_) = await _history(graph, "t")
    stored = await checkpoints.saver.aget_tuple(tip.config)
    assert stored is not None
    config: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": _id(tip)}}
    metadata: Any = {**stored.metadata, "counters_since_delta_snapshot": {"said": [1, 1]}}
    await checkpoints.saver.aput(config, stored.checkpoint, metadata, {})
    before = await kept("t")
    assert await checkpoints.prune("t", keep=1) == 0
    assert await kept("t") == before


async def test_what_is_forgotten_leaves_nothing(checkpoints: Checkpoints, kept: Any) -> None:
    graph = _nested(checkpoints.saver)
    for name in ("t", "other"):
        await graph.ainvoke({"said": ["one"]}, _thread(name))
    apart = await kept("other")
    for _ in range(2):
        await checkpoints.delete_thread("t")
        assert set((await kept("t")).values()) == {0}
    assert await kept("other") == apart


async def test_a_database_that_is_gone_is_said_in_our_words(migrated: StorageSettings) -> None:
    async with open_checkpoints(migrated) as opened:
        graph = _counting(opened.saver)
        await graph.ainvoke({"said": ["one"]}, _thread("t"))
        saver: Any = opened.saver
        if isinstance(saver, AsyncSqliteSaver):
            await saver.conn.execute("DROP TABLE checkpoints")
        else:
            async with saver.conn.connection() as connection:
                await connection.execute("DROP TABLE checkpoints")
        for refused in (opened.prune("t", keep=1), opened.copy("t", "c", to="n"), opened.delete_thread("t")):
            with pytest.raises(StorageFailed, match=r"^The checkpoints failed: "):
                await refused


async def test_a_process_that_has_lost_a_thread_does_not_write_it(migrated: StorageSettings) -> None:
    lease = Lease(15)
    async with open_checkpoints(migrated, lease) as opened:
        graph = _counting(opened.saver)
        await graph.ainvoke({"said": ["one"]}, _thread("t"))
        lease.lose("t")
        with pytest.raises(LeaseLost):
            await graph.ainvoke({"said": ["two"]}, _thread("t"))
        assert await _said(graph, "t") == ["one", "1 so far"]
        lease.take("t")
        await graph.ainvoke({"said": ["two"]}, _thread("t"))
        assert await _said(graph, "t") == ["one", "1 so far", "two", "3 so far"]
