"""A process is killed while the database holds its n-th statement of a kind: another one finishes the run."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import URL

from tests.e2e.conftest import SCRIPTED
from tests.e2e.process import Serving, serving
from tests.e2e.scenario import ROOT
from tests.proxy import PostgresProxy, proxying
from tests.server import run_input
from tests.waiting import wait_until

# What a run writes, and which of it is held. Both savers' statements are LangGraph's.
CHECKPOINT, WRITES, END = (
    r"^\s*INSERT INTO checkpoints",
    r"^\s*INSERT INTO checkpoint_writes",
    r"^UPDATE runs SET .*usage=",
)
ANSWERED = [(CHECKPOINT, 1), (CHECKPOINT, 2), (CHECKPOINT, 3), (WRITES, 1), (WRITES, 2), (END, 1)]
RESUMED = [(CHECKPOINT, 1), (CHECKPOINT, 2), (WRITES, 1), (WRITES, 2), (WRITES, 3), (END, 1)]


@pytest.fixture(scope="module")
def proxy(postgres_database: URL) -> Iterator[PostgresProxy]:
    with proxying(postgres_database) as running:
        yield running


@pytest.fixture(scope="module")
def settings(postgres_database: URL, redis_url: str) -> dict[str, str]:
    return {
        **SCRIPTED,
        "DATABASE_URL": postgres_database.set(drivername="postgresql").render_as_string(hide_password=False),
        "AGENKIT_MIGRATE": "on",
        "AGENKIT_RUN_LEASE_SECONDS": "1",
        "AGENKIT_AUTO_TITLES": "false",
        "AGENKIT_GRAPH_FILES": f"approval={ROOT / 'tests' / 'graphs' / 'approval.py'}:graph",
        "REDIS_URL": redis_url,
        "AGENKIT_REDIS_PREFIX": "agenkit-killed:",
    }


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, settings: dict[str, str]) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("other"), **settings) as running:
        yield running


@pytest.fixture
def killed(tmp_path: Path, settings: dict[str, str], proxy: PostgresProxy, other: Serving) -> Iterator[Serving]:
    with serving(tmp_path, **{**settings, "DATABASE_URL": proxy.url, "AGENKIT_MIGRATE": "off"}) as running:
        yield running


def _post(server: Serving, agent: str, **asked: Any) -> None:
    body = run_input(**asked, forwardedProps={"onDisconnect": "continue"})
    # The answer's head is enough: the run is accepted.
    with httpx.stream("POST", f"{server.url}/api/v1/chat/{agent}", json=body, timeout=30) as answer:
        assert answer.status_code == 200


def _run(server: Serving, run: str) -> dict[str, Any]:
    told: dict[str, Any] = httpx.get(f"{server.url}/api/v1/runs/{run}", timeout=30).json()
    return told


def _kill_at(killed: Serving, proxy: PostgresProxy, statement: tuple[str, int], agent: str, **asked: Any) -> None:
    held = proxy.hold(*statement)
    try:
        _post(killed, agent, **asked)
        assert held.wait(30), "the run ended without that statement"
        killed.process.send_signal(signal.SIGKILL)
        killed.process.wait(10)
    finally:
        proxy.release()


def _ended(server: Serving, run: str) -> dict[str, Any]:
    return wait_until(lambda: told if (told := _run(server, run))["status"] not in {"running", "queued"} else None)


def _thread(server: Serving, thread: str) -> list[tuple[str, str]]:
    told = httpx.get(f"{server.url}/api/v1/threads/{thread}/state", timeout=30).json()
    return [(message["role"], message["content"]) for message in told["messages"]]


@pytest.mark.parametrize("statement", ANSWERED, ids=lambda each: f"{each[0].split()[-1]}-{each[1]}")
def test_run_killed_at_a_statement_is_finished_by_another(
    killed: Serving, other: Serving, proxy: PostgresProxy, statement: tuple[str, int]
) -> None:
    name = f"answered-{ANSWERED.index(statement)}"
    _kill_at(killed, proxy, statement, "chat", text="Hi", run=name, thread=name)
    assert _ended(other, name)["status"] == "success"
    assert _thread(other, name) == [("user", "Hi"), ("assistant", "You said: Hi")]


@pytest.mark.parametrize("statement", RESUMED, ids=lambda each: f"{each[0].split()[-1]}-{each[1]}")
def test_resumed_run_killed_at_a_statement_is_finished_by_another(
    killed: Serving, other: Serving, proxy: PostgresProxy, statement: tuple[str, int]
) -> None:
    name = f"resumed-{RESUMED.index(statement)}"
    asked = httpx.post(
        f"{other.url}/api/v1/runs",
        json={**run_input("Go", run=f"{name}-asks", thread=name), "agentId": "approval"},
        headers={"Prefer": "wait=30"},
        timeout=60,
    ).json()
    resume = [{"interruptId": asked["interrupts"][0]["id"], "status": "resolved", "payload": True}]
    _kill_at(killed, proxy, statement, "approval", run=name, thread=name, resume=resume)
    assert _ended(other, name)["status"] == "success"
    assert _thread(other, name) == [("user", "Go"), ("assistant", "money: True")]
