"""Replicas that share a Redis, and a process alone."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.loopback import Loopback, Reply, server_error
from tests.server import Server, last, said, serving


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


def _environment(loopback: Loopback, **more: str) -> dict[str, str]:
    return {
        "OPENAI_API_KEY": "a-key-for-tests",
        "OPENAI_BASE_URL": loopback.openai_url,
        "AGENKIT_CHAT_MODELS": "openai:loop",
        "AGENKIT_RETRY_MAX_ATTEMPTS": "1",
        **more,
    }


async def _breaker(server: Server) -> dict[str, Any]:
    async with server.client() as client:
        listed = (await client.get("/api/v1/models")).json()["items"]
    return next(entry for entry in listed if entry["id"] == "openai:loop")


async def test_a_breaker_that_opens_in_one_replica_is_open_in_all(
    tmp_path: Path, loopback: Loopback, redis_url: str, redis_prefix: str
) -> None:
    shared = {"REDIS_URL": redis_url, "AGENKIT_REDIS_PREFIX": redis_prefix, "AGENKIT_BREAKER_FAILURES": "2"}
    loopback.answer(lambda _: server_error())
    with ExitStack() as stack:
        here = stack.enter_context(serving(tmp_path / "here", **_environment(loopback, **shared)))
        there = stack.enter_context(serving(tmp_path / "there", **_environment(loopback, **shared)))
        for server in (here, there):
            await server.run(text="Hi")
        asked = len(loopback.calls)
        failed = last(await there.run(text="Hi"), "RUN_ERROR")
        entry = await _breaker(here)
    assert failed["code"] == "model_unavailable"
    # Nothing was sent.
    assert [call.request.path for call in loopback.calls[asked:]].count("/v1/chat/completions") == 0
    assert (entry["breaker"], entry["available"]) == ("open", False)


async def test_an_answer_is_remembered_for_who_asked_and_by_all_replicas(
    tmp_path: Path, loopback: Loopback, redis_url: str, redis_prefix: str
) -> None:
    shared = {"REDIS_URL": redis_url, "AGENKIT_REDIS_PREFIX": redis_prefix, "AGENKIT_CACHE_EXACT": "all"}
    loopback.say(Reply("The first."), Reply("The second."))
    with ExitStack() as stack:
        here = stack.enter_context(serving(tmp_path / "here", **_environment(loopback, **shared)))
        there = stack.enter_context(serving(tmp_path / "there", **_environment(loopback, **shared)))
        first = await here.run(text="Hi", user="acme/ann")
        again = await there.run(text="Hi", user="acme/ann")
        other = await there.run(text="Hi", user="acme/bob")
        async with there.client() as client:
            metrics = (await client.get("/metrics")).text
    assert [said(events) for events in (first, again, other)] == ["The first.", "The first.", "The second."]
    assert last(again, "CUSTOM")["value"]["code"] == "from_cache"
    assert "usage" not in last(again, "RUN_FINISHED")
    assert last(first, "TEXT_MESSAGE_END")["messageId"] != last(again, "TEXT_MESSAGE_END")["messageId"]
    assert 'cache_operations_total{hit_miss="hit",operation="exact"} 1.0' in metrics
    assert 'cache_operations_total{hit_miss="miss",operation="exact"} 1.0' in metrics


async def test_the_same_asked_twice_at_once_is_asked_of_the_model_once(tmp_path: Path, loopback: Loopback) -> None:
    loopback.answer(lambda _: Reply("one two three four", delay=0.1))
    with serving(tmp_path, **_environment(loopback, AGENKIT_CACHE_EXACT="all")) as server:
        both = await asyncio.gather(server.run(text="Count"), server.run(text="Count"))
    assert [said(events) for events in both] == ["one two three four"] * 2
    assert [call.request.path for call in loopback.calls].count("/v1/chat/completions") == 1


async def test_a_question_that_means_the_same_is_answered_from_memory_where_that_is_wanted(
    tmp_path: Path, loopback: Loopback
) -> None:
    loopback.say(Reply("Paris."), Reply("Berlin."))
    # The chat agent offers tools, and calls with tools are always made: a graph that has none asks.
    graph = tmp_path / "plain.py"
    graph.write_text(
        "from langgraph.graph import END, START, MessagesState, StateGraph\n"
        "from langgraph.runtime import Runtime\n"
        "from graphs.context import RunContext\n"
        "async def answer(state: MessagesState, runtime: Runtime[RunContext]):\n"
        "    return {'messages': [await runtime.context.models.model.ainvoke(state['messages'])]}\n"
        "builder = StateGraph(MessagesState, context_schema=RunContext)\n"
        "builder.add_node('answer', answer)\n"
        "builder.add_edge(START, 'answer')\n"
        "builder.add_edge('answer', END)\n"
        "graph = builder.compile()\n"
    )
    semantic = {
        "AGENKIT_CACHE_SEMANTIC": "true",
        "AGENKIT_CACHE_SEMANTIC_THRESHOLD": "0.9",
        "AGENKIT_GRAPH_FILES": f"plain={graph}:graph",
    }
    with serving(tmp_path / "data", **_environment(loopback, **semantic)) as server:
        asked = ("What is the capital of France?", "What's the capital of France?", "What is the capital of Germany?")
        answers = [said(await server.run("plain", text=text)) for text in asked]
    assert answers == ["Paris.", "Paris.", "Berlin."]
