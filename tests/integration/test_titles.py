from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.loopback import Loopback, Model, Reply, Request
from tests.server import Server, said, serving
from tests.waiting import wait_for


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with Loopback(models=(Model("loop", capabilities=("completion", "tools")), Model("small"))) as running:
        yield running


@pytest.fixture
def server(tmp_path: Path, loopback: Loopback) -> Iterator[Server]:
    environment = {
        "OPENAI_API_KEY": "a-key-for-tests",
        "OPENAI_BASE_URL": loopback.openai_url,
        "AGENKIT_CHAT_MODELS": "openai:loop",
        "AGENKIT_FAST_MODELS": "openai:small",
        "AGENKIT_AUTO_TITLES": "true",
        "AGENKIT_MAX_CHECKPOINTS_PER_THREAD": "5",
    }
    with serving(tmp_path, **environment) as running:
        yield running


def _rule(request: Request) -> Reply:
    return Reply("Capitals of Europe" if request.body["model"] == "small" else "Paris.")


async def _title(server: Server, thread: str) -> str:
    async with server.client() as client:

        async def title() -> str | None:
            told: dict[str, str] = (await client.get(f"/api/v1/threads/{thread}")).json()
            return told.get("title")

        return await wait_for(title)


async def test_a_thread_gets_a_title_after_its_first_run_and_keeps_it(server: Server, loopback: Loopback) -> None:
    loopback.answer(_rule)
    events = await server.run(text="What are the capitals of Europe?", thread="t")
    assert said(events) == "Paris."
    assert await _title(server, "t") == "Capitals of Europe"
    await server.run(text="And of Asia?", thread="t")
    asked = [call.request.body["model"] for call in loopback.calls if call.request.body.get("messages")]
    assert asked == ["loop", "small", "loop"]


async def test_what_a_title_took_is_in_a_trace_of_its_own(server: Server, loopback: Loopback) -> None:
    loopback.answer(_rule)
    await server.run(text="What are the capitals of Europe?", thread="t")
    async with server.client() as client:

        async def traces() -> list[dict[str, Any]]:
            items: list[dict[str, Any]] = (await client.get("/api/v1/traces?q=title&threadId=t")).json()["items"]
            return items

        found = await wait_for(traces)
        told = (await client.get(f"/api/v1/traces/{found[0]['traceId']}")).json()
    (title,) = told["spans"]
    (model,) = title["children"]
    assert (title["name"], model["name"], model["attributes"]["langfuse.observation.prompt.name"]) == (
        "title",
        "chat small",
        "title/title",
    )
    assert [child["name"] for child in model["children"]] == ["attempt openai:small"]


async def test_checkpoints_do_not_grow_without_end(server: Server, loopback: Loopback) -> None:
    loopback.answer(_rule)
    for at in range(6):
        await server.run(text=f"Question {at}", thread="t")
    async with server.client() as client:
        history = (await client.get("/api/v1/threads/t/history?limit=100")).json()["items"]
        state = (await client.get("/api/v1/threads/t/state")).json()
    assert 5 <= len(history) <= 10
    assert len(state["messages"]) == 12
