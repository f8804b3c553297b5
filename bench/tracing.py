"""What tracing costs: the server's CPU per run, and what a sink that is ill does to the first token.

The scripted model answers, so that the share of tracing is the largest that it can be.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import fmean, median, stdev
from tempfile import TemporaryDirectory

import httpx
import psutil

from bench.process import agenkit, free_port, running
from tests.server import run_input
from tests.sink import How, Sink

_WORDS = 60
_RUNS, _AT_ONCE, _ROUNDS = 320, 16, 3
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
    ours = {"AGENKIT_SCRIPT": script(folder), "AGENKIT_CHAT_MODELS": "scripted:actor", "AGENKIT_TITLES": "false"}
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


async def _runs(url: str, count: int) -> None:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(client: httpx.AsyncClient) -> None:
        async with turns:
            answer = await client.post("/api/v1/chat/chat", json=run_input("Count"))
            answer.raise_for_status()

    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        await asyncio.gather(*(one(client) for _ in range(count)))


def per_run(url: str) -> float:
    """Milliseconds of the server's CPU for a run, spans and all."""
    before = _cpu(url)
    asyncio.run(_runs(url, _RUNS))
    # What is written behind the runs belongs to them.
    time.sleep(2)
    return (_cpu(url) - before) / _RUNS * 1000


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
        asyncio.run(_runs(url, 32))
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
        ways = {"not traced": {"AGENKIT_TRACE_SHARE": "0"}, "own store": {}, "own store and Langfuse": told}
        urls = {name: stack.enter_context(serving(folder, **settings)) for name, settings in ways.items()}
        for url in urls.values():
            asyncio.run(_runs(url, 64))
        taken = {name: [per_run(url) for _ in range(_ROUNDS)] for name, url in urls.items()}
        bare = median(taken["not traced"])
        print(f"CPU of the server per run, {_AT_ONCE} at once, {_WORDS} tokens, milliseconds:")
        for name, each in taken.items():
            print(f"  {name}: {median(each):.2f} ({(median(each) / bare - 1) * 100:+.1f} %)")
        print("First token, traced against not traced, mean of pairs and its 95 % interval:")
        hows: Sequence[How] = ("answers", "fails", "hangs")
        for how in hows:
            sink.how = how
            print(f"  a sink that {how}: {interval(paired(urls['own store and Langfuse'], urls['not traced']))}")


if __name__ == "__main__":
    main()
