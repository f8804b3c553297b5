"""The server inside its event loop: accepts, reads, asks for the script, plays it."""

import asyncio
import math
from asyncio import Task
from collections.abc import Callable
from itertools import count

from tests.loopback.answer import Exchange
from tests.loopback.call import Call
from tests.loopback.catalog import Catalog
from tests.loopback.cues import Cues
from tests.loopback.fault import Problem, Refused, Status
from tests.loopback.gate import Gate
from tests.loopback.http import BadRequest, Request, read_request
from tests.loopback.line import Line, leave
from tests.loopback.plan import plan
from tests.loopback.routes import OPENAI, ROUTES, Route, nowhere


class Server:
    """Serves on the gate's port what the cues say, and hands every call to `record` when it comes.

    `errors` are those of a test's own rules; the client of such a call is reset.
    """

    def __init__(self, gate: Gate, cues: Cues, catalog: Catalog, record: Callable[[Call], None]) -> None:
        self.errors: list[Exception] = []
        self._gate = gate
        self._cues = cues
        self._catalog = catalog
        self._record = record
        self._numbers = count(1)
        self._talks: dict[Task[None], Line] = {}
        self._reopening: Task[None] | None = None

    async def serve(self, stop: asyncio.Event) -> None:
        try:
            await self._gate.open(lambda: Line(self._connected))
            await self.heed()
            await stop.wait()
        finally:
            await self._close()

    async def heed(self) -> None:
        """Shuts the gate if the next cue is that nobody listens."""
        refusal = self._cues.refusal
        if refusal is not None:
            self._refuse(refusal)

    async def reopen(self) -> None:
        """Listens again; the refusals that were next in the queues are over."""
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None
        self._cues.forget_refusals()
        if not self._gate.is_open:
            await self._gate.open(lambda: Line(self._connected))

    def _refuse(self, refusal: Refused) -> None:
        if not self._gate.is_open:
            return
        self._gate.shut()
        for line in self._talks.values():
            if not line.busy:
                line.writer.close()
        if refusal.seconds < math.inf:
            self._reopening = asyncio.create_task(self._reopen_after(refusal.seconds))

    async def _reopen_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._reopening = None
        await self.reopen()

    def _connected(self, line: Line) -> None:
        talk = asyncio.create_task(self._talk(line))
        self._talks[talk] = line
        talk.add_done_callback(self._talks.pop)

    async def _talk(self, line: Line) -> None:
        """One connection from its first request to its last."""
        try:
            while (request := await read_request(line.reader)) is not None:
                await self._answer(line, request)
                if not (request.keeps_alive and self._gate.is_open):
                    break
        except BadRequest as error:
            await self._reproach(line, error)
        except Exception as error:  # whatever a test's rule raises: its test hears of it when the server closes
            self.errors.append(error)
            leave(line.writer, reset=True)
        finally:
            line.writer.close()

    async def _answer(self, line: Line, request: Request) -> None:
        call = Call(next(self._numbers), request)
        self._record(call)
        line.busy = True
        route = ROUTES.get((request.method, request.path))
        call.script = nowhere(request) if route is None else self._cues.next(route.topic, request)
        if isinstance(call.script, Refused):
            self._refuse(call.script)
        await self.heed()
        await line.play(call, plan(call.script, self._exchange(call, route)))
        line.busy = False

    def _exchange(self, call: Call, route: Route | None) -> Exchange:
        spelled = route or Route("chat", OPENAI, OPENAI.document)
        return spelled.exchange(call.number, call.request, self._catalog)

    async def _reproach(self, line: Line, error: BadRequest) -> None:
        request = Request("", "", {}, {}, b"")
        call = Call(0, request)
        status = Status(400, Problem(str(error), "invalid_request_error"))
        await line.play(call, plan(status, self._exchange(call, None)))

    async def _close(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
        self._gate.close()
        lines = list(self._talks.values())
        for talk, line in self._talks.items():
            talk.cancel()
            line.writer.transport.abort()
        closings = (line.writer.wait_closed() for line in lines)
        await asyncio.gather(*self._talks, *closings, return_exceptions=True)
