"""What the server knows of one request: what it was, how far its answer came, who ended it."""

import time
from collections.abc import Callable
from threading import Condition

from tests.loopback.fault import Fault
from tests.loopback.http import Request
from tests.loopback.script import Reply
from tests.waiting import LIMIT_SECONDS


class Call:
    """A request and its fate. `hung_up_at` is of `time.monotonic()`; `pieces` were handed to the kernel.

    The server's thread writes, any thread reads. The waits block, and tell whether it came true in time; in a
    coroutine, go through `asyncio.to_thread`. `script` is None until somebody has decided.
    """

    def __init__(self, number: int, request: Request) -> None:
        self.number = number
        self.request = request
        self.script: Reply | Fault | None = None
        self.finished = False
        self.hung_up_at: float | None = None
        self.pieces = 0
        self._changed = Condition()

    def send(self, pieces: int) -> None:
        with self._changed:
            self.pieces += pieces
            self._changed.notify_all()

    def finish(self) -> None:
        """The script was played to its end, which may be a fault."""
        with self._changed:
            self.finished = True
            self._changed.notify_all()

    def hang_up(self) -> None:
        """The client's socket closed before that; a client that only shut its sending side has left too."""
        with self._changed:
            self.hung_up_at = time.monotonic()
            self._changed.notify_all()

    @property
    def hung_up(self) -> bool:
        return self.hung_up_at is not None

    def wait_pieces(self, count: int, timeout: float = LIMIT_SECONDS) -> bool:
        return self._wait(lambda: self.pieces >= count, timeout)

    def wait_finished(self, timeout: float = LIMIT_SECONDS) -> bool:
        return self._wait(lambda: self.finished, timeout)

    def wait_hung_up(self, timeout: float = LIMIT_SECONDS) -> bool:
        return self._wait(lambda: self.hung_up, timeout)

    def _wait(self, fact: Callable[[], bool], timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(fact, timeout)
