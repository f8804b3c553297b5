"""A proxy before PostgreSQL that misbehaves when it is told to. It runs in a thread of its own."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy import URL

_STARTUP = (196608, 196610)


@dataclass(slots=True, eq=False)
class _Connection:
    """One client's, with its own to the server. `statements` are those that it has prepared, by name."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server_reader: asyncio.StreamReader
    server_writer: asyncio.StreamWriter
    statements: dict[bytes, str] = field(default_factory=dict)
    silent: bool = False

    def close(self) -> None:
        self.writer.close()
        self.server_writer.close()


@dataclass(slots=True)
class _Hold:
    pattern: re.Pattern[str]
    remaining: int
    held: threading.Event = field(default_factory=threading.Event)


class PostgresProxy:
    """`delay` is in seconds, before each answer of the server's."""

    def __init__(self, server: URL) -> None:
        self._server = server
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._hold: _Hold | None = None
        self._away = False
        self._swallows = False
        # Set when somebody has come while nothing was served.
        self.refused = threading.Event()
        self.delay = 0.0
        self.loop: asyncio.AbstractEventLoop | None = None
        self.port = 0

    @property
    def url(self) -> str:
        address = self._server.set(drivername="postgresql", host="127.0.0.1", port=self.port, query={})
        return address.render_as_string(hide_password=False)

    def silence(self) -> None:
        """Connections that are open take everything from now on and answer nothing; new ones work."""

        def fall_silent() -> None:
            for each in self._connections:
                each.silent = True

        self._do(fall_silent)

    def swallow(self) -> None:
        """As `silence`, and connections that come are taken and never answered."""
        self._swallows = True
        self.silence()

    def go_away(self) -> None:
        """Nothing is served until `come_back`."""

        def cut() -> None:
            self._away = True
            for each in self._connections:
                each.close()

        self._do(cut)

    def come_back(self) -> None:
        self._away = self._swallows = False

    def hold(self, pattern: str, number: int) -> threading.Event:
        """Keeps the n-th statement that matches, and all that follows it, from the server; set once that has come."""
        held = _Hold(re.compile(pattern, re.IGNORECASE | re.DOTALL), number)
        self._hold = held
        return held.held

    def release(self) -> None:
        self._hold = None

    def _do(self, action: Callable[[], object]) -> None:
        done = threading.Event()

        def run() -> None:
            action()
            done.set()

        assert self.loop is not None
        self.loop.call_soon_threadsafe(run)
        assert done.wait(10)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        self.loop = asyncio.get_running_loop()
        listening = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = listening.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            listening.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # No coroutine: one that the loop's end cancels before it has begun would leave its connection open.
        if self._away:
            self.refused.set()
            writer.close()
            return
        task = asyncio.create_task(self._connect(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Also of one that is cancelled before it has begun.
        task.add_done_callback(lambda _: writer.close())

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(reader, writer, *await self._reach(), silent=self._swallows)
        self._connections.add(connection)
        both = [asyncio.create_task(self._ask(connection)), asyncio.create_task(self._answer(connection))]
        try:
            # Once either side has gone, the other has nobody to talk to.
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._connections.discard(connection)
            for each in both:
                each.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            connection.close()
            with suppress(OSError):
                await connection.server_writer.wait_closed()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder = self._server.query.get("host")
        if isinstance(folder, str) and folder.startswith("/"):
            return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{self._server.port or 5432}")
        return await asyncio.open_connection(self._server.host or "127.0.0.1", self._server.port or 5432)

    async def _ask(self, connection: _Connection) -> None:
        await self._start(connection)
        while True:
            head = await connection.reader.readexactly(5)
            payload = await connection.reader.readexactly(int.from_bytes(head[1:], "big") - 4)
            statement = _statement(connection, head[:1], payload)
            if connection.silent or (statement is not None and self._is_held(statement)):
                # Whatever comes is swallowed, until whoever waits for an answer gives up or dies.
                await connection.reader.read()
                return
            connection.server_writer.write(head + payload)
            await connection.server_writer.drain()

    async def _start(self, connection: _Connection) -> None:
        """Passes on what comes before messages have types: requests for encryption, then the start."""
        while not connection.silent:
            head = await connection.reader.readexactly(8)
            rest = await connection.reader.readexactly(int.from_bytes(head[:4], "big") - 8)
            connection.server_writer.write(head + rest)
            if int.from_bytes(head[4:], "big") in _STARTUP:
                return

    def _is_held(self, statement: str) -> bool:
        if (hold := self._hold) is None:
            return False
        if hold.held.is_set():
            return True
        if hold.pattern.search(statement):
            hold.remaining -= 1
            if hold.remaining == 0:
                hold.held.set()
        return hold.held.is_set()

    async def _answer(self, connection: _Connection) -> None:
        while piece := await connection.server_reader.read(65536):
            if self.delay:
                await asyncio.sleep(self.delay)
            if not connection.silent:
                connection.writer.write(piece)
                await connection.writer.drain()
        connection.close()


def _statement(connection: _Connection, kind: bytes, payload: bytes) -> str | None:
    """The statement that a message has the server carry out, if it does."""
    match kind:
        case b"Q":
            return payload.rstrip(b"\0").decode(errors="replace")
        case b"P":
            name, text, _ = payload.split(b"\0", 2)
            connection.statements[name] = text.decode(errors="replace")
        case b"B":
            return connection.statements.get(payload.split(b"\0", 2)[1])
    return None


@contextmanager
def proxying(server: URL) -> Iterator[PostgresProxy]:
    proxy, ready, leave = PostgresProxy(server), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with proxy.serve():
            ready.set()
            await leave.wait()

    def run() -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(serve())

    thread = threading.Thread(target=run, name="proxy")
    thread.start()
    try:
        assert ready.wait(10)
        yield proxy
    finally:
        assert proxy.loop is not None
        proxy.loop.call_soon_threadsafe(leave.set)
        thread.join(10)
