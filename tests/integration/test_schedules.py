"""Agents that run by themselves, over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from storage.database import Database, open_database
from storage.settings import StorageSettings
from storage.tables import runs, schedules
from tests.integration.conftest import SCRIPTED
from tests.loopback import Loopback, Reply
from tests.server import Server, run_input, serving, user
from tests.waiting import wait_for

SCHEDULES = "/api/v1/schedules"
_INPUT = {"messages": [user("Hi", "m1")]}


def _asked(**more: Any) -> dict[str, Any]:
    return {"agentId": "chat", "cron": "0 0 1 1 *", "input": _INPUT, **more}


@asynccontextmanager
async def _database(data: Path) -> AsyncIterator[Database]:
    opened = open_database(StorageSettings(data_dir=data))
    yield opened
    await opened.aclose()


async def _fall_due(data: Path, ago: timedelta = timedelta(seconds=1)) -> None:
    async with _database(data) as database, database.write() as connection:
        await connection.execute(update(schedules).values(next_at=datetime.now(UTC) - ago))


async def _count(data: Path) -> int:
    async with _database(data) as database, database.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(runs)) or 0)


async def _begun(client: httpx.AsyncClient, schedule: str, not_run: str | None = None) -> Any:
    """The schedule, once another run of it has been begun."""

    async def look() -> Any:
        told = (await client.get(f"{SCHEDULES}/{schedule}")).json()
        return told if told.get("lastRunId") not in {None, not_run} else None

    return await wait_for(look)


async def _ended(client: httpx.AsyncClient, run: str) -> Any:
    async def look() -> Any:
        told = (await client.get(f"/api/v1/runs/{run}")).json()
        return told if told["status"] not in {"queued", "running"} else None

    return await wait_for(look)


async def test_a_schedule_is_made_shown_changed_listed_and_deleted(server: Server) -> None:
    async with server.client(user="ann") as ann, server.client(user="bob") as bob:
        made = await ann.post(SCHEDULES, json=_asked(cron="0 9 * * *", timezone="America/New_York"))
        told = made.json()
        address = f"{SCHEDULES}/{told['scheduleId']}"
        other = (await ann.post(SCHEDULES, json=_asked(enabled=False, threadId="t"))).json()
        assert made.status_code == 201
        assert (await ann.get(address)).json() == told
        assert told["enabled"]
        assert datetime.fromisoformat(told["nextAt"]).hour in {13, 14}
        assert (other["enabled"], other.get("nextAt"), other["threadId"]) == (False, None, "t")

        first = (await ann.get(SCHEDULES, params={"limit": 1})).json()
        rest = (await ann.get(SCHEDULES, params={"limit": 1, "cursor": first["nextCursor"]})).json()
        assert [first["items"], rest] == [[other], {"items": [told]}]
        assert (await bob.get(SCHEDULES)).json() == {"items": []}

        stopped = (await ann.patch(address, json={"enabled": False})).json()
        assert stopped == {**{name: value for name, value in told.items() if name != "nextAt"}, "enabled": False}
        moved = (await ann.patch(address, json={"cron": "0 0 1 1 *", "timezone": "UTC", "enabled": True})).json()
        assert (moved["enabled"], moved["nextAt"][4:]) == (True, "-01-01T00:00:00Z")

        for method in ("GET", "PATCH", "DELETE"):
            unknown = await bob.request(method, address, json={} if method == "PATCH" else None)
            assert (unknown.status_code, unknown.json()["code"]) == (404, "schedule_not_found")
        assert (await ann.delete(address)).status_code == 204
        assert (await ann.get(address)).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "status", "field"),
    [
        ({"cron": "every day"}, 422, "cron"),
        ({"cron": "61 * * * *"}, 422, "cron"),
        ({"cron": "0 0 30 2 *"}, 422, "cron"),
        ({"cron": None}, 422, "cron"),
        ({"timezone": "Nowhere/Else"}, 422, "timezone"),
        ({"timezone": "../UTC"}, 422, "timezone"),
        ({"input": {"messages": [{"role": "user"}]}}, 422, None),
        ({"input": {}}, 422, "input.messages"),
        (
            {"input": {**_INPUT, "forwardedProps": {"multitaskStrategy": "no"}}},
            422,
            "input.forwardedProps.multitaskStrategy",
        ),
        ({"input": {"threadId": "t"}}, 422, "input.threadId"),
        ({"threadId": ""}, 422, "threadId"),
        ({"agentId": "nobody"}, 404, None),
        ({"more": 1}, 422, "more"),
    ],
)
async def test_what_cannot_be_is_refused_when_it_is_asked(
    server: Server, wrong: dict[str, Any], status: int, field: str | None
) -> None:
    async with server.client(user="carl") as client:
        made = (await client.post(SCHEDULES, json=_asked())).json()
        refused = [
            await client.post(SCHEDULES, json={**_asked(), **wrong}),
            await client.patch(f"{SCHEDULES}/{made['scheduleId']}", json=wrong),
        ]
        assert (await client.get(f"{SCHEDULES}/{made['scheduleId']}")).json() == made
    assert [answer.status_code for answer in refused] == [status, status]
    if field is not None:
        assert [answer.json()["errors"][0]["field"] for answer in refused] == [field, field]


async def test_each_occurrence_is_a_run_on_the_one_thread(tmp_path: Path) -> None:
    with serving(tmp_path, **SCRIPTED) as server:
        async with server.client() as client:
            schedule = (await client.post(SCHEDULES, json=_asked(threadId="t"))).json()["scheduleId"]
            await _fall_due(tmp_path)
            first = await _begun(client, schedule)
            assert (await _ended(client, first["lastRunId"]))["status"] == "success"
            # Occurrences have minutes for names.
            await _fall_due(tmp_path, timedelta(minutes=2))
            second = await _begun(client, schedule, first["lastRunId"])
            assert (await _ended(client, second["lastRunId"]))["status"] == "success"
            state = (await client.get("/api/v1/threads/t/state")).json()
    assert [message["role"] for message in state["messages"]] == ["user", "assistant"] * 2
    assert (first["skipped"], second["skipped"], second.get("lastError")) == (0, 0, None)


async def test_what_was_missed_while_down_is_made_up_for_once(tmp_path: Path) -> None:
    with serving(tmp_path, **SCRIPTED) as server:
        async with server.client() as client:
            # Each day, at a time that is not now.
            hour = (datetime.now(UTC) + timedelta(hours=12)).hour
            schedule = (await client.post(SCHEDULES, json=_asked(cron=f"0 {hour} * * *"))).json()["scheduleId"]
    await _fall_due(tmp_path, timedelta(days=3))
    before = await _count(tmp_path)
    with serving(tmp_path, **SCRIPTED) as server:
        async with server.client() as client:
            told = await _begun(client, schedule)
            await _ended(client, told["lastRunId"])
            await _look_again(client, tmp_path)
            told = (await client.get(f"{SCHEDULES}/{schedule}")).json()
    # One of them is what `_look_again` has waited for.
    assert await _count(tmp_path) - before == 2
    assert datetime.fromisoformat(told["nextAt"]) - datetime.now(UTC) <= timedelta(days=1)


async def _look_again(client: httpx.AsyncClient, data: Path) -> None:
    """Wait until another schedule, that is due from now on, has begun: all that were due before have too."""
    other = (await client.post(SCHEDULES, json=_asked())).json()["scheduleId"]
    async with _database(data) as database, database.write() as connection:
        due = datetime.now(UTC) - timedelta(seconds=1)
        await connection.execute(update(schedules).where(schedules.c.id == other).values(next_at=due))
    await _begun(client, other)


async def test_of_two_replicas_one_begins_it(tmp_path: Path) -> None:
    with serving(tmp_path, **SCRIPTED) as one, serving(tmp_path, **SCRIPTED):
        async with one.client() as client:
            schedule = (await client.post(SCHEDULES, json=_asked())).json()["scheduleId"]
            await _fall_due(tmp_path)
            told = await _begun(client, schedule)
            await _ended(client, told["lastRunId"])
            await _look_again(client, tmp_path)
    assert await _count(tmp_path) == 2


async def test_an_occurrence_is_skipped_while_the_last_one_goes(tmp_path: Path) -> None:
    with Loopback() as loopback:
        loopback.answer(lambda _: Reply("one two three four five six", delay=30))
        environment = {
            "OPENAI_API_KEY": "a-key-for-tests",
            "OPENAI_BASE_URL": loopback.openai_url,
            "AGENKIT_CHAT_MODELS": "openai:loop",
            "AGENKIT_SHUTDOWN_GRACE_SECONDS": "0",
        }
        with serving(tmp_path, **environment) as server:
            async with server.client() as client:
                schedule = (await client.post(SCHEDULES, json=_asked())).json()["scheduleId"]
                await _fall_due(tmp_path)
                first = await _begun(client, schedule)
                await _fall_due(tmp_path, timedelta(minutes=2))

                async def skipped() -> Any:
                    told = (await client.get(f"{SCHEDULES}/{schedule}")).json()
                    return told if told["skipped"] else None

                told = await wait_for(skipped)
                await client.post(f"/api/v1/runs/{first['lastRunId']}/cancel")
    assert (told["skipped"], told["lastRunId"]) == (1, first["lastRunId"])


async def test_schedule_that_says_its_strategy_waits_for_a_busy_thread(tmp_path: Path) -> None:
    with Loopback() as loopback:
        loopback.answer(lambda _: Reply("one two three four five six", delay=30))
        environment = {
            "OPENAI_API_KEY": "a-key-for-tests",
            "OPENAI_BASE_URL": loopback.openai_url,
            "AGENKIT_CHAT_MODELS": "openai:loop",
            "AGENKIT_SHUTDOWN_GRACE_SECONDS": "0",
        }
        with serving(tmp_path, **environment) as server:
            async with server.client() as client:
                person = {"agentId": "chat", **run_input("Hi", thread="t", run="person")}
                assert (await client.post("/api/v1/runs", json=person)).status_code == 202
                waits = {**_INPUT, "forwardedProps": {"multitaskStrategy": "enqueue"}}
                schedule = (await client.post(SCHEDULES, json=_asked(threadId="t", input=waits))).json()["scheduleId"]
                await _fall_due(tmp_path)
                told = await _begun(client, schedule)
                queued = (await client.get(f"/api/v1/runs/{told['lastRunId']}")).json()["status"]
                for run in (told["lastRunId"], "person"):
                    await client.post(f"/api/v1/runs/{run}/cancel")
    assert (told["skipped"], queued) == (0, "queued")


async def test_what_could_not_be_begun_says_why(tmp_path: Path) -> None:
    with serving(tmp_path, **SCRIPTED) as server:
        async with server.client() as client:
            schedule = (await client.post(SCHEDULES, json=_asked())).json()["scheduleId"]
            async with _database(tmp_path) as database, database.write() as connection:
                await connection.execute(update(schedules).values(agent_id="gone"))
            await _fall_due(tmp_path)
            told = await _begun(client, schedule)
    assert told["lastError"] == "agent_not_found"
    assert "nextAt" in told
