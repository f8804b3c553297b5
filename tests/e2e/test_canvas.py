"""Artifacts as front ends meet them, and as the smallest model writes them."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.e2e.process import Serving, events, serving
from tests.e2e.scenario import GENERATIONS, ROOT, Client, Driver, opened, step
from tests.server import Event, last, said

SCRIPTED = {
    "AGENKIT_SCRIPTED_MODEL_FILE": str(ROOT / "tests" / "canvas.json"),
    "AGENKIT_CANVAS_MODELS": "scripted:writer",
}
TIDES = "# The tides\n\nThe moon pulls the sea.\n\nThe sun helps a little.\n"


@pytest.fixture(scope="module")
def writing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("written"), **SCRIPTED) as running:
        yield running
        assert running.stop() == 0


@pytest.mark.parametrize("generation", GENERATIONS)
def test_real_clients_hold_the_artifact_and_go_on_with_it(writing: Serving, driver: Driver, generation: str) -> None:
    client = Client(driver, generation, writing.url)
    first, second = client.play(
        step("Write about the tides", open=opened(f"thread-{uuid4().hex}", "canvas")),
        step("Change what the sun does"),
    )
    written, changed = first.state["artifact"], second.state["artifact"]
    assert (written["version"], changed["version"], written["id"]) == (1, 2, changed["id"])
    # The draft that a client may have predicted is in no state that it is left with.
    assert set(second.state) == {"artifact"}
    roles = [message["role"] for message in second.messages]
    assert roles == ["user", "assistant", "tool", "assistant", "user", "assistant", "tool", "assistant"]
    answered = {message["toolCallId"] for message in second.messages if message["role"] == "tool"}
    called = {call["id"] for message in second.messages for call in message.get("toolCalls") or ()}
    assert answered == called


@pytest.fixture(scope="module")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("smallest"), AGENKIT_CANVAS_MODELS="embedded:smollm2") as running:
        yield running
        assert running.stop() == 0


def _written(server: Serving, text: str, thread: str, **canvas: Any) -> list[Event]:
    return list(events(server, text=text, thread=thread, agent="canvas", forwardedProps={"canvas": canvas}))


def _result(heard: Sequence[Event]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(last(heard, "TOOL_CALL_RESULT")["content"])
    return result


@pytest.mark.timeout(400)
def test_the_smallest_model_writes_changes_and_explains(smallest: Serving) -> None:
    made = _result(_written(smallest, "Write two sentences about the sea.", "t", kind="markdown"))["artifact"]
    where = f"{smallest.url}/api/v1/artifacts/{made['id']}"
    text = httpx.get(where).json()["text"]
    assert text.strip()
    heard = _written(
        smallest, "Say it in other words.", "t", artifactId=made["id"], selection={"start": 0, "end": len(text) // 2}
    )
    assert heard[-1]["outcome"] == {"type": "success"}
    assert all(call["toolCallId"] in _results(heard) for call in heard if call["type"] == "TOOL_CALL_START")
    shorter = _written(smallest, "Shorter.", "t", artifactId=made["id"], action={"name": "length", "value": "shortest"})
    assert _result(shorter)["artifact"]["id"] == made["id"]
    explained = _written(smallest, "Explain it.", "t", artifactId=made["id"], action={"name": "explain"})
    assert said(explained)
    # What it decides by itself may be anything, and has to be one of the ways there are.
    decided = _written(smallest, "Add a title to it.", "t")
    assert decided[-1]["outcome"] == {"type": "success"}


def _results(heard: Sequence[Event]) -> set[str]:
    return {event["toolCallId"] for event in heard if event["type"] == "TOOL_CALL_RESULT"}


def test_a_document_outlives_its_server(tmp_path: Path) -> None:
    with serving(tmp_path, **SCRIPTED) as server:
        made = _result(_written(server, "Write about the tides", "t"))["artifact"]
    with serving(tmp_path, **SCRIPTED) as server:
        told = httpx.get(f"{server.url}/api/v1/artifacts/{made['id']}").json()
        assert (told["text"], told["threadId"]) == (TIDES, "t")
        assert _result(_written(server, "Change what the sun does", "t"))["artifact"]["version"] == 2


def test_the_smallest_model_is_read_and_mends_what_it_wrote(smallest: Serving) -> None:
    asked = {"reviewMode": "enforce"}
    heard = list(events(smallest, text="Answer in one word, in German: what is the sea?", forwardedProps=asked))
    stages = [event["content"]["stage"] for event in heard if event["type"] == "ACTIVITY_SNAPSHOT"]
    assert (stages[0], stages[-1], heard[-1]["outcome"]) == ("checking", "done", {"type": "success"})
    verdict = last(heard, "ACTIVITY_SNAPSHOT")["content"]["verdict"]
    # It never judges itself: what is known of its text, the checks know.
    assert (verdict["score"], verdict["notJudgedReason"]) == (None, "no judge is there")
    assert said(heard)
