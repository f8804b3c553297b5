"""The runs that this process drives: launched, stopped, drained."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from artifacts.workspace import RunWorkspace
from backend.runs.background_tasks import BackgroundTasks, stop_task
from backend.runs.execution import Execution, RunRequest, StopReason
from backend.runs.follow_up import FollowUp
from observability.logs import get_logger
from observability.metrics import Metrics
from observability.tracing import TraceSubject, Tracing
from storage.caller import Caller
from storage.database import StorageFailed
from storage.event_log import EventLog
from storage.lease import Lease
from storage.runs import RunRecord, RunRow, Runs

_log = get_logger(__name__)

# How often it is looked whether somebody elsewhere wants a run of ours to stop.
_POLL_SECONDS = 0.2

# By caller, the thread's internal id and the client's name of the run.
Workspaces = Callable[[Caller, str, str], RunWorkspace]


@dataclass(slots=True)
class ActiveRun:
    id: str
    # The thread's internal id.
    thread: str
    execution: Execution
    task: asyncio.Task[None]
    request: RunRequest
    subscribers: int = 0
    grace_task: asyncio.Task[None] | None = None

    def stop(self, reason: StopReason) -> None:
        self.execution.stop(self.task, reason)

    async def stop_and_wait(self, reason: StopReason) -> None:
        """Comes back when the run has ended."""
        await stop_task(self.task, partial(self.stop, reason))


class LocalRuns:
    """By their internal ids, until they have ended."""

    def __init__(
        self,
        *,
        log: EventLog,
        runs: Runs,
        metrics: Metrics,
        lease: Lease,
        follow_up: FollowUp,
        workspaces: Workspaces,
        tracing: Tracing,
        tasks: BackgroundTasks,
        storage_timeout: float,
    ) -> None:
        self._storage_timeout = storage_timeout
        self._event_log = log
        self._runs = runs
        self._metrics = metrics
        self._lease = lease
        self._house = follow_up
        self._desks = workspaces
        self._tracing = tracing
        self._chores = tasks
        self._live: dict[str, ActiveRun] = {}
        # Accepted, and not launched yet: their threads are taken.
        self._opening: set[str] = set()
        self._closing = False

    @property
    def ids(self) -> Sequence[str]:
        """The runs that this process keeps its lease on."""
        return [*self._live, *self._opening]

    @contextmanager
    def reserve(self, run: str) -> Iterator[None]:
        """Keeps the lease on a run while it is opened. To be entered before its row is there."""
        self._opening.add(run)
        try:
            yield
        finally:
            self._opening.discard(run)

    def get(self, run: str) -> ActiveRun | None:
        return self._live.get(run)

    def is_closing(self) -> bool:
        """Whether no new runs are taken. To be asked again behind an `await`."""
        return self._closing

    def launch(
        self,
        request: RunRequest,
        record: RunRecord,
        *,
        queued: bool = False,
        begun: bool = False,
    ) -> ActiveRun:
        """`queued`: it waits for its thread. `begun`: its log says already that it has started."""
        execution = Execution(
            request,
            record,
            log=self._event_log,
            runs=self._runs,
            metrics=self._metrics,
            follow_up=self._house,
            workspace=self._desks(request.caller, record.thread, request.run),
            tracing=self._tracing,
            parent_span=request.parent_span,
            wait_in_queue=partial(self._wait_in_queue, record) if queued else None,
            on_begin=begun,
            storage_timeout=self._storage_timeout,
        )
        task = asyncio.create_task(execution.drive(), name=f"run {record.id}")
        active = self._live[record.id] = ActiveRun(record.id, record.thread, execution, task, request)
        if not queued:
            self._lease.take(record.thread, record.id)
        task.add_done_callback(lambda _: self._run_ended(active, record))
        return active

    async def _wait_in_queue(self, record: RunRecord) -> None:
        # Another process may have the thread: nothing here would tell.
        while not await self._begin(record):  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)
        # The run before it may have been taken away from this process; the thread is this run's now.
        self._lease.take(record.thread, record.id)

    async def _begin(self, record: RunRecord) -> bool:
        try:
            return await self._runs.begin(record)
        except StorageFailed as error:
            _log.warning("queue_poll_failed", error=str(error))
            return False

    def stop_stalled(self, seconds: float) -> None:
        """Ends the runs of which nothing has been heard for that long."""
        for active in self._live.values():
            if active.execution.idle_seconds > seconds:
                _log.error("run_stalled", run=active.id, idle_seconds=round(active.execution.idle_seconds))
                active.stop("stalled")

    def _run_ended(self, active: ActiveRun, record: RunRecord) -> None:
        del self._live[active.id]
        self._lease.release(active.thread, active.id)
        if active.execution.left and not self._closing:
            request, said = active.request, active.execution.left
            # Beside the run, and so without its name.
            subject = TraceSubject(
                request.caller.tenant, request.caller.user, request.thread, agent=request.agent.agent.id
            )
            self._chores.start(
                self._house.generate_title(request.caller, record, said, subject), f"title of {record.thread}"
            )
            if request.agent.agent.extracts_memories:
                noted = self._house.extract_memories(request.caller, request.run, said, subject)
                self._chores.start(noted, f"reflection on {record.id}")
        if not active.task.cancelled() and (error := active.task.exception()) is not None:
            _log.error("run_end_not_written", run=active.id, exc_info=error)

    async def stop(self, row: RunRow) -> None:
        """Comes back when the run has ended, or, of one that goes elsewhere, a moment after it was asked to."""
        if (active := self._live.get(row.id)) is not None:
            await active.stop_and_wait("cancelled")
            return
        await self._runs.request_cancel(row)
        await asyncio.sleep(_POLL_SECONDS)

    async def apply_cancel_requests(self) -> None:
        """Stops the runs of this process that others have asked to stop, for as long as the process lives."""
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            try:
                asked = await self._runs.cancel_requested(list(self._live)) if self._live else ()
            except StorageFailed:
                continue
            for run in asked:
                if (active := self._live.get(run)) is not None:
                    active.stop("cancelled")

    async def drain(self, grace: float) -> Sequence[str]:
        """No new runs; those that go get the grace, in seconds. Those that are then left, which have been stopped."""
        self._closing = True
        going = list(self._live.values())
        if going:
            _log.info("drain_started", runs=len(going), grace=grace)
            await asyncio.wait({active.task for active in going}, timeout=grace)
        left = [active for active in going if not active.task.done()]
        await asyncio.gather(*(active.stop_and_wait("left") for active in left))
        return [active.id for active in left]
