"""Opening, driving, rescue and readers, put together: what the API knows of runs."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import anyio

from backend.errors import RunIdTaken
from backend.runs.admission import RunAdmission
from backend.runs.background_tasks import BackgroundTasks
from backend.runs.compat import Converter
from backend.runs.execution import RunRequest
from backend.runs.follow_up import FollowUp
from backend.runs.local_runs import LocalRuns, Workspaces
from backend.runs.recovered_requests import RecoveredRequests
from backend.runs.recovery import RunRecovery
from backend.runs.subscriptions import Subscriber, Subscriptions
from observability.logs import get_logger
from observability.metrics import Metrics
from observability.tracing import Tracing
from storage.caller import Caller
from storage.database import StorageFailed
from storage.event_log import EventLog, LogUnavailable, Position
from storage.lease import Lease
from storage.runs import RunExists, RunRow, Runs

_log = get_logger(__name__)

_STOP_SECONDS = 5.0
# Beyond the grace of runs: for those that are stopped to come to rest.
_DRAIN_REST_SECONDS = 2.0


class RunService:
    """The runs that this process drives, and the readers of any; what these may ask is told in `Readers`."""

    def __init__(
        self,
        *,
        log: EventLog,
        runs: Runs,
        metrics: Metrics,
        grace: float,
        lease: Lease,
        single_process: bool,
        follow_up: FollowUp,
        recovered_requests: RecoveredRequests,
        max_attempts: int,
        idle_seconds: float,
        storage_timeout: float,
        workspaces: Workspaces,
        tracing: Tracing,
    ) -> None:
        self._event_log = log
        self._runs = runs
        self._grace = grace
        # Whether no other process can be asked to stop a run of ours.
        self._alone = single_process
        self._house = follow_up
        tasks = self._chores = BackgroundTasks()
        local_runs = self._driven = LocalRuns(
            log=log,
            runs=runs,
            metrics=metrics,
            lease=lease,
            follow_up=follow_up,
            workspaces=workspaces,
            tracing=tracing,
            tasks=tasks,
            storage_timeout=storage_timeout,
        )
        self._opening = RunAdmission(local_runs, log=log, runs=runs, follow_up=follow_up, tasks=tasks)
        self._readers = Subscriptions(
            local_runs, log=log, recovered_requests=recovered_requests, metrics=metrics, tasks=tasks
        )
        self._rescue = RunRecovery(
            local_runs,
            log=log,
            runs=runs,
            lease=lease,
            recovered_requests=recovered_requests,
            max_attempts=max_attempts,
            idle_seconds=idle_seconds,
            tasks=tasks,
        )
        # Set by whoever hears first that the server is to stop; streams are open then, and have to be ended.
        self.exit = anyio.Event()
        self._draining: asyncio.Future[None] | None = None

    def start(self) -> None:
        self._rescue.start()
        self._chores.start(self._drain_at_exit(), "exit")
        self._chores.start(self._house.sweep(), "sweep")
        if not self._alone:
            self._chores.start(self._driven.apply_cancel_requests(), "stops")

    async def start_run(self, request: RunRequest) -> Subscriber:
        """Starts the run, or finds the same one that was started before; its reader.

        Raises `Busy`, `Waiting`, `RunIdTaken`, `ShuttingDown`, `LogGone`.
        """
        try:
            record = await self._opening.admit(request)
        except RunExists as error:
            if request.digest is None or error.row.request != request.digest:
                raise RunIdTaken(f"The run id {request.run!r} was used before. Every run needs its own.") from None
            return await self._readers.subscribe_to(error.row, is_owner=True)
        return self._readers.subscribe(record.id, request.agent.agent.id, record.thread, is_owner=True)

    async def subscribe(self, row: RunRow, after: Position | None) -> Subscriber:
        return await self._readers.subscribe_to(row, is_owner=False, after=after)

    async def join(self, row: RunRow) -> Subscriber:
        return await self._readers.join(row)

    def stream(self, subscriber: Subscriber, converter: Converter) -> AsyncIterator[bytes]:
        return self._readers.stream(subscriber, converter)

    async def unsubscribe(self, subscriber: Subscriber) -> None:
        await self._readers.unsubscribe(subscriber)

    async def wait_for_end(self, run: str, timeout_seconds: float) -> Sequence[Mapping[str, Any]] | None:
        return await self._readers.wait_for_end(run, timeout_seconds)

    async def cancel(self, caller: Caller, row: RunRow) -> None:
        """Comes back when the run has ended, wherever it goes, or its process does not answer."""
        until = asyncio.get_running_loop().time() + _STOP_SECONDS
        found: RunRow | None = row
        while found is not None and found.is_active and asyncio.get_running_loop().time() < until:
            await self._driven.stop(found)
            found = await self._runs.find(caller, row.client_run_id)

    async def forget(self, runs: Sequence[str]) -> None:
        """Drops what is kept of runs whose thread is gone."""
        try:
            await self._event_log.delete(runs)
        except LogUnavailable:
            # They go by themselves after a while.
            _log.warning("event_log_not_deleted", runs=len(runs))

    async def _drain_at_exit(self) -> None:
        await self.exit.wait()
        await self.drain()

    async def drain(self) -> None:
        """No new runs; those that go get the grace, and are then left for the next process to go on with.

        It is done once: whoever asks again waits for the same.
        """
        if self._draining is None:
            self._draining = asyncio.ensure_future(self._drain())
        await asyncio.shield(self._draining)

    async def _drain(self) -> None:
        left = await self._driven.drain(self._grace)
        if runs := [*left, *self._rescue.taking]:
            await self._release_unfinished(runs)
        await self._event_log.release_readers()

    async def _release_unfinished(self, runs: Sequence[str]) -> None:
        try:
            await self._runs.release(runs)
        except StorageFailed as error:
            # Their lease runs out by itself.
            _log.warning("runs_not_released", error=str(error))

    async def aclose(self) -> None:
        try:
            async with asyncio.timeout(self._grace + _DRAIN_REST_SECONDS):
                await self.drain()
        finally:
            await self._chores.aclose()
