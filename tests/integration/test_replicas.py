"""Two servers over one PostgreSQL: what one knows, the other knows."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, text
from sqlalchemy.pool import NullPool

from tests.integration.conftest import SCRIPTED
from tests.server import Server, run_input, said, serving, transcript


@pytest.fixture
def replicas(own_postgres: URL, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    address = own_postgres.set(drivername="postgresql").render_as_string(hide_password=False)
    shared = {**SCRIPTED, "DATABASE_URL": address, "AGENKIT_MIGRATE": "on"}
    with serving(tmp_path / "one", **shared) as one, serving(tmp_path / "two", **shared) as two:
        yield one, two


async def test_a_thread_goes_on_at_another_replica(replicas: tuple[Server, Server]) -> None:
    one, two = replicas
    await one.run(text="One", thread="t")
    events = await two.run(text="Two", thread="t")
    assert transcript(events) == [
        ("user", "One"),
        ("assistant", "You said: One"),
        ("user", "Two"),
        ("assistant", "You said: Two"),
    ]


async def test_a_thread_with_a_run_at_one_replica_is_busy_at_the_other(replicas: tuple[Server, Server]) -> None:
    one, two = replicas
    async with one.client() as client, one.opened(client, text="Count slowly", thread="t") as events:
        async for event in events:
            if event["type"] == "TEXT_MESSAGE_CONTENT":
                break
        async with two.client() as other:
            rejected = run_input("Hi", thread="t", forwardedProps={"multitaskStrategy": "reject"})
            refused = await other.post("/api/v1/chat/chat", json=rejected)
    assert (refused.status_code, refused.json()["code"]) == (409, "thread_busy")


async def test_a_message_at_one_replica_interrupts_the_run_at_the_other(replicas: tuple[Server, Server]) -> None:
    one, two = replicas
    async with one.client() as client, one.opened(client, text="Count slowly", thread="t") as events:
        heard = []
        async for event in events:
            heard.append(event)
            if event["type"] == "TEXT_MESSAGE_CONTENT":
                break
        answer = await two.run(text="Hi", thread="t")
        heard += [event async for event in events]
    assert heard[-1]["outcome"] == {"type": "cancelled"}
    assert said(answer) == "You said: Hi"
    assert transcript(answer)[-2:] == [("user", "Hi"), ("assistant", "You said: Hi")]


async def test_a_database_that_is_gone_is_said_to_be(replicas: tuple[Server, Server], own_postgres: URL) -> None:
    one, _ = replicas
    engine = create_engine(own_postgres.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f'ALTER DATABASE "{own_postgres.database}" WITH ALLOW_CONNECTIONS false'))
        ending = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
        connection.execute(ending, {"name": own_postgres.database})
    async with one.client() as client:
        refused = await client.post("/api/v1/chat/chat", json=run_input("Hi"))
        ready = await client.get("/health/ready")
    assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
    assert (ready.status_code, ready.json()["dependencies"]["database"]["status"]) == (503, "failed")


async def test_queued_run_goes_on_after_its_process_lost_the_run_before_it(own_postgres: URL, tmp_path: Path) -> None:
    address = own_postgres.set(drivername="postgresql").render_as_string(hide_password=False)
    engine = create_engine(own_postgres, poolclass=NullPool)

    def write(statement: str) -> None:
        with engine.begin() as connection:
            connection.execute(text(statement))

    with serving(
        tmp_path, **SCRIPTED, DATABASE_URL=address, AGENKIT_MIGRATE="on", AGENKIT_RUN_LEASE_SECONDS="1"
    ) as server:
        first = asyncio.create_task(server.run(text="Count slowly", thread="t", run="first"))
        await server.begun("first")
        enqueued = {"multitaskStrategy": "enqueue"}
        second = asyncio.create_task(server.run(text="Hi", thread="t", run="second", forwardedProps=enqueued))
        await server.begun("second")
        # As another process would, which thought this one dead.
        write(
            "UPDATE runs SET owner = 'another', heartbeat_at = now() + interval '1 hour' WHERE client_run_id = 'first'"
        )
        await first
        write("UPDATE runs SET status = 'error', error_code = 'run_lost' WHERE client_run_id = 'first'")
        assert said(await second) == "You said: Hi"


async def test_run_of_which_nothing_comes_is_ended(tmp_path: Path) -> None:
    graph = tmp_path / "silent.py"
    graph.write_text(_SILENT)
    named = {"AGENKIT_GRAPH_FILES": f"silent={graph}:graph"}
    with serving(
        tmp_path, **SCRIPTED, **named, AGENKIT_RUN_LEASE_SECONDS="1", AGENKIT_RUN_IDLE_SECONDS="0.5"
    ) as server:
        events = await server.run("silent", text="Hi", thread="t")
        assert (events[-1]["type"], events[-1]["code"]) == ("RUN_ERROR", "run_stalled")
        # The thread is free.
        assert (await server.run(text="Hi", thread="u"))[-1]["outcome"] == {"type": "success"}


_SILENT = """
import asyncio
from langgraph.graph import MessagesState, StateGraph


async def wait(state: MessagesState) -> dict:
    await asyncio.Event().wait()


graph = StateGraph(MessagesState).add_node("wait", wait).set_entry_point("wait").compile()
"""
