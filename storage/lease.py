"""Whether the runs of this process are still its own."""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any


class LeaseLost(Exception):
    """Another process has the thread now."""


class Lease:
    """What this process was last told of its runs, and for how long that holds, in seconds.

    A process that stood still for longer, and wakes, asks before it writes: it may have been thought dead.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._until = clock() + seconds
        self._lost: set[str] = set()
        self._renew: Callable[[], Awaitable[None]] | None = None

    def renewed_by(self, renew: Callable[[], Awaitable[None]]) -> None:
        """`renew` asks whose the runs are, and says `renewed` and `lose`."""
        self._renew = renew

    def now(self) -> float:
        return self._clock()

    def renewed(self, asked_at: float) -> None:
        self._until = asked_at + self.seconds

    def take(self, thread: str) -> None:
        self._lost.discard(thread)

    def lose(self, thread: str) -> None:
        self._lost.add(thread)

    async def hold(self, thread: str) -> None:
        """Comes back when a thread, known by its internal id, may be written. Raises `LeaseLost`, `StorageFailed`."""
        if self._renew is not None and self._clock() >= self._until:
            await self._renew()
        if thread in self._lost:
            raise LeaseLost(thread)


class Fenced:
    """A saver, put before one of LangGraph's, that writes only what is this process's to write."""

    lease: Lease | None = None

    async def aput(self, config: Any, *told: Any, **more: Any) -> Any:
        await self._held(config)
        return await super().aput(config, *told, **more)  # type: ignore[misc]  # the saver's, behind it

    async def aput_writes(self, config: Any, *told: Any, **more: Any) -> None:
        await self._held(config)
        await super().aput_writes(config, *told, **more)  # type: ignore[misc]  # the saver's, behind it

    async def _held(self, config: Any) -> None:
        if self.lease is not None:
            await self.lease.hold(config["configurable"]["thread_id"])
