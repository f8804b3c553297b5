"""The runs that this process drives: launched, stopped, drained."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from artifacts.desk import Desk
from backend.runs.chores import Chores, stopped
from backend.runs.execute import Asked, Execution, StopReason
from backend.runs.housekeeping import Housekeeping
from observability.logs import get_logger
from observability.metrics import Metrics
from observability.tracing import Tracing, Who
from storage.caller import Caller
from storage.database import StorageFailed
from storage.lease import Lease
from storage.log import EventLog
from storage.runs import RunRecord, RunRow, Runs

_log = get_logger(__name__)

# How often it is looked whether somebody elsewhere wants a run of ours to stop.
_LOOK_SECONDS = 0.2

# By caller, the thread's internal id and the client's name of the run.
Desks = Callable[[Caller, str, str], Desk]


@dataclass(slots=True)
class LiveRun:
    id: str
    # The thread's internal id.
    thread: str
    execution: Execution
    task: asyncio.Task[None]
    asked: Asked
    readers: int = 0
    leaving: asyncio.Task[None] | None = None

    def stop(self, reason: StopReason) -> None:
        self.execution.stop(self.task, reason)

    async def stopped(self, reason: StopReason) -> None:
        """Comes back when the run has ended."""
        await stopped(self.task, partial(self.stop, reason))


class Driven:
    """By their internal ids, until they have ended."""

    def __init__(
        self,
        *,
        log: EventLog,
        runs: Runs,
        metrics: Metrics,
        lease: Lease,
        house: Housekeeping,
        desks: Desks,
        tracing: Tracing,
        chores: Chores,
        storage_timeout: float,
    ) -> None:
        self._storage_timeout = storage_timeout
        self._event_log = log
        self._runs = runs
        self._metrics = metrics
        self._lease = lease
        self._house = house
        self._desks = desks
        self._tracing = tracing
        self._chores = chores
        self._live: dict[str, LiveRun] = {}
        # Accepted, and not launched yet: their threads are taken.
        self._opening: set[str] = set()
        self._closing = False

    @property
    def ids(self) -> Sequence[str]:
        """The runs that this process keeps its lease on."""
        return [*self._live, *self._opening]

    @contextmanager
    def opening(self, run: str) -> Iterator[None]:
        """Keeps the lease on a run while it is opened. To be entered before its row is there."""
        self._opening.add(run)
        try:
            yield
        finally:
            self._opening.discard(run)

    def get(self, run: str) -> LiveRun | None:
        return self._live.get(run)

    def is_closing(self) -> bool:
        """Whether no new runs are taken. To be asked again behind an `await`."""
        return self._closing

    def launch(
        self,
        asked: Asked,
        record: RunRecord,
        *,
        queued: bool = False,
        begun: bool = False,
    ) -> LiveRun:
        """`queued`: it waits for its thread. `begun`: its log says already that it has started."""
        execution = Execution(
            asked,
            record,
            log=self._event_log,
            runs=self._runs,
            metrics=self._metrics,
            house=self._house,
            desk=self._desks(asked.caller, record.thread, asked.run),
            tracing=self._tracing,
            above=asked.above,
            wait_in_queue=partial(self._wait_in_queue, record) if queued else None,
            begun=begun,
            storage_timeout=self._storage_timeout,
        )
        task = asyncio.create_task(execution.drive(), name=f"run {record.id}")
        live = self._live[record.id] = LiveRun(record.id, record.thread, execution, task, asked)
        if not queued:
            self._lease.take(record.thread, record.id)
        task.add_done_callback(lambda _: self._ended(live, record))
        return live

    async def _wait_in_queue(self, record: RunRecord) -> None:
        # Another process may have the thread: nothing here would tell.
        while not await self._begin(record):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
        # The run before it may have been taken away from this process; the thread is this run's now.
        self._lease.take(record.thread, record.id)

    async def _begin(self, record: RunRecord) -> bool:
        try:
            return await self._runs.begin(record)
        except StorageFailed as error:
            _log.warning("turn_not_looked_for", error=str(error))
            return False

    def stop_stalled(self, seconds: float) -> None:
        """Ends the runs of which nothing has been heard for that long."""
        for live in self._live.values():
            if live.execution.idle_seconds > seconds:
                _log.error("run_stalled", run=live.id, idle_seconds=round(live.execution.idle_seconds))
                live.stop("stalled")

    def _ended(self, live: LiveRun, record: RunRecord) -> None:
        del self._live[live.id]
        self._lease.release(live.thread, live.id)
        if live.execution.left and not self._closing:
            asked, said = live.asked, live.execution.left
            # Beside the run, and so without its name.
            who = Who(asked.caller.tenant, asked.caller.user, asked.thread, agent=asked.served.agent.id)
            self._chores.begin(self._house.entitle(asked.caller, record, said, who), f"title of {record.thread}")
            if asked.served.agent.reflects:
                noted = self._house.reflect(asked.caller, asked.run, said, who)
                self._chores.begin(noted, f"reflection on {record.id}")
        if not live.task.cancelled() and (error := live.task.exception()) is not None:
            _log.error("run_not_settled", run=live.id, exc_info=error)

    async def stop(self, row: RunRow) -> None:
        """Comes back when the run has ended, or, of one that goes elsewhere, a moment after it was asked to."""
        if (live := self._live.get(row.id)) is not None:
            await live.stopped("cancelled")
            return
        await self._runs.ask_to_stop(row)
        await asyncio.sleep(_LOOK_SECONDS)

    async def heed(self) -> None:
        """Stops the runs of this process that others have asked to stop, for as long as the process lives."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                asked = await self._runs.asked_to_stop(list(self._live)) if self._live else ()
            except StorageFailed:
                continue
            for run in asked:
                if (live := self._live.get(run)) is not None:
                    live.stop("cancelled")

    async def drain(self, grace: float) -> Sequence[str]:
        """No new runs; those that go get the grace, in seconds. Those that are then left, which have been stopped."""
        self._closing = True
        going = list(self._live.values())
        if going:
            _log.info("draining", runs=len(going), grace=grace)
            await asyncio.wait({live.task for live in going}, timeout=grace)
        left = [live for live in going if not live.task.done()]
        await asyncio.gather(*(live.stopped("left") for live in left))
        return [live.id for live in left]
