"""The service over real sockets, in a thread of this process: what tests of the front door talk to."""

import json
import logging
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import uvicorn
from fastapi import FastAPI, Request

from backend.app import create_app
from backend.security.callers import LOCAL, caller
from backend.settings import read_settings
from storage.caller import Caller
from tests.waiting import LIMIT_SECONDS, wait_for, wait_until

Event = dict[str, Any]


class Server:
    """A server that runs, and the ways tests speak to it."""

    def __init__(self, app: FastAPI, url: str) -> None:
        self.app = app
        self.url = url

    def client(self, *, user: str = "local") -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, timeout=LIMIT_SECONDS, headers={"X-Test-User": user})

    async def run(self, agent: str = "chat", *, user: str = "local", **asked: Any) -> list[Event]:
        """Posts one run and reads it to its end."""
        async with self.client(user=user) as client, self.opened(client, agent, **asked) as events:
            return [event async for event in events]

    async def begun(self, run: str) -> Event:
        """A run as it is told, once the server knows of it."""
        async with self.client() as client:

            async def told() -> Event | None:
                answer = await client.get(f"/api/v1/runs/{run}")
                known: Event | None = None if answer.status_code == 404 else answer.json()
                return known

            return await wait_for(told)

    @asynccontextmanager
    async def opened(
        self, client: httpx.AsyncClient, agent: str = "chat", **asked: Any
    ) -> AsyncIterator[AsyncIterator[Event]]:
        async with client.stream("POST", f"/api/v1/chat/{agent}", json=run_input(**asked)) as answer:
            if answer.status_code != 200:
                raise AssertionError(f"{answer.status_code}: {(await answer.aread()).decode()}")
            yield _events(answer)


async def _events(answer: httpx.Response) -> AsyncIterator[Event]:
    async for line in answer.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def run_input(
    text: str | None = None,
    *,
    thread: str | None = None,
    run: str | None = None,
    messages: Sequence[Mapping[str, Any]] | None = None,
    model: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A `RunAgentInput`. `text` is short for one new message of a person's."""
    given = list(messages or ())
    if text is not None:
        given.append(user(text))
    asked: dict[str, Any] = {
        "threadId": thread or f"thread-{uuid4().hex}",
        "runId": run or f"run-{uuid4().hex}",
        "protocolVersion": "1.0",
        "messages": given,
        "tools": [],
        "context": [],
        "forwardedProps": {"model": model} if model else {},
    }
    return {**asked, **more}


def user(text: str, message_id: str | None = None) -> dict[str, Any]:
    return {"id": message_id or f"user-{uuid4().hex}", "role": "user", "content": text}


def kinds(events: Sequence[Event]) -> list[str]:
    """The types of events, each run of equal ones told once."""
    told = [event["type"] for event in events]
    return [kind for at, kind in enumerate(told) if at == 0 or told[at - 1] != kind]


def said(events: Sequence[Event]) -> str:
    return "".join(event["delta"] for event in events if event["type"] == "TEXT_MESSAGE_CONTENT")


def last(events: Sequence[Event], kind: str) -> Event:
    return next(event for event in reversed(events) if event["type"] == kind)


def transcript(events: Sequence[Event]) -> list[tuple[str, str]]:
    """The thread as the run left it: who said what."""
    messages = last(events, "MESSAGES_SNAPSHOT")["messages"]
    return [(message["role"], message.get("content", "")) for message in messages]


async def _caller_of_a_test(request: Request) -> Caller:
    name = request.headers.get("X-Test-User", LOCAL.user)
    tenant, _, own = name.rpartition("/")
    return Caller(tenant=tenant or LOCAL.tenant, user=own)


class _Unheard(logging.Handler):
    """What tasks died of that nobody waits for: asyncio only logs it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@contextmanager
def serving(data: Path, **environment: str) -> Iterator[Server]:
    # Nothing outside is asked unless a test says where.
    settings = {
        "AGENKIT_DATA_DIR": str(data),
        "OLLAMA_BASE_URL": "http://127.0.0.1:1",
        # Titles ask models too, and tests count who was asked what.
        "AGENKIT_AUTO_TITLES": "false",
        "AGENKIT_MEMORY_EXTRACTION": "false",
        **environment,
    }
    app = create_app(read_settings(settings, file=None))
    app.dependency_overrides[caller] = _caller_of_a_test
    unheard = _Unheard()
    logging.getLogger("asyncio").addHandler(unheard)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    try:
        yield Server(app, f"http://127.0.0.1:{_port(server, thread)}")
    finally:
        server.should_exit = True
        thread.join(LIMIT_SECONDS)
        logging.getLogger("asyncio").removeHandler(unheard)
    assert unheard.said == []


def _port(server: uvicorn.Server, thread: threading.Thread) -> int:
    wait_until(lambda: server.started or not thread.is_alive())
    assert server.started, "the server did not start"
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port
