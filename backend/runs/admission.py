"""Opening a run: it takes its thread, waits for it in a queue, or puts another run out of it."""

import asyncio
from dataclasses import replace
from uuid import uuid4

from backend.errors import EventLogUnavailable, ShuttingDown, ThreadAwaitingInput, ThreadBusyProblem
from backend.runs.background_tasks import BackgroundTasks
from backend.runs.execution import RunRequest
from backend.runs.follow_up import FollowUp
from backend.runs.local_runs import LocalRuns
from backend.runs.recovered_requests import stored_request
from backend.runs.recovery import append_lost
from observability.logs import get_logger
from storage.event_log import EventLog, LogUnavailable
from storage.runs import RunRecord, RunRow, Runs, ThreadBusy, ThreadInterrupted

_log = get_logger(__name__)

# How often it is looked whether a thread is free.
_POLL_SECONDS = 0.2
# How long a run that is interrupted may take to end, wherever it goes.
_INTERRUPT_SECONDS = 15.0
# How many may wait for one thread.
_MAX_QUEUED = 20


class RunAdmission:
    def __init__(
        self, local_runs: LocalRuns, *, log: EventLog, runs: Runs, follow_up: FollowUp, tasks: BackgroundTasks
    ) -> None:
        self._driven = local_runs
        self._event_log = log
        self._runs = runs
        self._house = follow_up
        self._chores = tasks

    async def admit(self, request: RunRequest) -> RunRecord:
        """Raises `RunExists`, `Busy`, `Waiting`, `ShuttingDown`, `LogGone`."""
        if self._driven.is_closing():
            raise ShuttingDown("No new runs are taken.", headers={"Retry-After": "5"})
        run_id = uuid4().hex
        with self._driven.reserve(run_id):
            return await self._admit(request, run_id)

    async def _admit(self, request: RunRequest, run_id: str) -> RunRecord:
        try:
            record, queued, undone = await self._claim_thread(request, run_id)
        except ThreadInterrupted as error:
            raise ThreadAwaitingInput(f"{error}. Resume it there, or use another thread.", agent=error.agent) from None
        try:
            await self._event_log.open(record.id)
            if undone is not None:
                request = await self._roll_back(request, record, undone)
        except LogUnavailable:
            await self._runs.withdraw(record)
            raise EventLogUnavailable("Nothing was started. Try again.", headers={"Retry-After": "5"}) from None
        except BaseException:
            await self._runs.withdraw(record)
            await self._event_log.end(record.id)
            raise
        if self._driven.is_closing():
            # While it waited for the thread, the server was told to end.
            await self._runs.withdraw(record)
            await self._event_log.end(record.id)
            raise ShuttingDown("No new runs are taken.", headers={"Retry-After": "5"})
        self._driven.launch(request, record, queued=queued)
        return record

    async def _claim_thread(self, request: RunRequest, run_id: str) -> tuple[RunRecord, bool, RunRow | None]:
        """A row of the run, which has the thread or a place in its queue, and the run that has to be undone for it."""
        undone: RunRow | None = None
        busy = ThreadBusyProblem(
            f"The thread {request.thread!r} has a run that is going. Wait for its end, or stop it."
        )
        until = asyncio.get_running_loop().time() + _INTERRUPT_SECONDS
        while True:
            if self._driven.is_closing():
                raise ShuttingDown("No new runs are taken.", headers={"Retry-After": "5"})
            try:
                return await self._insert_run(request, run_id, queued=False), False, undone
            except ThreadBusy:
                if request.multitask_strategy == "reject" or asyncio.get_running_loop().time() > until:
                    raise busy from None
                if request.multitask_strategy == "enqueue":
                    if await self._runs.count_queued(request.caller, request.thread) >= _MAX_QUEUED:
                        raise busy from None
                    return await self._insert_run(request, run_id, queued=True), True, None
            going = await self._runs.active_run(request.caller, request.thread)
            if going is not None:
                undone = going if request.multitask_strategy == "rollback" else None
                if await self._runs.end_expired(going.id):
                    # Its process is gone: nobody would stop it before it is recovered.
                    self._chores.start(append_lost(self._event_log, going.id), f"end of {going.id}")
                else:
                    await self._driven.stop(going)
            else:
                await asyncio.sleep(_POLL_SECONDS)

    async def _insert_run(self, request: RunRequest, run_id: str, *, queued: bool) -> RunRecord:
        models = request.models
        return await self._runs.open(
            request.caller,
            thread=request.thread,
            run=request.run,
            agent=request.agent.agent.id,
            model=str(models.info.spec) if models else None,
            request=request.digest,
            idempotency=request.idempotency,
            request_json=stored_request(request),
            queued=queued,
            run_id=run_id,
        )

    async def _roll_back(self, request: RunRequest, record: RunRecord, previous: RunRow) -> RunRequest:
        """The same, from where the thread was before that run."""
        base = await request.agent.checkpoint_before(record.thread, previous.id)
        if base is None and await self._runs.is_first(previous):
            await self._house.delete_thread(record.thread)
        elif base is None:
            # What was before it has been pruned: nothing of a thread is dropped that cannot be told to be of that run.
            _log.warning("run_rollback_failed", run=previous.id)
        return replace(request, graph_input=replace(request.graph_input, base_checkpoint_id=base))
