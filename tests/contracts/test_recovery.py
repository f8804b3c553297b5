"""A run whose process died between any two writes of its saver goes on to a whole answer."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import id as checkpoint_ids
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, Send, interrupt

from agents.base import AgentRuntime, BaseAgent, Checkpointer, CompiledGraph, Graph, GraphInput
from agents.events import GraphStopped
from storage.checkpoints import open_checkpoints
from storage.settings import StorageSettings
from tests.desk import NOBODYS

THREAD = "t"


class ProcessDied(BaseException):
    """The process is killed: nothing of ours gets to answer this."""


class DyingSaver:
    """Lets a number of writes through, and dies before the next."""

    def __init__(self, saver: Checkpointer, writes: int) -> None:
        self._saver = saver
        self._writes = writes

    def __enter__(self) -> "DyingSaver":
        self._saver.aput, self._saver.aput_writes = (  # type: ignore[method-assign]  # stands for a killed process
            self._dying(self._saver.aput),
            self._dying(self._saver.aput_writes),
        )
        return self

    def __exit__(self, *_: object) -> None:
        del self._saver.aput, self._saver.aput_writes

    def _dying(self, write: Callable[..., Any]) -> Callable[..., Any]:
        async def written(*given: Any, **more: Any) -> Any:
            if self._writes <= 0:
                raise ProcessDied
            self._writes -= 1
            return await write(*given, **more)

        return written


def _first(state: MessagesState) -> dict[str, Any]:
    return {"messages": [AIMessage("First.", id="first")]}


def _second(state: MessagesState) -> dict[str, Any]:
    return {"messages": [AIMessage("Second.", id="second")]}


def _ask(state: MessagesState) -> dict[str, Any]:
    return {"messages": [AIMessage(f"You said {interrupt('Which?')}.", id="answer")]}


def _line() -> StateGraph[Any, Any, Any, Any]:
    graph = StateGraph(MessagesState).add_node("first", _first).add_node("second", _second)
    return graph.add_edge(START, "first").add_edge("first", "second").add_edge("second", END)


def _nested() -> StateGraph[Any, Any, Any, Any]:
    inner = _line().compile()
    return StateGraph(MessagesState).add_node("inner", inner).add_edge(START, "inner").add_edge("inner", END)


def _fan() -> StateGraph[Any, Any, Any, Any]:
    def spread(state: MessagesState) -> list[Send]:
        return [Send("first", state), Send("second", state)]

    graph = StateGraph(MessagesState).add_node("first", _first).add_node("second", _second)
    return graph.add_conditional_edges(START, spread, ["first", "second"])


def _jump() -> StateGraph[Any, Any, Any, Any]:
    def go(state: MessagesState) -> Command[Any]:
        return Command(goto="second", update=_first(state))

    graph = StateGraph(MessagesState).add_node("go", go, destinations=("second",)).add_node("second", _second)
    return graph.add_edge(START, "go")


def _asking() -> StateGraph[Any, Any, Any, Any]:
    graph = StateGraph(MessagesState).add_node("ask", _ask).add_node("second", _second)
    return graph.add_edge(START, "ask").add_edge("ask", "second")


class _Agent(BaseAgent):
    id, name, description, version = "dying", "Dying", "Is killed between its writes.", "1"

    def __init__(self, graph: StateGraph[Any, Any, Any, Any]) -> None:
        self._graph = graph

    def build(self, checkpointer: Checkpointer) -> Graph:
        compiled = self._graph.compile(checkpointer=checkpointer)
        assert isinstance(compiled, CompiledGraph)
        return compiled


async def _run(agent: AgentRuntime, graph_input: GraphInput, run: str) -> GraphStopped:
    facts = [fact async for fact in agent.run(THREAD, graph_input, None, NOBODYS, run=run)]
    assert isinstance(facts[-1], GraphStopped)
    return facts[-1]


async def _run_through_deaths(
    settings: StorageSettings, graph: StateGraph[Any, Any, Any, Any], graph_input: GraphInput
) -> int:
    """Kills a run before its n-th write, for each n that it has, and recovers it; how many there were."""
    for writes in range(100):
        async with open_checkpoints(settings) as checkpoints:
            await checkpoints.delete_thread(THREAD)
            agent = AgentRuntime(_Agent(graph), _Agent(graph).build(checkpoints.saver))
            if graph_input.resume:
                interrupt = (await _run(agent, GraphInput([HumanMessage("Go", id="go")]), "asking")).interrupts[0]
                graph_input = replace(graph_input, resume={interrupt.id: "this"})
            try:
                with DyingSaver(checkpoints.saver, writes):
                    whole = await _run(agent, graph_input, "run")
            except ProcessDied:
                whole = await _run(agent, replace(graph_input, is_recovery=True), "run")
            else:
                return writes
            said = sorted(message.text for message in whole.messages)
            assert said == EXPECTED[bool(graph_input.resume)], f"killed before write {writes}"
            assert whole.interrupts == ()
    raise AssertionError("the run writes without an end")


EXPECTED = {False: ["First.", "Go", "Second."], True: ["Go", "Second.", "You said this."]}
GRAPHS = {"line": _line, "nested": _nested, "fan": _fan, "jump": _jump}


@pytest.mark.parametrize("graph", GRAPHS)
async def test_run_killed_before_any_write_is_recovered_whole(migrated: StorageSettings, graph: str) -> None:
    assert await _run_through_deaths(migrated, GRAPHS[graph](), GraphInput([HumanMessage("Go", id="go")])) >= 3


async def test_resumed_run_killed_before_any_write_is_recovered_whole(migrated: StorageSettings) -> None:
    assert await _run_through_deaths(migrated, _asking(), GraphInput(resume={"": "this"})) >= 3


async def test_effect_with_the_documented_key_happens_once(migrated: StorageSettings) -> None:
    page = (Path(__file__).parents[2] / "docs" / "adding-an-agent.md").read_text()
    _, _, example = page.partition("# my_graphs/mail.py\n")
    module: dict[str, Any] = {}
    exec(compile(example.partition("```")[0], "mail.py", "exec"), module)  # the page's own example
    attempts = 0

    def ask(state: MessagesState) -> dict[str, Any]:
        call = {"name": "send_mail", "args": {"text": "Hello"}, "id": "call", "type": "tool_call"}
        return {"messages": [AIMessage("", id="asks", tool_calls=[call])]}

    async def send(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
        nonlocal attempts
        attempts += 1
        asked = state["messages"][-1]
        assert isinstance(asked, AIMessage)
        (call,) = asked.tool_calls
        answer = await module["send_mail"].ainvoke({**call, "type": "tool_call"}, config)
        return {"messages": [answer.model_copy(update={"id": "sent"})]}

    graph = StateGraph(MessagesState).add_node("ask", ask).add_node("send", send)
    graph.add_edge(START, "ask").add_edge("ask", "send")
    for writes in range(10):
        async with open_checkpoints(migrated) as checkpoints:
            await checkpoints.delete_thread(THREAD)
            agent = AgentRuntime(_Agent(graph), _Agent(graph).build(checkpoints.saver))
            graph_input, run = GraphInput([HumanMessage("Go", id="go")]), f"run-{writes}"
            try:
                with DyingSaver(checkpoints.saver, writes):
                    await _run(agent, graph_input, run)
            except ProcessDied:
                await _run(agent, replace(graph_input, is_recovery=True), run)
            assert list(module["SENT"]) == [f"run-{at}:call" for at in range(writes + 1)]
    assert attempts > 10


async def test_thread_goes_on_behind_a_process_whose_clock_was_ahead(
    migrated: StorageSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_checkpoints(migrated) as checkpoints:
        agent = AgentRuntime(_Agent(_line()), _Agent(_line()).build(checkpoints.saver))
        with monkeypatch.context() as ahead:
            now = time.time_ns()
            ahead.setattr(time, "time_ns", lambda: now + 30 * 10**9)
            await _run(agent, GraphInput([HumanMessage("Go", id="go")]), "one")
        # Another process: it has made no checkpoint yet, and its clock is right.
        monkeypatch.setattr(checkpoint_ids, "_last_v6_timestamp", None)
        await _run(agent, GraphInput([HumanMessage("Again", id="again")]), "two")
        said = [message.text for message in (await agent.snapshot(THREAD)).messages]
    assert said == ["Go", "First.", "Second.", "Again"]
