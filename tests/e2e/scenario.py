"""What real clients are told to do, and what came of it. clients/driver.mjs is its other half."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tests.server import Event, user

ROOT = Path(__file__).parents[2]
CLIENTS = Path(__file__).with_name("clients")
GENERATIONS = ("1.0.0", "0.0.59")

Step = Mapping[str, Any]

# On a machine that does many things at once, a server may take ten seconds to start.
_SECONDS = 90


class Failure(BaseModel):
    """What `runAgent` was rejected with; `status` is there if it was an answer of HTTP's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message: str
    status: int | None


class Run(BaseModel):
    """One call of `runAgent`: what went over the wire, what the client saw of it, and what it holds afterwards.

    `waited`: seconds for which the thread was busy with another run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sent: dict[str, Any]
    wire: list[Event]
    seen: list[Event]
    failure: Failure | None
    messages: list[dict[str, Any]]
    state: dict[str, Any]
    pending: list[dict[str, Any]] = Field(alias="pendingInterrupts")
    waited: float

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The messages that the client sent."""
        messages: list[dict[str, Any]] = self.sent["messages"]
        return messages

    @property
    def thread(self) -> list[tuple[str, str]]:
        """Who said what, as the client has it."""
        return [(message["role"], message.get("content", "")) for message in self.messages]

    @property
    def ids(self) -> list[str]:
        return [message["id"] for message in self.messages]


class Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: list[Run]
    warnings: list[str]


class Client:
    """The client's package, of one generation, and the server that its agents talk to."""

    def __init__(self, driver: "Driver", generation: str, url: str) -> None:
        self._driver = driver
        self.generation = generation
        self._url = url

    @property
    def is_older(self) -> bool:
        return self.generation == "0.0.59"

    def play(self, *steps: Step | Sequence[Step]) -> list[Run]:
        """Takes the steps in turn, those in a sequence of their own at once; one run each, none of them warned of."""
        told = self._driver.play({"generation": self.generation, "url": self._url, "steps": steps})
        assert told.warnings == []
        for run in told.runs:
            self._check(run)
        return told.runs

    def _check(self, run: Run) -> None:
        """What holds of every run that was not refused."""
        if run.failure is not None:
            return
        aborted = run.seen[-1] if run.seen[-1].get("code") == "abort" else None
        taken = [event for event in run.seen if event is not aborted]
        assert taken == run.wire[: len(taken)], "the client takes each event as it was written"
        if aborted is None:
            assert len(taken) == len(run.wire)
            assert taken[-1]["type"] in ("RUN_FINISHED", "RUN_ERROR")
        assert _streamed(run.wire) <= set(run.ids), "what was streamed keeps its id to the end"
        if self.is_older:
            assert "protocolVersion" not in run.sent
            told = [event for event in run.wire if event["type"] == "RUN_FINISHED"]
            assert not any(event["outcome"]["type"] == "cancelled" for event in told)
            assert not any("pendingToolCallIds" in event["outcome"] for event in told)


def _streamed(events: Sequence[Event]) -> set[str]:
    """The ids of the messages that were told piece by piece."""
    keys = {"TEXT_MESSAGE_START": "messageId", "TOOL_CALL_START": "parentMessageId", "TOOL_CALL_RESULT": "messageId"}
    return {event[keys[event["type"]]] for event in events if event["type"] in keys}


def step(
    text: str | None = None,
    *,
    name: str = "main",
    add: Sequence[Mapping[str, Any]] = (),
    patience: float = 0.0,
    run: Mapping[str, Any] | None = None,
    **prepared: Any,
) -> Step:
    """One run of the agent object `name`.

    `prepared`: `open` makes the object (`opened`), `reload` makes it anew of what it holds, `edit` changes a message's
    words, `cut` keeps so many messages. `text` and `add` are messages that follow. `run` are the parameters of
    `runAgent`, with two of ours: `answers` to questions by their words, and `abort` after `count` events of a `type`.
    """
    said = [user(text)] if text is not None else []
    return {"name": name, "add": [*said, *add], "patience": patience, "run": run or {}, **prepared}


def opened(
    thread: str,
    agent: str = "chat",
    *,
    messages: Sequence[Mapping[str, Any]] = (),
    state: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    return {"agent": agent, "thread": thread, "messages": messages, "state": state or {}}


class Driver:
    """The process of Node.js in which the clients live."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def play(self, scenario: Mapping[str, Any]) -> Told:
        """Plays a scenario to its end. A client that comes to none takes the process with it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        limit = Timer(_SECONDS, self._process.kill)
        limit.start()
        try:
            self._process.stdin.write(f"{json.dumps(scenario)}\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        finally:
            limit.cancel()
        if not line:
            raise AssertionError(f"the driver ended, or did not within {_SECONDS} seconds")
        return Told.model_validate_json(line)


@contextmanager
def driving() -> Iterator[Driver]:
    if not (CLIENTS / "node_modules").is_dir():
        raise AssertionError("tests/e2e/clients has no node_modules: `make test` sets it up")
    command = [_node(), str(CLIENTS / "driver.mjs")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Driver(process)
        finally:
            process.kill()


def _node() -> str:
    asked = [sys.executable, str(ROOT / "requirements" / "npm.py"), "--node"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
