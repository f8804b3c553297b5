"""The stream as bytes, and what becomes of it when nobody speaks or the server stops."""

import asyncio
import re
from pathlib import Path

import httpx

from tests.integration.conftest import SCRIPTED
from tests.server import Server, run_input, serving


async def _raw(server: Server, **asked: object) -> httpx.Response:
    async with server.client() as client:
        return await client.post("/api/v1/chat/chat", json=run_input(**asked))  # type: ignore[arg-type]  # any field


async def test_frames_end_in_line_feeds_and_carry_rising_positions(server: Server) -> None:
    answer = await _raw(server, text="Hello")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert b"\r" not in answer.content
    assert answer.text.endswith("\n\n")
    frames = answer.text.rstrip("\n").split("\n\n")
    positions = [re.fullmatch(r"id: ([0-9a-f]{8})-(\d+)\ndata: \{.*\}", frame) for frame in frames]
    assert all(positions)
    numbers = [int(found[2]) for found in positions if found]
    assert numbers == sorted(set(numbers))
    assert len({found[1] for found in positions if found}) == 1


async def test_no_optional_field_is_null(server: Server) -> None:
    assert "null" not in (await _raw(server, text="Work out 1 + 1")).text


async def test_an_older_client_is_told_the_older_dialect(server: Server) -> None:
    tools = [{"name": "paint", "description": "", "parameters": {"type": "object"}}]
    told = {
        version: (await _raw(server, text="Paint", tools=tools, protocolVersion=version)).text
        for version in ("1.0", None)
    }
    assert "pendingToolCallIds" in told["1.0"]
    assert "pendingToolCallIds" not in told[None]


async def test_a_stream_that_has_nothing_to_say_says_so_now_and_then(tmp_path: Path) -> None:
    with serving(tmp_path, **SCRIPTED, AGENKIT_KEEP_ALIVE_SECONDS="0.05") as server:
        text = (await _raw(server, text="Count slowly")).text
    assert ": keep-alive\n\n" in text
    assert '"type":"RUN_FINISHED"' in text


async def test_other_origins_may_call_if_they_are_named(tmp_path: Path) -> None:
    with serving(tmp_path, **SCRIPTED, AGENKIT_CORS_ORIGINS="https://app.example") as server:
        async with server.client() as client:
            asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
            named = await client.options("/api/v1/chat/chat", headers=asked)
            other = await client.options("/api/v1/chat/chat", headers={**asked, "Origin": "https://evil.example"})
    assert named.headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-origin" not in other.headers


async def test_a_thread_survives_the_server(tmp_path: Path) -> None:
    with serving(tmp_path, **SCRIPTED) as server:
        await server.run(text="One", thread="kept")
    with serving(tmp_path, **SCRIPTED) as server:
        events = await server.run(text="Two", thread="kept")
    contents = [message["content"] for message in events[-2]["messages"]]
    assert contents == ["One", "You said: One", "Two", "You said: Two"]


async def test_many_threads_at_once_stay_apart(server: Server) -> None:
    answers = await asyncio.gather(*(server.run(text=f"Number {number}") for number in range(30)))
    said = ["".join(e["delta"] for e in events if e["type"] == "TEXT_MESSAGE_CONTENT") for events in answers]
    assert said == [f"You said: Number {number}" for number in range(30)]
