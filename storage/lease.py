"""Whether the runs of this process are still its own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from time import monotonic
from typing import Any

from langgraph.checkpoint.base import id as checkpoint_ids
from langgraph.checkpoint.serde.types import ERROR, RESUME

from storage.retry import retry


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
        self._holders: dict[str, str] = {}
        self._renew: Callable[[], Awaitable[None]] | None = None

    def renew_with(self, renew: Callable[[], Awaitable[None]]) -> None:
        """`renew` asks whose the runs are, and says `renewed` and `lose`."""
        self._renew = renew

    def now(self) -> float:
        return self._clock()

    def mark_renewed(self, asked_at: float) -> None:
        self._until = asked_at + self.seconds

    def take(self, thread: str, run: str = "") -> None:
        """A run has the thread from now on. Ids are internal ones."""
        self._holders[thread] = run
        self._lost.discard(thread)

    def lose(self, thread: str, run: str = "") -> None:
        """A run has lost its thread to another process, unless the next run of ours has it already."""
        if self._holders.get(thread, run) == run:
            self._lost.add(thread)

    def release(self, thread: str, run: str = "") -> None:
        if self._holders.get(thread) == run:
            del self._holders[thread]

    async def hold(self, thread: str) -> None:
        """Comes back when a thread, known by its internal id, may be written. Raises `LeaseLost`, `StorageFailed`."""
        if self._renew is not None and self._clock() >= self._until:
            await self._renew()
        if thread in self._lost:
            raise LeaseLost(thread)


def follow_clock(checkpoint: str) -> None:
    """Have the checkpoints that this process makes sort behind one that another made.

    The newest checkpoint of a thread is the one with the greatest id, and ids are LangGraph's version 6 UUIDs: moments
    by the clock of whoever made them. Behind a process whose clock was ahead, what is written next would count as older
    than what it follows, and be lost.
    """
    # The module's own memory of its last id; there is no public way to it.
    ids: Any = checkpoint_ids
    timestamp = checkpoint_ids.UUID(checkpoint).time
    if ids._last_v6_timestamp is None or ids._last_v6_timestamp < timestamp:
        ids._last_v6_timestamp = timestamp


class FencedSaver:
    """A saver, put before one of LangGraph's, that writes only what is this process's to write.

    Within a run it waits for a database that is away (`storage.retry`). Its errors are `StorageFailed`.
    """

    lease: Lease | None = None
    # Gives the driver's errors as `StorageFailed`.
    translate_errors: Callable[[], AbstractContextManager[None]]

    async def aput(self, config: Any, *told: Any, **more: Any) -> Any:
        write = super().aput  # type: ignore[misc]  # the saver's, behind it

        async def put() -> Any:
            await self._hold(config)
            with self.translate_errors():
                return await write(config, *told, **more)

        return await retry(put)

    async def aput_writes(self, config: Any, *told: Any, **more: Any) -> None:
        write = super().aput_writes  # type: ignore[misc]  # the saver's, behind it

        async def put() -> None:
            await self._hold(config)
            with self.translate_errors():
                await write(config, *told, **more)

        await retry(put)

    async def aget_tuple(self, config: Any) -> Any:
        read = super().aget_tuple  # type: ignore[misc]  # the saver's, behind it

        async def get() -> Any:
            with self.translate_errors():
                return await read(config)

        found = await retry(get)
        if found is not None:
            follow_clock(found.checkpoint["id"])
        return found

    async def alist(self, *asked: Any, **more: Any) -> AsyncIterator[Any]:
        with self.translate_errors():
            async for each in super().alist(*asked, **more):  # type: ignore[misc]  # the saver's, behind it
                yield each

    async def adrop_resume_values(self, thread: str, since: str) -> None:
        """Drops the answers to questions, and the errors, beside a checkpoint of a thread and those after it."""

        async def drop() -> None:
            await self._hold({"configurable": {"thread_id": thread}})
            with self.translate_errors():
                await self._drop_writes(thread, since, (RESUME, ERROR))

        await retry(drop)

    async def _drop_writes(self, thread: str, since: str, channels: Sequence[str]) -> None:
        raise NotImplementedError

    async def _hold(self, config: Any) -> None:
        if self.lease is not None:
            await self.lease.hold(config["configurable"]["thread_id"])
