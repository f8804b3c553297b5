import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a run. Its position is an opaque string to everybody but the log that gave it."""

    position: str
    event: Event


class EventLog(Protocol):
    """What happened in each run, in order. Runs are known by their internal id."""

    async def open(self, run: str) -> None: ...

    async def append(self, run: str, events: Sequence[Event]) -> None: ...

    async def end(self, run: str) -> None:
        """Says that nothing comes after: readers finish."""
        ...

    def read(self, run: str) -> AsyncIterator[Sequence[Entry]]:
        """All entries from the first on, as many at a time as are there, until the end of the run."""
        ...

    async def forget(self, run: str) -> None: ...


class MemoryLog:
    """Logs in this process, gone with it."""

    def __init__(self) -> None:
        self._runs: dict[str, _Record] = {}

    async def open(self, run: str) -> None:
        self._runs[run] = _Record()

    async def append(self, run: str, events: Sequence[Event]) -> None:
        self._runs[run].append(events)

    async def end(self, run: str) -> None:
        self._runs[run].end()

    async def read(self, run: str) -> AsyncIterator[Sequence[Entry]]:
        record = self._runs[run]
        at = 0
        while True:
            batch = record.entries[at:]
            if batch:
                at += len(batch)
                yield batch
            elif record.ended:
                return
            else:
                await record.change()

    async def forget(self, run: str) -> None:
        del self._runs[run]


class _Record:
    def __init__(self) -> None:
        # Tells this log from an earlier one of the same run: a position is never taken for another log's.
        self._incarnation = uuid4().hex[:8]
        self._waiting: list[asyncio.Future[None]] = []
        self.entries: list[Entry] = []
        self.ended = False

    def append(self, events: Sequence[Event]) -> None:
        at = len(self.entries)
        self.entries.extend(Entry(f"{self._incarnation}-{at + n}", event) for n, event in enumerate(events, 1))
        self._wake()

    def end(self) -> None:
        self.ended = True
        self._wake()

    async def change(self) -> None:
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
