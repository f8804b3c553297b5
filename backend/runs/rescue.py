"""The lease on the runs of this process, and what becomes of those whose process keeps theirs no more."""

import asyncio
from collections.abc import Sequence

from backend.runs.again import Heirs
from backend.runs.chores import Chores
from backend.runs.driven import Driven
from backend.runs.execute import Asked
from backend.runs.fold import closing, fold
from observability.logs import get_logger
from storage.database import StorageFailed
from storage.lease import Lease
from storage.log import EventLog
from storage.runs import CLAIM_BATCH, LostRun, RunRecord, Runs

_log = get_logger(__name__)

_INTERRUPTED = "The process that drove this run has gone. Please send the message again."


class Rescue:
    def __init__(
        self,
        driven: Driven,
        *,
        log: EventLog,
        runs: Runs,
        lease: Lease,
        heirs: Heirs,
        attempts: int,
        idle_seconds: float,
        chores: Chores,
    ) -> None:
        self._idle_seconds = idle_seconds
        self._driven = driven
        self._event_log = log
        self._runs = runs
        self._lease = lease
        self._heirs = heirs
        self._attempts = attempts
        self._chores = chores
        # Runs of processes that are gone, on their way to be driven here: theirs is the lease already.
        self.taking: set[str] = set()

    def start(self) -> None:
        self._lease.renewed_by(self._keep_own)
        self._chores.begin(self._beat(), "heartbeat")
        self._chores.begin(self._rescue(), "rescue")

    async def _beat(self) -> None:
        """Keeps the lease on the runs of this process."""
        while True:
            try:
                await self._keep_own()
            except StorageFailed as error:
                # Tried again in a moment; a lease outlives two beats that fail.
                _log.warning("heartbeat_failed", error=str(error))
            if self._idle_seconds:
                self._driven.stop_stalled(self._idle_seconds)
            await asyncio.sleep(self._lease.seconds / 3)

    async def _keep_own(self) -> None:
        own, asked_at = self._own, self._lease.now()
        kept_runs = set(await self._runs.beat(own) if own else ())
        for run in own:
            if run not in kept_runs and (live := self._driven.get(run)) is not None:
                # We were thought dead, and another process drives it now.
                _log.warning("run_taken_over", run=run)
                self._lease.lose(live.thread, run)
                live.stop("lost")
        self._lease.renewed(asked_at)

    async def _rescue(self) -> None:
        """Goes on with runs whose process is gone, or ends them. A loop of its own: no beat waits for it."""
        while True:
            # What a process that is told to end leaves behind, the next one goes on with: neither it nor a neighbour
            # that is told the same ends it.
            if self._driven.is_closing():
                return
            try:
                await self._rescued()
            except StorageFailed as error:
                _log.warning("rescue_failed", error=str(error))
            await asyncio.sleep(self._lease.seconds / 3)

    async def _rescued(self) -> None:
        batch_size = CLAIM_BATCH
        while batch_size == CLAIM_BATCH and not self._driven.is_closing():
            claimed = await self._runs.claim_lost(self._attempts, but=self._own)
            batch_size = len(claimed)
            for lost in claimed:
                self.taking.add(lost.row.id)
                self._chores.begin(self._take_up(lost), f"taking up {lost.row.id}")
        if self._driven.is_closing():
            return
        for run in await self._runs.end_lost(but=self._own, attempts=self._attempts):
            _log.warning("run_lost", run=run)
            self._chores.begin(say_lost(self._event_log, run), f"end of {run}")

    @property
    def _own(self) -> Sequence[str]:
        return [*self._driven.ids, *self.taking]

    async def _take_up(self, lost: LostRun) -> None:
        try:
            await self._taken_up(lost)
        finally:
            self.taking.discard(lost.row.id)

    async def _taken_up(self, lost: LostRun) -> None:
        """Goes on with a run whose process is gone, in its log where that is still there."""
        record = RunRecord(lost.row.id, lost.row.thread_id)
        asked: Asked | None = None
        try:
            asked = await self._heirs.asked(lost)
        except Exception as error:  # noqa: BLE001  # somebody's graph is read here; whatever it is, the run has to end
            _log.warning("run_not_taken_up", run=record.id, exc_info=error)
        if not await self._event_log.take_over(record.id):
            await self._event_log.open(record.id)
        if asked is None:
            await _say_interrupted(self._event_log, record.id)
            await self._runs.end(lost.caller, record, "error", error_code="interrupted")
            return
        if self._driven.is_closing():
            # It has been left to the next one, with the others.
            return
        _, events = await self._event_log.folded(record.id)
        so_far = fold(events)
        await self._event_log.append(record.id, list(closing(so_far)))
        _log.warning("run_taken_up", run=record.id, attempt=lost.attempt)
        live = self._driven.launch(asked, record, queued=lost.row.status == "queued", begun=so_far.started is not None)
        if lost.cancel_requested:
            live.stop("cancelled")


async def say_lost(log: EventLog, run: str) -> None:
    """Ends the log of a run whose process is gone, for those who still read it."""
    if await log.take_over(run):
        await _say_interrupted(log, run)


async def _say_interrupted(log: EventLog, run: str) -> None:
    _, events = await log.folded(run)
    error = {"type": "RUN_ERROR", "message": _INTERRUPTED, "code": "interrupted"}
    await log.append(run, [*closing(fold(events)), error])
    await log.end(run)
