"""A PostgreSQL that falls silent, goes away and comes back, behind a proxy."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from tests.integration.conftest import SCRIPTED
from tests.proxy import PostgresProxy, proxying
from tests.server import Event, Server, run_input, said, serving, transcript
from tests.waiting import wait_for


@pytest.fixture
def proxy(own_postgres: URL) -> Iterator[PostgresProxy]:
    with proxying(own_postgres) as running:
        yield running


def _serving(proxy: PostgresProxy, folder: Path, **settings: str) -> Any:
    return serving(
        folder,
        **{
            **SCRIPTED,
            "DATABASE_URL": proxy.url,
            "AGENKIT_MIGRATE": "on",
            "AGENKIT_STATEMENT_TIMEOUT_SECONDS": "1",
            **settings,
        },
    )


@pytest.fixture
def server(proxy: PostgresProxy, tmp_path: Path) -> Iterator[Server]:
    with _serving(proxy, tmp_path) as running:
        yield running


async def _status(server: Server, run: str) -> dict[str, Any]:
    async with server.client() as client:
        told: dict[str, Any] = (await client.get(f"/api/v1/runs/{run}")).json()
    return told


async def _run_with_trouble(server: Server, trouble: Any) -> list[Event]:
    """One run, during whose first words something happens."""
    events: list[Event] = []
    async with server.client() as client, server.opened(client, text="Count slowly", thread="t", run="r") as heard:
        async for event in heard:
            events.append(event)
            if event["type"] == "TEXT_MESSAGE_CONTENT" and trouble is not None:
                trouble()
                trouble = None
    return events


async def test_run_goes_on_over_new_connections_when_the_old_ones_fall_silent(
    server: Server, proxy: PostgresProxy
) -> None:
    events = await _run_with_trouble(server, proxy.silence)
    assert events[-1]["outcome"] == {"type": "success"}
    assert transcript(events)[-1] == ("assistant", said(events))
    assert transcript(await server.run(text="Hi", thread="t"))[-1] == ("assistant", "You said: Hi")


async def test_run_waits_for_a_database_that_comes_back(server: Server, proxy: PostgresProxy) -> None:
    async def comes_back() -> None:
        await wait_for(proxy.refused.is_set)
        proxy.come_back()

    coming = asyncio.create_task(comes_back())
    events = await _run_with_trouble(server, proxy.go_away)
    await coming
    assert events[-1]["outcome"] == {"type": "success"}
    assert transcript(events)[-1] == ("assistant", said(events))
    assert (await _status(server, "r"))["status"] == "success"


async def test_answer_of_a_run_that_outlasted_no_outage_is_written_once_the_database_is_back(
    proxy: PostgresProxy, tmp_path: Path
) -> None:
    with _serving(proxy, tmp_path, AGENKIT_STORAGE_RETRY_SECONDS="0", AGENKIT_RUN_LEASE_SECONDS="60") as server:
        events = await _run_with_trouble(server, proxy.go_away)
        assert (events[-1]["type"], events[-1]["code"]) == ("RUN_ERROR", "storage_unavailable")
        async with server.client() as client:
            refused = await client.post("/api/v1/chat/chat", json=run_input("Hi", thread="t"))
            assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
        proxy.come_back()

        async def ended() -> dict[str, Any] | None:
            told = await _status(server, "r")
            return told if told.get("status") == "error" else None

        told = await wait_for(ended)
        assert told["error"] == "storage_unavailable"
        after = await server.run(text="Hi", thread="t")
        assert transcript(after)[:2] == [("user", "Count slowly"), ("assistant", said(events))]


async def test_readiness_is_answered_while_the_database_is_a_black_hole(proxy: PostgresProxy, tmp_path: Path) -> None:
    with _serving(proxy, tmp_path, AGENKIT_STATEMENT_TIMEOUT_SECONDS="60") as server:
        proxy.swallow()
        async with server.client() as client:
            ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["dependencies"]["database"]["status"]) == (503, "failed")
        proxy.go_away()
        proxy.come_back()
