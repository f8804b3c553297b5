import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.waiting import LIMIT_SECONDS

ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def process() -> AsyncIterator[tuple[Process, str]]:
    """The server as a process, and the address that it serves."""
    options = ("-m", "tests.loopback", "--tokens", "3", "--delay", "0.001")
    running = await asyncio.create_subprocess_exec(
        sys.executable, *options, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    assert running.stdout is not None
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            yield running, f"http://127.0.0.1:{int(await running.stdout.readline())}"
    finally:
        if running.returncode is None:
            running.kill()


async def test_it_serves_as_a_process_until_its_stdin_closes() -> None:
    async with process() as (running, url), httpx.AsyncClient(base_url=url) as client:
        answer = await client.post("/v1/chat/completions", json={"model": "x", "messages": []})
        assert answer.json()["choices"][0]["message"]["content"] == "token0 token1 token2 "
        assert running.stdin is not None
        running.stdin.close()
        assert await running.communicate() == (b"", b"")
    assert running.returncode == 0


async def test_it_ends_in_order_when_it_is_told_to() -> None:
    async with process() as (running, _):
        running.terminate()
        assert await running.wait() == 0
        assert running.stderr is not None
        assert await running.stderr.read() == b""
