"""Services that want an answer and no stream."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.api.runs import parse_prefer
from tests.loopback import Loopback, Reply, server_error
from tests.server import Server, run_input, serving


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture
def server(tmp_path: Path, loopback: Loopback) -> Iterator[Server]:
    environment = {
        "OPENAI_API_KEY": "a-key-for-tests",
        "OPENAI_BASE_URL": loopback.openai_url,
        "AGENKIT_CHAT_MODELS": "openai:loop",
        "AGENKIT_RETRY_MAX_ATTEMPTS": "1",
    }
    with serving(tmp_path, **environment) as running:
        yield running


def _asked(text: str = "Hi", **more: Any) -> dict[str, Any]:
    return {"agentId": "chat", **run_input(text, **more)}


WAIT = {"Prefer": "wait=20"}


async def test_the_result_is_the_answer_when_it_is_there_in_time(server: Server, loopback: Loopback) -> None:
    loopback.say(Reply("Paris."), Reply("Berlin."))
    async with server.client() as client:
        first = await client.post("/api/v1/runs", json=_asked(thread="t", run="r1"), headers=WAIT)
        second = await client.post("/api/v1/runs", json=_asked("And?", thread="t", run="r2"), headers=WAIT)
    told = first.json()
    assert (first.status_code, first.headers["Preference-Applied"]) == (200, "wait=20")
    assert (told["runId"], told["threadId"], told["agentId"], told["status"]) == ("r1", "t", "chat", "success")
    assert [(message["role"], message["content"]) for message in told["messages"]] == [("assistant", "Paris.")]
    assert told["usage"][0]["model"] == "loop"
    assert told["state"] == {}
    # Only what is new.
    assert [message["content"] for message in second.json()["messages"]] == ["Berlin."]


async def test_what_takes_longer_is_followed(server: Server, loopback: Loopback) -> None:
    loopback.answer(lambda _: Reply("one two three four", delay=0.2))
    async with server.client() as client:
        at_once = await client.post("/api/v1/runs", json=_asked(run="r1"))
        in_a_moment = await client.post("/api/v1/runs", json=_asked(run="r/2"), headers={"Prefer": "wait=0"})
        followed = await client.get(f"{at_once.headers['Location']}/events")
        other = await client.get(in_a_moment.headers["Location"])
    assert [(answer.status_code, answer.json()["status"]) for answer in (at_once, in_a_moment)] == [
        (202, "running")
    ] * 2
    assert '"type":"RUN_FINISHED"' in followed.text
    assert other.json()["runId"] == "r/2"


async def test_a_run_that_fails_or_asks_says_so(server: Server, loopback: Loopback) -> None:
    loopback.answer(lambda _: server_error())
    async with server.client() as client:
        failed = (await client.post("/api/v1/runs", json=_asked(), headers=WAIT)).json()
        unknown = await client.post("/api/v1/runs", json={**_asked(), "agentId": "nobody"}, headers=WAIT)
        without = await client.post("/api/v1/runs", json=run_input("Hi"), headers=WAIT)
    assert (failed["status"], failed["error"]) == ("error", "model_unavailable")
    assert failed["message"]
    assert (unknown.status_code, unknown.json()["code"]) == (404, "agent_not_found")
    assert (without.status_code, without.json()["errors"][0]["field"]) == (422, "agentId")


async def test_a_call_that_is_repeated_with_its_key_is_the_same_run(server: Server, loopback: Loopback) -> None:
    loopback.answer(lambda _: Reply("one two", delay=1))
    asked = _asked(thread="t", run="r1")
    headers = {**WAIT, "Idempotency-Key": "order-7"}
    async with server.client() as client, server.client(user="acme/other") as other:
        first = asyncio.create_task(client.post("/api/v1/runs", json=asked, headers=headers))
        await server.begun("r1")
        flying = await client.post("/api/v1/runs", json={**asked, "runId": "r2"}, headers=headers)
        answered = await first
        again = await client.post("/api/v1/runs", json={**asked, "runId": "r3"}, headers=headers)
        different = await client.post("/api/v1/runs", json=_asked("Else", thread="t"), headers=headers)
        theirs = await other.post("/api/v1/runs", json=asked, headers=headers)
    assert (flying.status_code, flying.json()["code"], flying.json()["runId"]) == (409, "idempotency_in_flight", "r1")
    assert (again.status_code, again.json()) == (200, answered.json())
    assert (different.status_code, different.json()["code"]) == (422, "idempotency_mismatch")
    assert theirs.status_code == 200
    assert [call.request.path for call in loopback.calls].count("/v1/chat/completions") == 2


async def test_who_hangs_up_takes_no_run_along(server: Server, loopback: Loopback) -> None:
    loopback.answer(lambda _: Reply("one two three", delay=0.1))
    async with server.client() as client:
        waits = asyncio.create_task(client.post("/api/v1/runs", json=_asked(run="r"), headers=WAIT))
        await server.begun("r")
        waits.cancel()
        followed = await client.get("/api/v1/runs/r/events?protocolVersion=1.0")
    assert '"outcome":{"type":"success"}' in followed.text


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, None),
        ("wait=10", 10.0),
        ("respond-async, wait=5", 5.0),
        ('wait="7"', 7.0),
        ("WAIT = 3; x=1", 3.0),
        ("wait=100000", 300.0),
        ("wait=-1", None),
        ("wait=soon", None),
        ("await=5", None),
        ("", None),
    ],
)
def test_a_preference_is_read_and_what_is_malformed_is_ignored(prefer: str | None, seconds: float | None) -> None:
    assert parse_prefer(prefer) == seconds
