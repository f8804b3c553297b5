"""A run outlives its process, and its machine."""

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import URL

from tests.e2e.process import Serving, serving
from tests.e2e.scenario import ROOT
from tests.server import Event, run_input
from tests.waiting import LIMIT_SECONDS, wait_until

WORDS = [f"{at} " for at in range(1, 31)]
SCRIPT = {"models": {"actor": {"replies": [{"pieces": WORDS, "delay": 0.1}]}}}
WHOLE = "".join(WORDS)


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    script = tmp_path / "script.json"
    script.write_text(json.dumps(SCRIPT))
    return {
        "AGENKIT_SCRIPTED_MODEL_FILE": str(script),
        "AGENKIT_CHAT_MODELS": "scripted:actor",
        "AGENKIT_RUN_LEASE_SECONDS": "3",
        "AGENKIT_SHUTDOWN_GRACE_SECONDS": "0.2",
        "AGENKIT_AUTO_TITLES": "false",
    }


def _begin(server: Serving, words: int) -> None:
    """Starts a run that stays, and hears its first words."""
    body, heard = run_input("Count", run="r", thread="t", forwardedProps={"onDisconnect": "continue"}), 0
    with httpx.stream("POST", f"{server.url}/api/v1/chat/chat", json=body, timeout=LIMIT_SECONDS) as answer:
        for line in answer.iter_lines():
            heard += '"type":"TEXT_MESSAGE_CONTENT"' in line
            if heard >= words:
                return


def _kill(server: Serving, how: signal.Signals = signal.SIGKILL) -> None:
    server.process.send_signal(how)
    server.process.wait(LIMIT_SECONDS)


@pytest.fixture(params=[signal.SIGKILL, signal.SIGTERM], ids=lambda how: how.name)
def how(request: pytest.FixtureRequest) -> signal.Signals:
    found: signal.Signals = request.param
    return found


def _run(server: Serving) -> dict[str, Any]:
    told: dict[str, Any] = httpx.get(f"{server.url}/api/v1/runs/r").json()
    return told


def _ended(server: Serving) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        told = _run(server)
        return None if told["status"] in {"running", "queued"} else told

    return wait_until(ended, interval=0.1)


def _events(server: Serving, position: str | None = None) -> Iterator[Event]:
    headers = {"Last-Event-ID": position} if position else {}
    address = f"{server.url}/api/v1/runs/r/events?protocolVersion=1.0"
    with httpx.stream("GET", address, headers=headers, timeout=LIMIT_SECONDS) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def _thread(server: Serving) -> list[tuple[str, str]]:
    told = httpx.get(f"{server.url}/api/v1/threads/t/state").json()
    return [(message["role"], message["content"]) for message in told["messages"]]


def test_a_run_whose_process_was_killed_is_gone_on_with_by_the_next(tmp_path: Path, settings: dict[str, str]) -> None:
    with serving(tmp_path, **settings) as server:
        _begin(server, words=8)
        _kill(server)
    with serving(tmp_path, **settings) as server:
        assert _ended(server)["status"] == "success"
        assert _thread(server) == [("user", "Count"), ("assistant", WHOLE)]
        events = list(_events(server, "0123abcd-7"))
        answers = [message["id"] for message in httpx.get(f"{server.url}/api/v1/threads/t/state").json()["messages"]]
        where = f"{server.url}/api/v1/messages/{answers[-1]}/feedback"
        assert httpx.put(where, json={"thumb": "up"}).json()["runId"] == "r"
    assert [event["type"] for event in events].count("RUN_FINISHED") == 1
    snapshot = next(event for event in reversed(events) if event["type"] == "MESSAGES_SNAPSHOT")
    assert [message["content"] for message in snapshot["messages"]] == ["Count", WHOLE]


def test_a_run_that_may_not_be_tried_again_is_ended_in_words(tmp_path: Path, settings: dict[str, str]) -> None:
    once = {**settings, "AGENKIT_RUN_MAX_ATTEMPTS": "1"}
    with serving(tmp_path, **once) as server:
        _begin(server, words=3)
        _kill(server)
    with serving(tmp_path, **once) as server:
        told = _ended(server)
        events = list(_events(server))
        # The thread is free.
        body = run_input("Hi", thread="t")
        assert httpx.post(f"{server.url}/api/v1/chat/chat", json=body, timeout=LIMIT_SECONDS).status_code == 200
    assert (told["status"], told["error"]) == ("error", "run_lost")
    assert (events[-1]["type"], events[-1]["code"]) == ("RUN_ERROR", "run_lost")


def test_another_machine_goes_on_and_its_readers_hear_one_run(
    tmp_path: Path, settings: dict[str, str], own_postgres: URL, redis_url: str, redis_prefix: str, how: signal.Signals
) -> None:
    shared = {
        **settings,
        "DATABASE_URL": own_postgres.set(drivername="postgresql").render_as_string(hide_password=False),
        "AGENKIT_MIGRATE": "on",
        "REDIS_URL": redis_url,
        "AGENKIT_REDIS_PREFIX": redis_prefix,
    }
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    heard: list[Event] = []
    with serving(tmp_path / "one", **shared) as one, serving(tmp_path / "two", **shared) as two:
        _begin(one, words=8)
        reading = threading.Thread(target=lambda: heard.extend(_events(two)))
        reading.start()
        wait_until(lambda: heard)
        _kill(one, how)
        told = _ended(two)
        reading.join(LIMIT_SECONDS)
        assert told["status"] == "success"
        assert _thread(two) == [("user", "Count"), ("assistant", WHOLE)]
    kinds = [event["type"] for event in heard]
    assert (kinds.count("RUN_STARTED"), kinds.count("RUN_FINISHED"), kinds[-1]) == (1, 1, "RUN_FINISHED")
    # What the first had begun is closed, and taken back by what the thread holds.
    assert kinds.count("TEXT_MESSAGE_START") == kinds.count("TEXT_MESSAGE_END") == 2
    snapshot = next(event for event in reversed(heard) if event["type"] == "MESSAGES_SNAPSHOT")
    assert [message["content"] for message in snapshot["messages"]] == ["Count", WHOLE]
    last = [event for event in heard if event["type"] == "TEXT_MESSAGE_START"][-1]["messageId"]
    assert snapshot["messages"][-1]["id"] == last


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest, settings: dict[str, str]) -> dict[str, str]:
    graphs = {"AGENKIT_GRAPH_FILES": f"approval={ROOT / 'tests' / 'graphs' / 'approval.py'}:graph"}
    if request.param == "sqlite":
        return {**settings, **graphs}
    own: URL = request.getfixturevalue("own_postgres")
    address = own.set(drivername="postgresql").render_as_string(hide_password=False)
    return {**settings, **graphs, "DATABASE_URL": address, "AGENKIT_MIGRATE": "on"}


def _result(server: Serving, **asked: Any) -> dict[str, Any]:
    body = {**run_input(thread="t", **asked), "agentId": "approval"}
    told: dict[str, Any] = httpx.post(
        f"{server.url}/api/v1/runs", json=body, headers={"Prefer": "wait=60"}, timeout=90
    ).json()
    return told


def test_question_survives_the_end_of_its_process(tmp_path: Path, stored: dict[str, str], how: signal.Signals) -> None:
    with serving(tmp_path, **stored) as server:
        (asked,) = _result(server, text="Go", run="asks")["interrupts"]
        _kill(server, how)
    with serving(tmp_path, **stored) as server:
        answer = {"interruptId": asked["id"], "status": "resolved", "payload": True}
        told = _result(server, run="answers", resume=[answer])
    assert [message["content"] for message in told["messages"]] == ["money: True"]
