"""What a first token costs more through the service than from the provider itself: `make bench`.

The provider is the loopback of the tests, in a process of its own, with no delay. Both ways are taken in turn, so that
a machine that slows down slows both.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from uuid import uuid4

import httpx

from bench.process import agenkit, bare, free_port, running, spread

_WARM, _RUNS = 20, 200


@contextmanager
def _provider() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.loopback", "--port", "0", "--tokens", "20", "--delay", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("the provider was started with pipes")
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        process.stdin.close()


def _first(client: httpx.Client, url: str, body: object, mark: str) -> float:
    """Seconds to the first line that holds a piece of text; the rest is read outside of the time."""
    began, seconds = time.perf_counter(), 0.0
    with client.stream("POST", url, json=body, headers={"Authorization": "Bearer none"}) as answer:
        for line in answer.iter_lines():
            if not seconds and mark in line:
                seconds = time.perf_counter() - began
    return seconds


def _direct(client: httpx.Client, provider: str) -> float:
    body = {"model": "loop", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    return _first(client, f"{provider}/chat/completions", body, '"content":')


def _through(client: httpx.Client, server: str) -> float:
    message = {"id": uuid4().hex, "role": "user", "content": "Hi"}
    body = {"threadId": uuid4().hex, "runId": uuid4().hex, "messages": [message], "tools": [], "context": []}
    return _first(client, f"{server}/api/v1/chat/chat", body, "TEXT_MESSAGE_CONTENT")


def _bare(client: httpx.Client, url: str) -> float:
    began = time.perf_counter()
    client.post(url, content=json.dumps({"messages": ["Hi"]})).raise_for_status()
    return time.perf_counter() - began


def main() -> None:
    bare_port, port = free_port(), free_port()
    bare_url, server = f"http://127.0.0.1:{bare_port}/", f"http://127.0.0.1:{port}"
    direct, through, plain = list[float](), list[float](), list[float]()
    with _provider() as provider, running(bare(bare_port), bare_url):
        environment = {"OPENAI_API_KEY": "none-needed", "OPENAI_BASE_URL": provider, "AGENKIT_OPENAI_MODEL": "loop"}
        with running(agenkit(port), f"{server}/health/ready", **environment), httpx.Client(timeout=30) as client:
            for _ in range(_WARM + _RUNS):
                direct.append(_direct(client, provider))
                through.append(_through(client, server))
                plain.append(_bare(client, bare_url))
    del direct[:_WARM], through[:_WARM], plain[:_WARM]
    added = [there - here for there, here in zip(through, direct, strict=True)]
    ratio = median(there / here for there, here in zip(through, direct, strict=True))
    print(f"first token from the provider: {spread(direct, 'ms', 1000)}")
    print(f"first token through Agenkit:   {spread(through, 'ms', 1000)}")
    print(f"added, pair by pair:           {spread(added, 'ms', 1000)}; {ratio:.1f} times the direct call")
    print(f"a bare ASGI app's whole answer: {spread(plain, 'ms', 1000)}; {median(added) / median(plain):.1f} of them")


if __name__ == "__main__":
    main()
