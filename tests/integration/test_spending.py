"""What a run takes, and what it may: as its client, its operator and the database see it."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.loopback import Cut, Loopback, Model, Reply, ToolCall, Usage, server_error
from tests.server import Server, last, run_input, said, serving, transcript
from tests.waiting import wait_for

CATALOG = (
    Model("loop", capabilities=("completion", "tools", "thinking")),
    Model("small", capabilities=("completion", "tools")),
    Model("plain"),
)


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with Loopback(models=CATALOG) as running:
        yield running


@contextmanager
def _serving(data: Path, loopback: Loopback, **environment: str) -> Iterator[Server]:
    providers = {
        "OPENAI_API_KEY": "a-key-for-tests",
        "OPENAI_BASE_URL": loopback.openai_url,
        "OLLAMA_BASE_URL": loopback.ollama_url,
        "AGENKIT_RETRY_WAIT_MIN_SECONDS": "0",
        "AGENKIT_CHAT_MODELS": "openai:loop",
    }
    with serving(data, **{**providers, **environment}) as server:
        yield server


def _row(data: Path) -> tuple[str, list[dict[str, Any]]]:
    with sqlite3.connect(data / "agenkit.db") as database:
        model, usage = database.execute("SELECT model, usage FROM runs").fetchone()
    return model, orjson.loads(usage)


async def _metrics(server: Server) -> str:
    async with server.client() as client:
        return (await client.get("/metrics")).text


async def test_a_run_tells_what_it_took_and_no_cost_where_there_is_no_price(tmp_path: Path, loopback: Loopback) -> None:
    loopback.say(Reply("Hello.", usage=Usage(prompt=50, completion=7, cached=20)))
    with _serving(tmp_path, loopback) as server:
        finished = last(await server.run(text="Hi"), "RUN_FINISHED")
        metrics = await _metrics(server)
    (used,) = finished["usage"]
    assert (used["provider"], used["model"]) == ("openai", "loop")
    assert (used["inputTokens"], used["outputTokens"], used["cachedInputTokens"]) == (50, 7, 20)
    assert finished["metadata"] == {"usageEstimated": False}
    assert 'llm_token_count_total{model="openai:loop",operation="input"} 50.0' in metrics
    assert 'agenkit_llm_unpriced_tokens_total{model="openai:loop"} 57.0' in metrics
    assert 'agenkit_llm_calls_total{model="openai:loop",outcome="ok"} 1.0' in metrics


async def test_usage_that_nobody_tells_is_estimated_and_marked(tmp_path: Path, loopback: Loopback) -> None:
    loopback.say(Reply("Hello there, this is an answer.", usage=None))
    with _serving(tmp_path, loopback) as server:
        finished = last(await server.run(text="Hi"), "RUN_FINISHED")
    assert finished["metadata"]["usageEstimated"] is True
    assert finished["usage"][0]["outputTokens"] == 8


async def test_after_a_fallback_everything_names_who_answered(tmp_path: Path, loopback: Loopback) -> None:
    loopback.say(Cut(3, Reply("One two three four five.")), Reply("four five."))
    with _serving(tmp_path, loopback, AGENKIT_CHAT_MODELS="openai:loop,ollama:loop") as server:
        events = await server.run(text="Count")
    assert said(events) == "One two three four five."
    used = {usage["provider"]: usage for usage in last(events, "RUN_FINISHED")["usage"]}
    assert set(used) == {"openai", "ollama"}
    assert used["openai"]["outputTokens"] > 0
    model, usage = _row(tmp_path)
    assert model == "ollama:loop:latest"
    assert {entry["provider"] for entry in usage} == {"openai", "ollama"}


@pytest.mark.parametrize("provider", ["openai", "ollama"])
async def test_an_answer_cut_by_its_limit_says_so_to_the_reader_and_not_to_the_model(
    tmp_path: Path, loopback: Loopback, provider: str
) -> None:
    loopback.say(Reply("Look:\n\n```python\nprint(1)\n", finish="length"), Reply("Sorry."))
    with _serving(tmp_path, loopback, AGENKIT_CHAT_MODELS=f"{provider}:loop?max_tokens=123") as server:
        first = await server.run(text="Code!", thread="t")
        again = await server.run(text="Go on", thread="t")
    shown = "Look:\n\n```python\nprint(1)\n\n```\n\n*[This answer was cut off at its limit.]*"
    assert said(first) == shown
    assert transcript(first)[-1] == ("assistant", shown)
    assert last(first, "RUN_FINISHED")["outcome"] == {"type": "success"}
    asked = [call.request.body for call in loopback.calls if call.request.body.get("messages")]
    limit = asked[0]["options"]["num_predict"] if provider == "ollama" else asked[0]["max_completion_tokens"]
    assert limit == 123
    assert "cut off" not in orjson.dumps(asked[1]).decode()
    assert said(again) == "Sorry."


async def test_each_profile_has_its_own_candidates_and_limit(tmp_path: Path, loopback: Loopback) -> None:
    loopback.answer(lambda request: Reply(f"I am {request.body['model']}."))
    profiles = {
        "AGENKIT_FAST_MODELS": "openai:small?max_tokens=50,openai:loop",
        "AGENKIT_CHAT_MAX_OUTPUT_TOKENS": "999",
    }
    with _serving(tmp_path, loopback, **profiles) as server:
        fast = await server.run(text="Hi", forwardedProps={"profile": "fast"})
        chat = await server.run(text="Hi")
        canvas = await server.run(text="Hi", forwardedProps={"profile": "canvas"})
    assert [said(events) for events in (fast, chat, canvas)] == ["I am small.", "I am loop.", "I am loop."]
    asked = [call.request.body for call in loopback.calls if call.request.body.get("messages")]
    assert [body.get("max_completion_tokens") for body in asked] == [50, 999, None]


async def test_a_person_whose_budget_is_spent_is_told_before_the_run(tmp_path: Path, loopback: Loopback) -> None:
    loopback.answer(lambda _: Reply("Hello.", usage=Usage(prompt=50, completion=50)))
    with _serving(tmp_path, loopback, AGENKIT_USER_DAILY_TOKEN_LIMIT="150") as server:
        for _ in range(2):
            assert said(await server.run(text="Hi", user="acme/ann")) == "Hello."
        async with server.client(user="acme/ann") as client:
            refused = await client.post("/api/v1/chat/chat", json=run_input("Hi"))
        assert said(await server.run(text="Hi", user="acme/bob")) == "Hello."
    assert (refused.status_code, refused.json()["code"]) == (429, "budget_exhausted")
    assert 0 < int(refused.headers["Retry-After"]) <= 86400
    # It is in the books, and so outlives the process.
    with _serving(tmp_path, loopback, AGENKIT_USER_DAILY_TOKEN_LIMIT="150") as server:
        async with server.client(user="acme/ann") as client:
            assert (await client.post("/api/v1/chat/chat", json=run_input("Hi"))).status_code == 429


async def test_a_run_that_spends_too_much_is_ended_before_its_next_call(tmp_path: Path, loopback: Loopback) -> None:
    call = ToolCall("calculate", {"expression": "1+1"}, id="call-1")
    loopback.say(Reply(tool_calls=(call,), usage=Usage(prompt=90, completion=10)), Reply("never"))
    with _serving(tmp_path, loopback, AGENKIT_RUN_MAX_TOKENS="100") as server:
        failed = last(await server.run(text="1+1?"), "RUN_ERROR")
    assert failed["code"] == "run_budget_exceeded"
    assert failed["usage"][0]["totalTokens"] == 100


async def test_too_much_at_once_is_refused_before_the_stream_and_in_it(tmp_path: Path, loopback: Loopback) -> None:
    loopback.answer(lambda _: Reply("one two three", delay=30))
    bounds = {
        "AGENKIT_MODEL_MAX_CONCURRENT_CALLS": "1",
        "AGENKIT_MODEL_MAX_QUEUED_CALLS": "1",
        "AGENKIT_MODEL_QUEUE_TIMEOUT_SECONDS": "4",
    }
    with _serving(tmp_path, loopback, **bounds) as server:
        async with server.client() as client, server.opened(client, text="Hi") as events:
            async for event in events:
                if event["type"] == "TEXT_MESSAGE_CONTENT":
                    break
            waiting = asyncio.create_task(server.run(text="Hi"))

            async def is_in_the_queue() -> bool:
                return 'queue_depth{provider="openai"} 1.0' in (await client.get("/metrics")).text

            await wait_for(is_in_the_queue)
            refused = await client.post("/api/v1/chat/chat", json=run_input("Hi"))
            failed = (await waiting)[-1]
    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert int(refused.headers["Retry-After"]) >= 1
    assert (failed["type"], failed["code"]) == ("RUN_ERROR", "overloaded")
    assert failed["metadata"]["retryAfter"] >= 1


async def test_without_tools_an_answer_says_that_it_was_given_without(tmp_path: Path, loopback: Loopback) -> None:
    loopback.answer(lambda request: server_error() if request.path.startswith("/v1") else Reply("By heart: 4."))
    models = {"AGENKIT_CHAT_MODELS": "openai:loop,ollama:plain", "AGENKIT_RETRY_MAX_ATTEMPTS": "1"}
    with _serving(tmp_path, loopback, **models) as server:
        events = await server.run(text="2+2?")
        metrics = await _metrics(server)
    assert said(events) == "By heart: 4."
    remark = last(events, "CUSTOM")
    assert (remark["name"], remark["value"]["code"]) == ("notice", "without_tools")
    assert 'agenkit_llm_fallback_events_total{event="fallback",model="openai:loop"} 1.0' in metrics
    assert 'agenkit_llm_fallback_events_total{event="skipped",model="ollama:plain:latest"} 1.0' in metrics


async def test_what_a_graph_calls_by_itself_is_counted_like_our_own(tmp_path: Path, loopback: Loopback) -> None:
    graph = Path(__file__).parents[1] / "graphs" / "own_model.py"
    more = {"AGENKIT_GRAPH_FILES": f"own={graph}:graph", "AGENKIT_USER_DAILY_TOKEN_LIMIT": "42"}
    with _serving(tmp_path, loopback, **more) as server:
        finished = last(await server.run("own", text="Hi"), "RUN_FINISHED")
        metrics = await _metrics(server)
        async with server.client() as client:
            refused = await client.post("/api/v1/chat/chat", json=run_input("Hi"))
    used = {usage["model"]: usage for usage in finished["usage"]}
    assert (used["gpt-5-mini"]["inputTokens"], used["gpt-5-mini"]["outputTokens"]) == (40, 2)
    assert 'agenkit_llm_calls_total{model="openai:gpt-5-mini",outcome="ok"} 1.0' in metrics
    assert 'llm_token_count_total{model="openai:gpt-5-mini",operation="input"} 40.0' in metrics
    assert 'agenkit_llm_cost_dollars_total{model="openai:gpt-5-mini"}' in metrics
    # One that does not say what it took is estimated.
    assert finished["metadata"]["usageEstimated"] is True
    assert sum("agenkit_llm_calls_total{" in line for line in metrics.splitlines()) == 2
    # What it spent is spent.
    assert (refused.status_code, refused.json()["code"]) == (429, "budget_exhausted")
