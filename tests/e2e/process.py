"""The command as a user runs it: a process of its own, in an empty folder, with the settings that a test gives."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.server import Event, run_input
from tests.waiting import LIMIT_SECONDS, wait_until

AGENKIT = Path(sys.executable).with_name("agenkit")


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that answers."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def stop(self) -> int:
        """Asks it to end, and waits; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_SECONDS)


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Serving]:
    url, log = free_url(), folder / "log.jsonl"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [AGENKIT, "serve"],
            cwd=folder,
            env=_environment(folder, {"AGENKIT_PORT": url.rpartition(":")[2], **settings}),
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    with _ended(process):
        server = Serving(process, url, log)
        _wait_until_ready(server)
        yield server


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs, for whoever wants to hear it while it does."""
    process = subprocess.Popen(
        [AGENKIT, *arguments],
        cwd=folder,
        env=_environment(folder, {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Where the tests run in the background, Ctrl-C is ignored, and a child would inherit that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # nothing forks here besides
    )
    with process, _ended(process):
        yield process


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Nothing that a test started outlives it, however the test ends."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def command(
    folder: Path, *arguments: str, said: Sequence[str] = (), **settings: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end; `said` are the lines of its stdin."""
    return subprocess.run(
        [AGENKIT, *arguments],
        check=False,
        cwd=folder,
        env=_environment(folder, settings),
        input="".join(f"{line}\n" for line in said),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )


def events(server: Serving, *, agent: str = "chat", **asked: Any) -> Generator[Event]:
    """Posts one run to an agent and says its events as they come."""
    url, body = f"{server.url}/api/v1/chat/{agent}", run_input(**asked)
    with httpx.stream("POST", url, json=body, timeout=LIMIT_SECONDS) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def _environment(folder: Path, settings: Mapping[str, str]) -> Mapping[str, str]:
    # Nothing outside is asked.
    ours = {"AGENKIT_DATA_DIR": str(folder / "data"), "OLLAMA_BASE_URL": "http://127.0.0.1:1"}
    return {**os.environ, **ours, **settings}


def free_url() -> str:
    """An address of this machine at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def _wait_until_ready(server: Serving) -> None:
    def is_ready() -> bool:
        assert server.process.poll() is None, f"the server did not start: {server.log.read_text()[-2000:]}"
        with suppress(httpx.TransportError):
            return httpx.get(f"{server.url}/health/ready", timeout=LIMIT_SECONDS).is_success
        return False

    wait_until(is_ready)
