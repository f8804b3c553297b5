"""What the log says of a request, and what it never says."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from observability.logs import configure_logs, pseudonym
from observability.settings import ObservabilitySettings
from tests.server import last, run_input, serving

TESTS = Path(__file__).parent.parent
SCRIPTED = {"AGENKIT_SCRIPTED_MODEL_FILE": str(TESTS / "script.json"), "AGENKIT_CHAT_MODELS": "scripted:actor"}
TEXT = "marmalade on the roof"


@pytest.fixture
def stream() -> Iterator[StringIO]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    written = StringIO()
    configure_logs(ObservabilitySettings(log_level="debug", log_format="json"), written)
    yield written
    configure_logs(ObservabilitySettings())
    root.handlers = before
    root.setLevel(level)


def _lines(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_debug_says_nothing_of_what_people_say(tmp_path: Path, stream: StringIO) -> None:
    with serving(tmp_path, **SCRIPTED) as server:
        events = await server.run(text=TEXT, run="r", thread="t")
        message = last(events, "TEXT_MESSAGE_START")["messageId"]
        async with server.client() as client:
            said = {"thumb": "up", "comment": TEXT, "runId": "r"}
            assert (await client.put(f"/api/v1/messages/{message}/feedback", json=said)).is_success
            assert (await client.patch("/api/v1/threads/t", json={"title": TEXT})).is_success
    assert TEXT not in stream.getvalue()
    assert _lines(stream)


async def test_every_line_of_a_request_names_it_its_user_and_its_session(tmp_path: Path, stream: StringIO) -> None:
    with serving(tmp_path, **SCRIPTED) as server:
        async with server.client(user="acme/ann") as client:
            for path, body in (
                ("chat/chat", run_input("Hello", thread="t", run="r")),
                ("chat/nobody", run_input("Hi", thread="t")),
            ):
                await client.post(f"/api/v1/{path}", json=body, headers={"X-Request-ID": "asked"})
            await client.get("/api/v1/threads/t", headers={"X-Request-ID": "asked"})
            await client.get("/api/v1/threads", headers={"X-Request-ID": "another"})
    lines = [line for line in _lines(stream) if line.get("request_id") == "asked"]
    assert [line["event"] for line in lines if line["event"] == "request"] == ["request"] * 3
    assert [line for line in lines if "thread_id" not in line] == []
    assert {(line["thread_id"], line["tenant"], line["user"]) for line in lines} == {
        ("t", "acme", pseudonym("acme", "ann"))
    }
    (listed,) = (line for line in _lines(stream) if line.get("request_id") == "another")
    assert "thread_id" not in listed
    assert listed["user"] == pseudonym("acme", "ann")
