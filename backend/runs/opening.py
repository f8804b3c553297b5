"""Opening a run: it takes its thread, waits for it in a queue, or puts another run out of it."""

import asyncio
from dataclasses import replace
from uuid import uuid4

from backend.errors import Busy, LogGone, ShuttingDown, Waiting
from backend.runs.again import kept
from backend.runs.chores import Chores
from backend.runs.driven import Driven
from backend.runs.execute import Asked
from backend.runs.housekeeping import Housekeeping
from backend.runs.rescue import say_lost
from observability.logs import get_logger
from storage.log import EventLog, LogUnavailable
from storage.runs import RunRecord, RunRow, Runs, ThreadBusy, ThreadWaits

_log = get_logger(__name__)

# How often it is looked whether a thread is free.
_LOOK_SECONDS = 0.2
# How long a run that is interrupted may take to end, wherever it goes.
_INTERRUPT_SECONDS = 15.0
# How many may wait for one thread.
_MOST_QUEUED = 20


class Opening:
    def __init__(self, driven: Driven, *, log: EventLog, runs: Runs, house: Housekeeping, chores: Chores) -> None:
        self._driven = driven
        self._event_log = log
        self._runs = runs
        self._house = house
        self._chores = chores

    async def open(self, asked: Asked) -> RunRecord:
        """Raises `RunExists`, `Busy`, `Waiting`, `ShuttingDown`, `LogGone`."""
        if self._driven.is_closing():
            raise ShuttingDown("No new runs are taken.", headers={"Retry-After": "5"})
        run_id = uuid4().hex
        with self._driven.opening(run_id):
            return await self._opened(asked, run_id)

    async def _opened(self, asked: Asked, run_id: str) -> RunRecord:
        try:
            record, queued, undone = await self._taken(asked, run_id)
        except ThreadWaits as error:
            raise Waiting(f"{error}. Resume it there, or use another thread.", agent=error.agent) from None
        try:
            await self._event_log.open(record.id)
            if undone is not None:
                asked = await self._rolled_back(asked, record, undone)
        except LogUnavailable:
            await self._runs.withdraw(record)
            raise LogGone("Nothing was started. Try again.", headers={"Retry-After": "5"}) from None
        except BaseException:
            await self._runs.withdraw(record)
            await self._event_log.end(record.id)
            raise
        if self._driven.is_closing():
            # While it waited for the thread, the server was told to end.
            await self._runs.withdraw(record)
            await self._event_log.end(record.id)
            raise ShuttingDown("No new runs are taken.", headers={"Retry-After": "5"})
        self._driven.launch(asked, record, queued=queued)
        return record

    async def _taken(self, asked: Asked, run_id: str) -> tuple[RunRecord, bool, RunRow | None]:
        """A row of the run, which has the thread or a place in its queue, and the run that has to be undone for it."""
        undone: RunRow | None = None
        busy = Busy(f"The thread {asked.thread!r} has a run that is going. Wait for its end, or stop it.")
        until = asyncio.get_running_loop().time() + _INTERRUPT_SECONDS
        while True:
            if self._driven.is_closing():
                raise ShuttingDown("No new runs are taken.", headers={"Retry-After": "5"})
            try:
                return await self._row(asked, run_id, queued=False), False, undone
            except ThreadBusy:
                if asked.multitask == "reject" or asyncio.get_running_loop().time() > until:
                    raise busy from None
                if asked.multitask == "enqueue":
                    if await self._runs.queued(asked.caller, asked.thread) >= _MOST_QUEUED:
                        raise busy from None
                    return await self._row(asked, run_id, queued=True), True, None
            going = await self._runs.going(asked.caller, asked.thread)
            if going is not None:
                undone = going if asked.multitask == "rollback" else None
                if await self._runs.end_expired(going.id):
                    # Its process is gone: nobody would stop it before it is recovered.
                    self._chores.begin(say_lost(self._event_log, going.id), f"end of {going.id}")
                else:
                    await self._driven.stop(going)
            else:
                await asyncio.sleep(_LOOK_SECONDS)

    async def _row(self, asked: Asked, run_id: str, *, queued: bool) -> RunRecord:
        candidate = asked.candidate
        return await self._runs.open(
            asked.caller,
            thread=asked.thread,
            run=asked.run,
            agent=asked.served.agent.id,
            model=str(candidate.info.spec) if candidate else None,
            request=asked.digest,
            idempotency=asked.idempotency,
            asked=kept(asked),
            queued=queued,
            run_id=run_id,
        )

    async def _rolled_back(self, asked: Asked, record: RunRecord, undone: RunRow) -> Asked:
        """The same, from where the thread was before that run."""
        base = await asked.served.checkpoint_before(record.thread, undone.id)
        if base is None and await self._runs.is_first(undone):
            await self._house.forget(record.thread)
        elif base is None:
            # What was before it has been pruned: nothing of a thread is dropped that cannot be told to be of that run.
            _log.warning("run_not_rolled_back", run=undone.id)
        return replace(asked, turn=replace(asked.turn, base=base))
