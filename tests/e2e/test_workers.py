"""Worker processes of a server that runs as a user starts it: they end with it, however it ends."""

import signal
from pathlib import Path

import httpx
import psutil
import pytest

from tests.e2e.conftest import SCRIPTED
from tests.e2e.process import Serving, serving
from tests.e2e.test_command import is_gone
from tests.waiting import LIMIT_SECONDS, wait_until


def _workers(server: Serving) -> list[psutil.Process]:
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if "artifacts.worker_process" in child.cmdline()]


def test_a_worker_is_warmed_behind_the_start(tmp_path: Path) -> None:
    with serving(tmp_path, **SCRIPTED) as server:
        assert len(wait_until(lambda: _workers(server))) == 1
        assert server.stop() == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda how: how.name)
def test_workers_end_with_their_server(tmp_path: Path, how: signal.Signals) -> None:
    with serving(tmp_path, **SCRIPTED) as server:
        review = httpx.post(
            f"{server.url}/api/v1/reviews", json={"text": "Well.", "useJudge": False}, timeout=LIMIT_SECONDS
        )
        assert review.status_code == 200
        workers = _workers(server)
        assert workers
        server.process.send_signal(how)
        server.process.wait(LIMIT_SECONDS)
        assert all(is_gone(worker) for worker in workers)
