"""Two servers over one PostgreSQL: what one knows, the other knows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.integration.conftest import SCRIPTED
from tests.server import Server, run_input, serving, transcript


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
            refused = await other.post("/api/v1/chat/chat", json=run_input("Hi", thread="t"))
    assert (refused.status_code, refused.json()["code"]) == (409, "thread_busy")
