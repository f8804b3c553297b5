"""Two servers over one PostgreSQL: what one knows, the other knows."""

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
            rejected = run_input("Hi", thread="t", forwardedProps={"multitask": "reject"})
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
