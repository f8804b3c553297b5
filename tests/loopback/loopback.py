"""The server in a thread of its own, as tests hold it."""

import asyncio
from threading import Thread
from types import TracebackType
from typing import Self

from tests.loopback.call import Call
from tests.loopback.catalog import MODELS, Catalog
from tests.loopback.cues import Cues, Rule, Topic, echo
from tests.loopback.fault import Fault, Refused
from tests.loopback.gate import HOST, Gate
from tests.loopback.http import Request
from tests.loopback.ledger import Ledger
from tests.loopback.script import Reply
from tests.loopback.server import Server
from tests.waiting import LIMIT_SECONDS


class Loopback:
    """A provider on 127.0.0.1 between `with` and its end, for synchronous and asynchronous tests.

    Each call of a topic takes the next script of that topic's queue; when it is empty the topic's rule decides, for
    chat the one given here. Rules run in the server's loop and must not block. Where a rule raises, its client is
    reset and the end of the `with` raises the error, or notes it on the one that is on its way. `port` 0 is any free
    one.

    `async with` does the same without blocking the test's loop; so does `asyncio.to_thread` for the methods that say
    that they wait.
    """

    def __init__(self, rule: Rule = echo, *, models: Catalog = MODELS, port: int = 0) -> None:
        self._cues = Cues(rule)
        self._models = models
        self._wanted_port = port
        self._ledger = Ledger()

    def __enter__(self) -> Self:
        self._gate = Gate(self._wanted_port)
        self._server = Server(self._gate, self._cues, self._models, self._ledger.record)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = Thread(target=self._run, name="loopback", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        for failure in self._server.errors:
            if error is None:
                raise failure
            # The reset that the rule's failure caused may be all that the test has seen.
            error.add_note(f"a rule of the loopback server raised {failure!r}")

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._server.serve(self._stop))

    @property
    def port(self) -> int:
        return self._gate.port

    @property
    def openai_url(self) -> str:
        return f"http://{HOST}:{self.port}/v1"

    @property
    def ollama_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def anthropic_url(self) -> str:
        return f"http://{HOST}:{self.port}/anthropic"

    def say(self, *scripts: Reply | Fault, to: Topic = "chat") -> None:
        """Queues scripts. If nobody is to listen from now on, waits until nobody does."""
        self._cues.say(scripts, to)
        if any(isinstance(script, Refused) for script in scripts):
            asyncio.run_coroutine_threadsafe(self._server.heed(), self._loop).result()

    def answer(self, rule: Rule, to: Topic = "chat") -> None:
        """Sets the rule for calls that find the queue empty."""
        self._cues.answer(rule, to)

    def reopen(self) -> None:
        """Ends a refusal, and waits until somebody listens."""
        asyncio.run_coroutine_threadsafe(self._server.reopen(), self._loop).result()

    @property
    def calls(self) -> tuple[Call, ...]:
        return self._ledger.calls

    @property
    def requests(self) -> tuple[Request, ...]:
        return tuple(call.request for call in self._ledger.calls)

    def call(self, index: int = 0, timeout: float = LIMIT_SECONDS) -> Call:
        """Waits for the call with this index.

        Raises TimeoutError.
        """
        return self._ledger.call(index, timeout)
