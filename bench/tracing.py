"""What tracing costs: the server's CPU per run, and what a sink that is ill does to the first token.

The scripted model answers, so that the share of tracing is the largest that it can be.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from itertools import islice
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory
from uuid import uuid4

import httpx
import psutil

from bench.process import agenkit, free_port, running
from tests.server import run_input
from tests.sink import How, Sink

_WORDS = 60
# Of a server that traces half of its runs, so many of one half at once, then of the other.
_RUNS, _AT_ONCE, _ROUNDS = 160, 16, 12
_PAIRS = 150


def script(folder: Path) -> str:
    file = folder / "script.json"
    replies = [{"pieces": [f"{at} " for at in range(_WORDS)], "delay": 0.002}]
    file.write_text(json.dumps({"models": {"actor": {"replies": replies}}}))
    return str(file)


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    ours = {
        "AGENKIT_SCRIPTED_MODEL_FILE": script(folder),
        "AGENKIT_CHAT_MODELS": "scripted:actor",
        "AGENKIT_AUTO_TITLES": "false",
    }
    with running(agenkit(port), f"{url}/health/ready", **ours, **settings):
        yield url


def _cpu(url: str) -> float:
    port = int(url.rpartition(":")[2])
    for connection in psutil.net_connections("tcp"):
        at = connection.laddr.port if connection.laddr else 0
        if connection.status == psutil.CONN_LISTEN and at == port and connection.pid:
            times = psutil.Process(connection.pid).cpu_times()
            return float(times.user + times.system)
    raise AssertionError("nobody listens there")


def _is_traced(run: str) -> bool:
    """Whether a run belongs to the half that a share of 0.5 traces (`Tracing.wants`)."""
    return int(sha256(run.encode()).hexdigest()[:8], 16) < 2**31


def _names(count: int, *, traced: bool) -> Sequence[str]:
    every = iter(lambda: f"run-{uuid4().hex}", "")
    return list(islice((run for run in every if _is_traced(run) is traced), count))


async def _runs(url: str, names: Sequence[str]) -> None:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(client: httpx.AsyncClient, run: str) -> None:
        async with turns:
            answer = await client.post("/api/v1/chat/chat", json=run_input("Count", run=run))
            answer.raise_for_status()

    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        await asyncio.gather(*(one(client, run) for run in names))


def per_run(url: str, *, traced: bool) -> float:
    """Milliseconds of the server's CPU for a run, spans and all."""
    before = _cpu(url)
    asyncio.run(_runs(url, _names(_RUNS, traced=traced)))
    # What is written behind the runs belongs to them.
    time.sleep(2.5)
    return (_cpu(url) - before) / _RUNS * 1000


def cost(url: str) -> tuple[Sequence[float], Sequence[float]]:
    """Milliseconds per run that are not traced, and what tracing adds, in pairs. The order within a pair changes."""
    bare, added = list[float](), list[float]()
    for at in range(_ROUNDS):
        taken = {traced: per_run(url, traced=traced) for traced in ((False, True) if at % 2 else (True, False))}
        bare.append(taken[False])
        added.append(taken[True] - taken[False])
    return bare, added


def first_token(url: str) -> float:
    began = time.perf_counter()
    with httpx.stream("POST", f"{url}/api/v1/chat/chat", json=run_input("Count"), timeout=60) as answer:
        for line in answer.iter_lines():
            if "TEXT_MESSAGE_CONTENT" in line:
                return (time.perf_counter() - began) * 1000
    raise AssertionError("nothing was said")


def paired(with_it: str, without: str) -> Sequence[float]:
    """Differences of the first token, in milliseconds, asked in turns."""
    for url in (with_it, without):
        asyncio.run(_runs(url, _names(32, traced=True)))
    return [first_token(with_it) - first_token(without) for _ in range(_PAIRS)]


def interval(differences: Sequence[float]) -> str:
    half = 1.96 * stdev(differences) / len(differences) ** 0.5
    mean = fmean(differences)
    return f"{mean:+.2f} ms ({mean - half:+.2f} to {mean + half:+.2f})"


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        sink = stack.enter_context(Sink())
        told = {
            "LANGFUSE_PUBLIC_KEY": "pk",
            "LANGFUSE_SECRET_KEY": "sk",
            "LANGFUSE_BASE_URL": sink.url,
        }
        half = {"AGENKIT_TRACE_SAMPLE_RATE": "0.5"}
        print(f"CPU of the server per run, {_AT_ONCE} at once, {_WORDS} tokens, and what tracing adds (95 % interval):")
        for name, settings in {"own store": half, "own store and Langfuse": half | told}.items():
            with serving(folder, **settings) as url:
                asyncio.run(_runs(url, _names(64, traced=True)))
                bare, added = cost(url)
            print(f"  {name}: {fmean(bare):.2f} ms, {interval(added)}, {fmean(added) / fmean(bare) * 100:+.1f} %")
        ways = {"not traced": {"AGENKIT_TRACE_SAMPLE_RATE": "0"}, "traced": told}
        urls = {name: stack.enter_context(serving(folder, **settings)) for name, settings in ways.items()}
        print("First token, traced against not traced, mean of pairs and its 95 % interval:")
        hows: Sequence[How] = ("answers", "fails", "hangs")
        for how in hows:
            sink.how = how
            print(f"  a sink that {how}: {interval(paired(urls['traced'], urls['not traced']))}")


if __name__ == "__main__":
    main()
