"""Those who read runs, wherever these are driven: they come, stream, leave, and may come back."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic
from typing import Any

from backend.errors import EventLogUnavailable
from backend.runs.background_tasks import BackgroundTasks
from backend.runs.compat import Converter
from backend.runs.local_runs import ActiveRun, LocalRuns
from backend.runs.rebuild import Message, rebuild_state
from backend.runs.recovered_requests import RecoveredRequests
from backend.runs.sse import sse_frames
from observability.logs import get_logger
from observability.metrics import Metrics
from storage.event_log import EventLog, LogBatch, LogRecord, LogUnavailable, Position, UnknownLog
from storage.runs import RunRow

_log = get_logger(__name__)

# How often it is looked whether a run that nobody reads here is read elsewhere.
_POLL_SECONDS = 1.0


@dataclass(slots=True)
class Subscriber:
    """Somebody who reads a run. One that came by POST may take the run with it when it leaves."""

    run: str
    is_owner: bool
    after: Position | None = None
    # Events that stand before what the log has: what was before this run.
    prologue: Sequence[Mapping[str, Any]] = ()
    # The messages of its thread, for a reader whose place in the log was folded away.
    snapshot: Callable[[], Awaitable[Sequence[Message]]] | None = None
    has_left: bool = field(default=False)


class Subscriptions:
    def __init__(
        self,
        local_runs: LocalRuns,
        *,
        log: EventLog,
        recovered_requests: RecoveredRequests,
        metrics: Metrics,
        tasks: BackgroundTasks,
    ) -> None:
        self._driven = local_runs
        self._event_log = log
        self._heirs = recovered_requests
        self._metrics = metrics
        self._chores = tasks

    def subscribe(
        self, run: str, agent: str, thread: str, *, is_owner: bool, after: Position | None = None
    ) -> Subscriber:
        """One more of a run whose log is there. `run` and `thread` are internal ids."""
        if (active := self._driven.get(run)) is not None:
            active.subscribers += 1
            if active.grace_task is not None:
                active.grace_task.cancel()
        return Subscriber(run, is_owner, after, snapshot=partial(self._heirs.snapshot, agent, thread))

    async def subscribe_to(self, row: RunRow, *, is_owner: bool, after: Position | None = None) -> Subscriber:
        """A reader of a run that was found. Raises `LogGone` where its log is kept no more."""
        try:
            kept = await self._event_log.has(row.id)
        except LogUnavailable:
            raise EventLogUnavailable("The run's log cannot be read now.", headers={"Retry-After": "5"}) from None
        if not kept and row.is_active:
            raise EventLogUnavailable(
                "The run is on its way to another process. Try again in a moment.", headers={"Retry-After": "2"}
            )
        if not kept:
            raise EventLogUnavailable("The run has ended, and its log is kept no more. Its thread has what was said.")
        return self.subscribe(row.id, row.agent, row.thread_id, is_owner=is_owner, after=after)

    async def join(self, row: RunRow) -> Subscriber:
        """A reader of a run as it stands, with the messages of its thread before it."""
        before = await self._heirs.snapshot(row.agent, row.thread_id)
        subscriber = await self.subscribe_to(row, is_owner=False)
        try:
            position, events = await self._event_log.rebuild(row.id)
        except (LogUnavailable, UnknownLog):
            await self.unsubscribe(subscriber)
            raise EventLogUnavailable("The run's log cannot be read now.", headers={"Retry-After": "5"}) from None
        state = rebuild_state(events)
        if state.started is not None:
            # One that waits for its turn has said nothing, and is read from its beginning.
            subscriber.prologue, subscriber.after = list(state.events(before)), position
        return subscriber

    async def wait_for_end(self, run: str, timeout_seconds: float) -> Sequence[Mapping[str, Any]] | None:
        """All that a run has said, once it has ended; `None` where that takes longer, in seconds.

        Of one whose log is kept no more that is nothing.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                async for _ in self._event_log.read(run):
                    pass
            return (await self._event_log.rebuild(run))[1]
        except TimeoutError:
            return None
        except UnknownLog:
            return ()
        except LogUnavailable:
            raise EventLogUnavailable("The run's log cannot be read now.", headers={"Retry-After": "5"}) from None

    async def stream(self, subscriber: Subscriber, converter: Converter) -> AsyncIterator[bytes]:
        """A run's frames for one reader."""
        with self._metrics.sse_connections.track_inprogress():
            try:
                async with aclosing(sse_frames(self._batches(subscriber), converter)) as stream:
                    async for told in stream:
                        handed = monotonic()
                        try:
                            yield told
                        finally:
                            # Also of one that takes nothing more until it is dropped.
                            self._metrics.sse_write_stall_seconds.observe(monotonic() - handed)
            finally:
                await self.unsubscribe(subscriber)

    async def _batches(self, subscriber: Subscriber) -> AsyncGenerator[LogBatch]:
        after = subscriber.after
        if subscriber.prologue and after is not None:
            yield LogBatch(
                after.incarnation, [LogRecord(after.number, event) for event in subscriber.prologue], is_rebuilt=True
            )
        try:
            async with aclosing(self._event_log.read(subscriber.run, after)) as batches:
                async for batch in batches:
                    yield await _is_complete(batch, subscriber) if batch.is_rebuilt else batch
        except UnknownLog:
            # Its thread was deleted meanwhile.
            return
        except LogUnavailable:
            # The reader comes back from where it was; to make up an end would be to lie.
            _log.warning("subscriber_lost_log", run=subscriber.run)

    async def unsubscribe(self, subscriber: Subscriber) -> None:
        """Says that a reader has gone; also one that went before it heard anything. May be said twice."""
        active = self._driven.get(subscriber.run)
        if subscriber.has_left or active is None:
            return
        subscriber.has_left = True
        active.subscribers -= 1
        policy = active.request.on_disconnect
        # Who came by GET takes nothing along; where there is a grace, it is given anew to whoever was to come back.
        takes_along = policy != "continue" if subscriber.is_owner else isinstance(policy, float)
        if takes_along and active.subscribers == 0:
            grace = policy if isinstance(policy, float) else 0.0
            active.grace_task = self._chores.start(self._stop_after_grace(active, grace), f"after {active.id}")

    async def _stop_after_grace(self, active: ActiveRun, grace: float) -> None:
        """Stops a run once nobody has read it for that long, here or elsewhere."""
        unread_since = monotonic()
        while active.subscribers == 0:
            await asyncio.sleep(min(grace, max(0.0, unread_since + grace - monotonic()), _POLL_SECONDS))
            if await self._event_log.has_other_readers(active.id):
                if not grace:
                    # Who reads there came by GET, and takes nothing along.
                    return
                unread_since = monotonic()
            elif monotonic() >= unread_since + grace:
                break
        if active.subscribers == 0:
            await active.stop_and_wait("cancelled")


async def _is_complete(batch: LogBatch, subscriber: Subscriber) -> LogBatch:
    """What stands for a log's beginning, with what its thread had said before."""
    before = await subscriber.snapshot() if subscriber.snapshot is not None else ()
    events = rebuild_state(entry.event for entry in batch.records).events(before)
    return replace(batch, records=[LogRecord(batch.records[-1].number, event) for event in events])
