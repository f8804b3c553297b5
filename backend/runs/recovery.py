"""The lease on the runs of this process, and what becomes of those whose process keeps theirs no more."""

import asyncio
from collections.abc import Sequence

from backend.runs.background_tasks import BackgroundTasks
from backend.runs.execution import RunRequest
from backend.runs.local_runs import LocalRuns
from backend.runs.rebuild import closing_events, rebuild_state
from backend.runs.recovered_requests import RecoveredRequests
from observability.logs import get_logger
from storage.database import StorageFailed
from storage.event_log import EventLog
from storage.lease import Lease
from storage.runs import CLAIM_BATCH, LostRun, RunRecord, Runs

_log = get_logger(__name__)

_LOST_MESSAGE = "The server process of this run ended. Please send the message again."


class RunRecovery:
    def __init__(
        self,
        local_runs: LocalRuns,
        *,
        log: EventLog,
        runs: Runs,
        lease: Lease,
        recovered_requests: RecoveredRequests,
        max_attempts: int,
        idle_seconds: float,
        tasks: BackgroundTasks,
    ) -> None:
        self._idle_seconds = idle_seconds
        self._driven = local_runs
        self._event_log = log
        self._runs = runs
        self._lease = lease
        self._heirs = recovered_requests
        self._attempts = max_attempts
        self._chores = tasks
        # Runs of processes that are gone, on their way to be driven here: theirs is the lease already.
        self.taking: set[str] = set()

    def start(self) -> None:
        self._lease.renew_with(self._renew_leases)
        self._chores.start(self._send_heartbeats(), "heartbeat")
        self._chores.start(self._recover_forever(), "rescue")

    async def _send_heartbeats(self) -> None:
        """Keeps the lease on the runs of this process."""
        while True:
            try:
                await self._renew_leases()
            except StorageFailed as error:
                # Tried again in a moment; a lease outlives two beats that fail.
                _log.warning("heartbeat_failed", error=str(error))
            if self._idle_seconds:
                self._driven.stop_stalled(self._idle_seconds)
            await asyncio.sleep(self._lease.seconds / 3)

    async def _renew_leases(self) -> None:
        own, asked_at = self._own_run_ids, self._lease.now()
        kept_runs = set(await self._runs.heartbeat(own) if own else ())
        for run in own:
            if run not in kept_runs and (active := self._driven.get(run)) is not None:
                # We were thought dead, and another process drives it now.
                _log.warning("lease_lost", run=run)
                self._lease.lose(active.thread, run)
                active.stop("lost")
        self._lease.mark_renewed(asked_at)

    async def _recover_forever(self) -> None:
        """Goes on with runs whose process is gone, or ends them. A loop of its own: no beat waits for it."""
        while True:
            # What a process that is told to end leaves behind, the next one goes on with: neither it nor a neighbour
            # that is told the same ends it.
            if self._driven.is_closing():
                return
            try:
                await self._recover_lost_runs()
            except StorageFailed as error:
                _log.warning("recovery_failed", error=str(error))
            await asyncio.sleep(self._lease.seconds / 3)

    async def _recover_lost_runs(self) -> None:
        batch_size = CLAIM_BATCH
        while batch_size == CLAIM_BATCH and not self._driven.is_closing():
            claimed = await self._runs.claim_expired(self._attempts, except_ids=self._own_run_ids)
            batch_size = len(claimed)
            for lost in claimed:
                self.taking.add(lost.row.id)
                self._chores.start(self._recover(lost), f"taking up {lost.row.id}")
        if self._driven.is_closing():
            return
        for run in await self._runs.end_expired_runs(except_ids=self._own_run_ids, max_attempts=self._attempts):
            _log.warning("run_lost", run=run)
            self._chores.start(append_lost(self._event_log, run), f"end of {run}")

    @property
    def _own_run_ids(self) -> Sequence[str]:
        return [*self._driven.ids, *self.taking]

    async def _recover(self, lost: LostRun) -> None:
        try:
            await self._restart(lost)
        finally:
            self.taking.discard(lost.row.id)

    async def _restart(self, lost: LostRun) -> None:
        """Goes on with a run whose process is gone, in its log where that is still there."""
        record = RunRecord(lost.row.id, lost.row.thread_id)
        request: RunRequest | None = None
        try:
            request = await self._heirs.build_run_request(lost)
        except Exception as error:  # noqa: BLE001  # somebody's graph is read here; whatever it is, the run has to end
            _log.warning("run_recovery_failed", run=record.id, exc_info=error)
        if not await self._event_log.take_over(record.id):
            await self._event_log.open(record.id)
        if request is None:
            await _append_interrupted(self._event_log, record.id)
            await self._runs.end(lost.caller, record, "error", error_code="run_lost")
            return
        if self._driven.is_closing():
            # It has been left to the next one, with the others.
            return
        _, events = await self._event_log.rebuild(record.id)
        so_far = rebuild_state(events)
        await self._event_log.append(record.id, list(closing_events(so_far)))
        _log.warning("run_recovered", run=record.id, attempt=lost.attempt)
        active = self._driven.launch(
            request, record, queued=lost.row.status == "queued", begun=so_far.started is not None
        )
        if lost.cancel_requested:
            active.stop("cancelled")


async def append_lost(log: EventLog, run: str) -> None:
    """Ends the log of a run whose process is gone, for those who still read it."""
    if await log.take_over(run):
        await _append_interrupted(log, run)


async def _append_interrupted(log: EventLog, run: str) -> None:
    _, events = await log.rebuild(run)
    error = {"type": "RUN_ERROR", "message": _LOST_MESSAGE, "code": "run_lost"}
    await log.append(run, [*closing_events(rebuild_state(events)), error])
    await log.end(run)
