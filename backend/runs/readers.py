"""Those who read runs, wherever these are driven: they come, stream, leave, and may come back."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic
from typing import Any

from backend.errors import LogGone
from backend.runs.again import Heirs
from backend.runs.chores import Chores
from backend.runs.dialect import Dialect
from backend.runs.driven import Driven, LiveRun
from backend.runs.fold import Message, fold
from backend.runs.follow import frames
from observability.logs import get_logger
from observability.metrics import Metrics
from storage.log import Batch, Entry, EventLog, LogUnavailable, Position, UnknownLog
from storage.runs import RunRow

_log = get_logger(__name__)

# How often it is looked whether a run that nobody reads here is read elsewhere.
_LOOK_SECONDS = 1.0


@dataclass(slots=True)
class Reader:
    """Somebody who reads a run. One that came by POST may take the run with it when it leaves."""

    run: str
    posted: bool
    after: Position | None = None
    # Events that stand before what the log has: what was before this run.
    before: Sequence[Mapping[str, Any]] = ()
    # The messages of its thread, for a reader whose place in the log was folded away.
    said: Callable[[], Awaitable[Sequence[Message]]] | None = None
    left: bool = field(default=False)


class Readers:
    def __init__(self, driven: Driven, *, log: EventLog, heirs: Heirs, metrics: Metrics, chores: Chores) -> None:
        self._driven = driven
        self._event_log = log
        self._heirs = heirs
        self._metrics = metrics
        self._chores = chores

    def reader(self, run: str, agent: str, thread: str, *, posted: bool, after: Position | None = None) -> Reader:
        """One more of a run whose log is there. `run` and `thread` are internal ids."""
        if (live := self._driven.get(run)) is not None:
            live.readers += 1
            if live.leaving is not None:
                live.leaving.cancel()
        return Reader(run, posted, after, said=partial(self._heirs.said, agent, thread))

    async def attach(self, row: RunRow, *, posted: bool, after: Position | None = None) -> Reader:
        """A reader of a run that was found. Raises `LogGone` where its log is kept no more."""
        try:
            kept = await self._event_log.has(row.id)
        except LogUnavailable:
            raise LogGone("The run's log cannot be read now.", headers={"Retry-After": "5"}) from None
        if not kept and row.goes:
            raise LogGone(
                "The run is on its way to another process. Try again in a moment.", headers={"Retry-After": "2"}
            )
        if not kept:
            raise LogGone("The run has ended, and its log is kept no more. Its thread has what was said.")
        return self.reader(row.id, row.agent, row.thread_id, posted=posted, after=after)

    async def join(self, row: RunRow) -> Reader:
        """A reader of a run as it stands, with the messages of its thread before it."""
        before = await self._heirs.said(row.agent, row.thread_id)
        reader = await self.attach(row, posted=False)
        try:
            position, events = await self._event_log.folded(row.id)
        except (LogUnavailable, UnknownLog):
            await self.leave(reader)
            raise LogGone("The run's log cannot be read now.", headers={"Retry-After": "5"}) from None
        folded = fold(events)
        if folded.started is not None:
            # One that waits for its turn has said nothing, and is read from its beginning.
            reader.before, reader.after = list(folded.events(before)), position
        return reader

    async def ended(self, run: str, within: float) -> Sequence[Mapping[str, Any]] | None:
        """All that a run has said, once it has ended; `None` where that takes longer, in seconds.

        Of one whose log is kept no more that is nothing.
        """
        try:
            async with asyncio.timeout(within):
                async for _ in self._event_log.read(run):
                    pass
            return (await self._event_log.folded(run))[1]
        except TimeoutError:
            return None
        except UnknownLog:
            return ()
        except LogUnavailable:
            raise LogGone("The run's log cannot be read now.", headers={"Retry-After": "5"}) from None

    async def stream(self, reader: Reader, dialect: Dialect) -> AsyncIterator[bytes]:
        """A run's frames for one reader."""
        with self._metrics.streams.track_inprogress():
            try:
                async with aclosing(frames(self._batches(reader), dialect)) as stream:
                    async for told in stream:
                        handed = monotonic()
                        try:
                            yield told
                        finally:
                            # Also of one that takes nothing more until it is dropped.
                            self._metrics.reader_lag_seconds.observe(monotonic() - handed)
            finally:
                await self.leave(reader)

    async def _batches(self, reader: Reader) -> AsyncGenerator[Batch]:
        after = reader.after
        if reader.before and after is not None:
            yield Batch(after.incarnation, [Entry(after.number, event) for event in reader.before], folded=True)
        try:
            async with aclosing(self._event_log.read(reader.run, after)) as batches:
                async for batch in batches:
                    yield await _whole(batch, reader) if batch.folded else batch
        except UnknownLog:
            # Its thread was deleted meanwhile.
            return
        except LogUnavailable:
            # The reader comes back from where it was; to make up an end would be to lie.
            _log.warning("reader_lost_log", run=reader.run)

    async def leave(self, reader: Reader) -> None:
        """Says that a reader has gone; also one that went before it heard anything. May be said twice."""
        live = self._driven.get(reader.run)
        if reader.left or live is None:
            return
        reader.left = True
        live.readers -= 1
        policy = live.asked.on_disconnect
        # Who came by GET takes nothing along; where there is a grace, it is given anew to whoever was to come back.
        takes_along = policy != "continue" if reader.posted else isinstance(policy, float)
        if takes_along and live.readers == 0:
            grace = policy if isinstance(policy, float) else 0.0
            live.leaving = self._chores.begin(self._left(live, grace), f"after {live.id}")

    async def _left(self, live: LiveRun, grace: float) -> None:
        """Stops a run once nobody has read it for that long, here or elsewhere."""
        unread_since = monotonic()
        while live.readers == 0:
            await asyncio.sleep(min(grace, max(0.0, unread_since + grace - monotonic()), _LOOK_SECONDS))
            if await self._event_log.is_read_elsewhere(live.id):
                if not grace:
                    # Who reads there came by GET, and takes nothing along.
                    return
                unread_since = monotonic()
            elif monotonic() >= unread_since + grace:
                break
        if live.readers == 0:
            await live.stopped("cancelled")


async def _whole(batch: Batch, reader: Reader) -> Batch:
    """What stands for a log's beginning, with what its thread had said before."""
    before = await reader.said() if reader.said is not None else ()
    events = fold(entry.event for entry in batch.entries).events(before)
    return replace(batch, entries=[Entry(batch.entries[-1].number, event) for event in events])
