"""400 runs over two replicas that are killed, stopped and told to end at random, behind a database that misbehaves:
`make chaos`.

Real PostgreSQL and Redis. The proxy before PostgreSQL silences connections and delays answers; readers drop and come
back at either replica. Fails if a run hangs, succeeds without its answer, loses a person's message or says a character
twice.
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from backend.runs.rebuild import rebuild_state
from bench.process import agenkit, free_port
from tests.proxy import PostgresProxy, proxying
from tests.server import run_input
from tests.services import start_postgres, start_redis

RUNS, AT_ONCE, SEED = 400, 16, 7
# A run that has not ended by then hangs.
HUNG_SECONDS = 180.0
PIECES, GAP_SECONDS = tuple(f"{at} " for at in range(1, 41)), 0.05
WHOLE = "".join(PIECES)


@dataclass(slots=True)
class Replica:
    """A server that is started again under the same address whenever it has ended."""

    port: int
    proxy: PostgresProxy
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        environment = {**os.environ, **self.environment, "DATABASE_URL": self.proxy.url}
        self.process = await asyncio.to_thread(subprocess.Popen[bytes], agenkit(self.port), env=environment)
        async with httpx.AsyncClient() as client, asyncio.timeout(120):
            while not await self._is_ready(client):  # noqa: ASYNC110  # another process is starting
                await asyncio.sleep(0.1)

    async def _is_ready(self, client: httpx.AsyncClient) -> bool:
        try:
            return (await client.get(f"{self.url}/health/ready", timeout=5)).is_success
        except httpx.TransportError:
            return False

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def end(self) -> None:
        process = self.process
        assert process is not None
        await asyncio.to_thread(process.wait, 60)


@dataclass(slots=True)
class Result:
    """What one reader made of one run. `gaps` are the silences that it heard, as their beginnings and ends."""

    outcome: str = "hung"
    text: str = ""
    repeated: bool = False
    lost_message: bool = False
    gaps: list[tuple[float, float]] = field(default_factory=list)


@dataclass(slots=True)
class Disturbances:
    """What was done, and when a process was killed."""

    done: Counter[str] = field(default_factory=Counter)
    kills: list[float] = field(default_factory=list)


async def _disturb(replicas: Sequence[Replica], dice: random.Random, log: Disturbances) -> None:
    """One replica at a time is in trouble."""
    bag: list[str] = []
    while True:
        await asyncio.sleep(dice.uniform(1, 4))
        if not bag:
            bag = ["kill", "kill", "terminate", "stop", "silence", "delay"]
            dice.shuffle(bag)
        replica, what = dice.choice(replicas), bag.pop()
        log.done[what] += 1
        match what:
            case "kill" | "terminate":
                log.kills.append(time.monotonic())
                replica.signal(signal.SIGKILL if what == "kill" else signal.SIGTERM)
                await replica.end()
                await replica.start()
            case "stop":
                replica.signal(signal.SIGSTOP)
                await asyncio.sleep(dice.uniform(1, 12))
                replica.signal(signal.SIGCONT)
            case "silence":
                replica.proxy.silence()
            case "delay":
                replica.proxy.delay = 0.04
                await asyncio.sleep(dice.uniform(1, 6))
                replica.proxy.delay = 0.0


async def _run(name: str, replicas: Sequence[Replica], dice: random.Random, client: httpx.AsyncClient) -> Result:
    result = Result()
    try:
        async with asyncio.timeout(HUNG_SECONDS):
            await _read(name, replicas, dice, client, result)
            await _check_thread(name, replicas, client, result)
    except TimeoutError:
        pass
    return result


async def _read(
    name: str, replicas: Sequence[Replica], dice: random.Random, client: httpx.AsyncClient, result: Result
) -> None:
    """Posts a run and reads it to its end, over as many connections as that takes."""
    body = run_input("Count", run=name, thread=name, forwardedProps={"onDisconnect": "continue"})
    events: list[Mapping[str, Any]] = []
    position, heard_at = "", time.monotonic()
    while True:
        patience = dice.randrange(1, 60)
        try:
            async for identifier, event in _events(dice.choice(replicas), client, body, name, position):
                now = time.monotonic()
                if events and now - heard_at > 1:
                    result.gaps.append((heard_at, now))
                heard_at, position = now, identifier or position
                events.append(event)
                if event["type"] in {"TEXT_MESSAGE_CONTENT", "MESSAGES_SNAPSHOT"}:
                    result.repeated |= not all(WHOLE.startswith(text) for text in _answers(events))
                if event["type"] in {"RUN_FINISHED", "RUN_ERROR"}:
                    result.outcome = event.get("code") or event["outcome"]["type"]
                    result.text = "".join(_answers(events))
                    return
                patience -= 1
                if not patience:
                    break
        except (httpx.TransportError, httpx.HTTPStatusError):
            await asyncio.sleep(0.2)


async def _events(
    replica: Replica, client: httpx.AsyncClient, body: Mapping[str, Any], name: str, position: str
) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
    """Events with their positions. Without one the run is posted: the same one again is the same run."""
    if position:
        address = f"{replica.url}/api/v1/runs/{name}/events?protocolVersion=1.0"
        asked = client.build_request("GET", address, headers={"Last-Event-ID": position}, timeout=8)
    else:
        asked = client.build_request("POST", f"{replica.url}/api/v1/chat/chat", json=body, timeout=8)
    answer, identifier = await client.send(asked, stream=True), ""
    async with aclosing(answer):
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                identifier = line.removeprefix("id: ")
            elif line.startswith("data: "):
                yield identifier, json.loads(line.removeprefix("data: "))
                identifier = ""


def _answers(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """The answers as a client shows them after these events."""
    return [
        message.get("content") or "" for message in rebuild_state(events).messages if message["role"] == "assistant"
    ]


async def _check_thread(name: str, replicas: Sequence[Replica], client: httpx.AsyncClient, result: Result) -> None:
    while True:
        for replica in replicas:
            try:
                answer = await client.get(f"{replica.url}/api/v1/threads/{name}/state", timeout=8)
            except httpx.TransportError:
                continue
            if answer.is_success:
                said = [(message["role"], message.get("content")) for message in answer.json()["messages"]]
                result.lost_message = ("user", "Count") not in said
                if result.outcome == "success" and said != [("user", "Count"), ("assistant", WHOLE)]:
                    result.text = ""
                return
        await asyncio.sleep(0.5)


@asynccontextmanager
async def _replicas() -> AsyncIterator[Sequence[Replica]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="agenkit-chaos-")))
        script = folder / "script.json"
        script.write_text(json.dumps({"models": {"actor": {"replies": [{"pieces": PIECES, "delay": GAP_SECONDS}]}}}))
        environment = {
            "AGENKIT_SCRIPTED_MODEL_FILE": str(script),
            "AGENKIT_CHAT_MODELS": "scripted:actor",
            "AGENKIT_DATA_DIR": str(folder),
            "AGENKIT_LOG_LEVEL": "error",
            "AGENKIT_KEEP_ALIVE_SECONDS": "2",
            "AGENKIT_MIGRATE": "on",
            "AGENKIT_RUN_MAX_ATTEMPTS": "10",
            "AGENKIT_SHUTDOWN_GRACE_SECONDS": "1",
            "AGENKIT_STATEMENT_TIMEOUT_SECONDS": "4",
            "AGENKIT_AUTO_TITLES": "false",
            "OLLAMA_BASE_URL": "http://127.0.0.1:1",
            "REDIS_URL": stack.enter_context(start_redis()),
        }
        postgres = stack.enter_context(start_postgres())
        proxies = [stack.enter_context(proxying(postgres)) for _ in range(2)]
        replicas = [Replica(free_port(), proxy, environment) for proxy in proxies]
        try:
            for replica in replicas:
                await replica.start()
            yield replicas
        finally:
            for replica in replicas:
                if replica.process is not None:
                    replica.signal(signal.SIGCONT)
                    replica.signal(signal.SIGKILL)
                    await replica.end()


async def main(runs: int) -> int:
    dice, log = random.Random(SEED), Disturbances()
    limit, results = asyncio.Semaphore(AT_ONCE), list[Result]()
    began = time.monotonic()
    async with _replicas() as replicas, httpx.AsyncClient(limits=httpx.Limits(max_connections=None)) as client:
        disturbing = asyncio.create_task(_disturb(replicas, dice, log))

        async def one(at: int) -> None:
            async with limit:
                results.append(await _run(f"run-{at}", replicas, random.Random(at), client))

        await asyncio.gather(*(one(at) for at in range(runs)))
        disturbing.cancel()
        await asyncio.gather(disturbing, return_exceptions=True)
    return _report(results, log, time.monotonic() - began)


def _report(results: Sequence[Result], log: Disturbances, seconds: float) -> int:
    recovered = sorted(
        end - kill for result in results for begin, end in result.gaps for kill in log.kills if begin <= kill <= end
    )
    empty = sum(result.outcome == "success" and result.text != WHOLE for result in results)
    faults = {
        "hung": sum(result.outcome == "hung" for result in results),
        "successes without their answer": empty,
        "lost messages": sum(result.lost_message for result in results),
        "repeated characters": sum(result.repeated for result in results),
    }
    print(f"{len(results)} runs in {seconds:.0f} s; disturbances: {dict(log.done)}")
    print(f"outcomes: {dict(Counter(result.outcome for result in results))}")
    print(", ".join(f"{count} {fault}" for fault, count in faults.items()))
    if len(recovered) > 1:
        cuts = quantiles(recovered, n=20, method="inclusive")
        print(f"recovery, seen by {len(recovered)} readers: p50 {cuts[9]:.1f} s, p95 {cuts[18]:.1f} s")
    return 1 if any(faults.values()) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)))
