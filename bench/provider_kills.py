"""Two providers, killed and restarted at random, never both down, under runs of a real server: `make failover`.

Each is the loopback of the tests in a process of its own, ended with SIGKILL. Every answer is compared with the whole;
one that is not whole is the exit code 1.
"""

import argparse
import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from statistics import quantiles

import httpx

from bench.process import agenkit, free_port, running
from tests.loopback import Loopback, Reply, Request
from tests.server import run_input

# Nothing in it follows upon itself: that would be taken for a repetition where two halves meet.
_TEXT = "".join(
    f"Day {day}: the wind came from {day * 37 % 360} degrees, we made {day * 3} miles. " for day in range(12)
)
_PIECES, _GAP = 6, 0.02
# Seconds that one provider is down, and that both are up before the next is killed.
_DOWN, _UP = (0.1, 2.0), (0.1, 1.0)
# Seconds after which an answer is taken for one that hangs.
_HANGS = 120.0


def _rest(request: Request) -> Reply:
    spoken = [message for message in request.body["messages"] if message["role"] == "assistant"]
    text = _TEXT.removeprefix(str(spoken[-1]["content"])) if spoken else _TEXT
    return Reply(pieces=tuple(text[at : at + _PIECES] for at in range(0, len(text), _PIECES)), delay=_GAP)


@dataclass(slots=True)
class _Provider:
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Comes back when it listens."""
        command = [sys.executable, "-m", "bench.provider_kills", "--provide", str(self.port)]
        self.process = await asyncio.to_thread(subprocess.Popen, command, stdin=subprocess.PIPE)
        async with asyncio.timeout(30):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                await asyncio.sleep(0.01)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()


@dataclass(slots=True)
class _Figures:
    seconds: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    kills: int = 0


@asynccontextmanager
async def _killing(providers: list[_Provider], dice: random.Random, figures: _Figures) -> AsyncIterator[None]:
    """While it is open, one of them after another is down for a while, and never two at once."""

    async def kill_in_turn() -> None:
        while True:
            await asyncio.sleep(dice.uniform(*_UP))
            victim = dice.choice(providers)
            await asyncio.to_thread(victim.kill)
            figures.kills += 1
            await asyncio.sleep(dice.uniform(*_DOWN))
            await victim.start()

    killing = asyncio.create_task(kill_in_turn())
    try:
        yield
    finally:
        killing.cancel()
        with suppress(asyncio.CancelledError):
            await killing


async def _run(client: httpx.AsyncClient, figures: _Figures) -> None:
    began, events = time.perf_counter(), list[dict[str, object]]()
    try:
        async with (
            asyncio.timeout(_HANGS),
            client.stream("POST", "/api/v1/chat/chat", json=run_input("Tell me.")) as read,
        ):
            async for line in read.aiter_lines():
                if line.startswith("data: "):
                    events.append(json.loads(line.removeprefix("data: ")))
    except (httpx.HTTPError, TimeoutError) as error:
        figures.broken.append(repr(error))
        return
    text = "".join(str(event["delta"]) for event in events if event["type"] == "TEXT_MESSAGE_CONTENT")
    end = events[-1] if events else {}
    if text != _TEXT or end.get("type") != "RUN_FINISHED":
        figures.broken.append(f"{end.get('type')} {end.get('code', '')} {end.get('message', '')}: {len(text)} letters")
    figures.seconds.append(time.perf_counter() - began)


async def _measure(runs: int, at_once: int, seed: int) -> _Figures:
    providers, figures, turns = [_Provider(), _Provider()], _Figures(), asyncio.Semaphore(at_once)
    port = free_port()
    settings = {
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{providers[0].port}/v1",
        "OLLAMA_BASE_URL": f"http://127.0.0.1:{providers[1].port}",
        "AGENKIT_CHAT_MODELS": "openai:loop,ollama:loop",
        "AGENKIT_LOG_LEVEL": "error",
    }
    try:
        await asyncio.gather(*(provider.start() for provider in providers))
        url = f"http://127.0.0.1:{port}"
        with running(agenkit(port), f"{url}/health/ready", **settings):
            async with (
                httpx.AsyncClient(base_url=url, timeout=_HANGS, limits=httpx.Limits(max_connections=at_once)) as client,
                _killing(providers, random.Random(seed), figures),
            ):

                async def in_turn() -> None:
                    async with turns:
                        await _run(client, figures)

                await asyncio.gather(*(in_turn() for _ in range(runs)))
    finally:
        for provider in providers:
            provider.kill()
    return figures


def _provide(port: int) -> None:
    with Loopback(_rest, port=port):
        # Until whoever started it ends, or ends it.
        sys.stdin.buffer.read()


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.provider_kills", description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--provide", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.provide is not None:
        with contextlib.suppress(KeyboardInterrupt):
            _provide(options.provide)
        return
    began = time.perf_counter()
    figures = asyncio.run(_measure(options.runs, options.at_once, options.seed))
    whole = options.runs - len(figures.broken)
    print(f"{whole} of {options.runs} answers whole, {options.at_once} at once, over {figures.kills} kills")
    if len(figures.seconds) > 1:
        cuts = quantiles(figures.seconds, n=100)
        print(f"seconds of an answer: p50 {cuts[49]:.1f}, p95 {cuts[94]:.1f}, longest {max(figures.seconds):.1f}")
    print(f"all of it took {time.perf_counter() - began:.0f} s")
    for why, times in Counter(figures.broken).most_common():
        print(f"not whole, {times} times: {why}")
    sys.exit(0 if whole == options.runs else 1)


if __name__ == "__main__":
    main()
