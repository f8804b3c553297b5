"""One answer on its way to any number of readers."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Reads a source once, in a task of its own; each reader gets all of it from the first piece on.

    A reader that leaves does not hurt the others; with the last of them the source is closed. An error reaches all.
    """

    def __init__(self, max_bytes: int, on_end: Callable[[], None]) -> None:
        # Where the pieces come from, if not from where they were asked for; said before the first of them.
        self.origin: str | None = None
        # What remains to be done when all has been said. No reader waits for it.
        self.then: Callable[[], Awaitable[None]] | None = None
        self._most = max_bytes
        self._landed = on_end
        self._said: list[T] = []
        # Pieces that were dropped from its beginning.
        self._dropped = 0
        self._read: list[_Reader] = []
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = False
        self._pump: asyncio.Task[None]

    @property
    def failed(self) -> bool:
        return self._pump.done() and not self._ended

    def start(self, source: AsyncGenerator[T]) -> asyncio.Task[None]:
        self._pump = asyncio.create_task(self._run(source), name="answer")
        self._pump.add_done_callback(self._done)
        return self._pump

    async def _run(self, source: AsyncGenerator[T]) -> None:
        async with aclosing(source) as pieces:
            async for piece in pieces:
                self._said.append(piece)
                self._wake()
                if len(self._said) >= self._most:
                    await self._make_room()
        self._ended = True
        self._wake()
        if self.then is not None:
            # Who comes meanwhile still joins.
            await self.then()
        self._landed()

    async def _make_room(self) -> None:
        """Nobody can join any more: from here on only what somebody still has to read is kept."""
        self._landed()
        self._drop()
        while len(self._said) >= self._most:
            self._room.clear()
            await self._room.wait()
            self._drop()

    def _drop(self) -> None:
        least = min((reader.at for reader in self._read), default=self._dropped)
        del self._said[: least - self._dropped]
        self._dropped = least

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _done(self, pump: asyncio.Task[None]) -> None:
        self._landed()
        if not self._ended and not pump.cancelled():
            # Its readers raise it. Where all have left, nobody is there to hear of it, and nobody has to.
            pump.exception()
        self._wake()

    async def read(self) -> AsyncGenerator[T]:
        """To be closed by whoever leaves before the end."""
        reader = _Reader()
        self._read.append(reader)
        try:
            while True:
                while reader.at < self._dropped + len(self._said):
                    piece = self._said[reader.at - self._dropped]
                    reader.at += 1
                    self._room.set()
                    yield piece
                if self._ended:
                    return
                if self._pump.done():
                    raise self._failure()
                await self._changed.wait()
        finally:
            self._read.remove(reader)
            self._room.set()
            if not self._read and not self._ended:
                await self.stop()

    def _failure(self) -> BaseException:
        error = None if self._pump.cancelled() else self._pump.exception()
        return asyncio.CancelledError() if error is None else _twin(error)

    async def stop(self) -> None:
        """Comes back when the source is closed."""
        self._landed()
        self._pump.cancel()
        await asyncio.wait({self._pump})


class _Reader:
    def __init__(self) -> None:
        self.at = 0


class Flights(Generic[T]):
    """Flights by what they answer. One that holds `most` pieces takes no more readers, and waits for its slowest."""

    def __init__(self, max_bytes: int = 20_000) -> None:
        self._most = max_bytes
        self._going: dict[str, SingleFlight[T]] = {}
        self._pumps: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._pumps)

    def get(self, key: str) -> SingleFlight[T] | None:
        flight = self._going.get(key)
        # One that has failed is gone, though its last word may not have come round yet.
        return None if flight is None or flight.failed else flight

    def begin(self, key: str, source: Callable[[SingleFlight[T]], AsyncGenerator[T]]) -> SingleFlight[T]:
        """The flight is to be read at once, without an `await` in between."""
        flight = SingleFlight[T](self._most, lambda: self._flight_ended(key, flight))
        self._going[key] = flight
        pump = flight.start(source(flight))
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)
        return flight

    def _flight_ended(self, key: str, flight: SingleFlight[T]) -> None:
        if self._going.get(key) is flight:
            del self._going[key]

    async def aclose(self) -> None:
        """Ends all of them."""
        for pump in self._pumps:
            pump.cancel()
        if self._pumps:
            await asyncio.wait(self._pumps)


def _twin(error: BaseException) -> BaseException:
    """The same error, to be raised beside the other: where it was raised is written into it."""
    twin = type(error).__new__(type(error), *error.args)
    twin.__dict__.update(error.__dict__)
    twin.__cause__ = error
    return twin
