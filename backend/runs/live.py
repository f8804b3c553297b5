import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic
from typing import Any

import anyio

from artifacts.desk import Desk
from backend.errors import Busy, LogGone, RunIdTaken, ShuttingDown, Waiting
from backend.runs.again import Heirs, kept
from backend.runs.dialect import Dialect
from backend.runs.execute import Asked, Execution, StopReason
from backend.runs.fold import Message, closing, fold
from backend.runs.follow import frames
from backend.runs.housekeeping import Housekeeping
from observability.logs import get_logger
from observability.metrics import Metrics
from observability.tracing import Tracing
from storage.caller import Caller
from storage.database import StorageFailed
from storage.lease import Lease
from storage.log import Batch, Entry, EventLog, LogUnavailable, Position, UnknownLog
from storage.runs import LostRun, RunExists, RunRecord, RunRow, Runs, ThreadBusy, ThreadWaits

_log = get_logger(__name__)

# How often a task that has been cancelled and goes on is cancelled again.
_INSIST_SECONDS = 0.5
_STOP_SECONDS = 5.0
# How often it is looked whether a thread is free, and whether somebody elsewhere wants a run of ours to stop.
_LOOK_SECONDS = 0.2
# How long a run that is interrupted may take to end, wherever it goes.
_INTERRUPT_SECONDS = 15.0

# How many may wait for one thread.
_MOST_QUEUED = 20

_INTERRUPTED = "The process that drove this run has gone. Please send the message again."


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


# By caller, the thread's internal id and the client's name of the run.
Desks = Callable[[Caller, str, str], Desk]


class LiveRuns:
    """The runs that this process drives, and the readers of any."""

    def __init__(
        self,
        *,
        log: EventLog,
        runs: Runs,
        metrics: Metrics,
        grace: float,
        lease: Lease,
        alone: bool,
        house: Housekeeping,
        heirs: Heirs,
        attempts: int,
        desks: Desks,
        tracing: Tracing,
    ) -> None:
        self._event_log = log
        self._runs = runs
        self._metrics = metrics
        self._grace = grace
        self._lease = lease
        # Whether no other process can be asked to stop a run of ours.
        self._alone = alone
        self._house = house
        self._heirs = heirs
        self._attempts = attempts
        self._desks = desks
        self._tracing = tracing
        self._live: dict[str, LiveRun] = {}
        # Runs of processes that are gone, on their way to be driven here: theirs is the lease already.
        self._taking: set[str] = set()
        self._chores: set[asyncio.Task[None]] = set()
        self._closing = False
        # Set by whoever hears first that the server is to stop; streams are open then, and have to be ended.
        self.exit = anyio.Event()

    def start(self) -> None:
        self._lease.renewed_by(self._keep_own)
        self._begin(self._beat(), "heartbeat")
        self._begin(self._rescue(), "rescue")
        self._begin(self._drain_at_exit(), "exit")
        self._begin(self._house.sweep(), "sweep")
        if not self._alone:
            self._begin(self._heed(), "stops")

    async def open(self, asked: Asked) -> Reader:
        """Starts the run, or finds the same one that was started before; its reader.

        Raises `Busy`, `Waiting`, `RunIdTaken`, `ShuttingDown`, `LogGone`.
        """
        if self._closing:
            raise ShuttingDown("No new runs are taken.", headers={"Retry-After": "5"})
        try:
            record, queued, undone = await self._taken(asked)
        except RunExists as error:
            if asked.digest is None or error.row.request != asked.digest:
                raise RunIdTaken(f"The run id {asked.run!r} was used before. Every run needs its own.") from None
            return await self._attached(error.row, posted=True)
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
        for run in record.lost:
            self._begin(self._say_lost(run), f"end of {run}")
        if self._is_closing():
            # While it waited for the thread, the server was told to end.
            await self._runs.withdraw(record)
            await self._event_log.end(record.id)
            raise ShuttingDown("No new runs are taken.", headers={"Retry-After": "5"})
        self._launch(asked, record, queued=queued)
        return self._reader(record.id, asked.served.agent.id, record.thread, posted=True)

    async def _taken(self, asked: Asked) -> tuple[RunRecord, bool, RunRow | None]:
        """A row of the run, which has the thread or a place in its queue, and the run that has to be undone for it."""
        undone: RunRow | None = None
        busy = Busy(f"The thread {asked.thread!r} has a run that is going. Wait for its end, or stop it.")
        until = asyncio.get_running_loop().time() + _INTERRUPT_SECONDS
        while True:
            try:
                return await self._row(asked, queued=False), False, undone
            except ThreadBusy:
                if asked.multitask == "reject" or asyncio.get_running_loop().time() > until:
                    raise busy from None
                if asked.multitask == "enqueue":
                    if await self._runs.queued(asked.caller, asked.thread) >= _MOST_QUEUED:
                        raise busy from None
                    return await self._row(asked, queued=True), True, None
            going = await self._runs.going(asked.caller, asked.thread)
            if going is not None:
                undone = going if asked.multitask == "rollback" else None
                await self._stop_row(going)
            else:
                await asyncio.sleep(_LOOK_SECONDS)

    async def _rolled_back(self, asked: Asked, record: RunRecord, undone: RunRow) -> Asked:
        """The same, from where the thread was before that run."""
        base = await asked.served.before(record.thread, undone.created_at)
        if base is None and await self._runs.is_first(undone):
            await self._house.forget(record.thread)
        elif base is None:
            # What was before it has been pruned: nothing of a thread is dropped that cannot be told to be of that run.
            _log.warning("run_not_rolled_back", run=undone.id)
        return replace(asked, turn=replace(asked.turn, base=base))

    async def _row(self, asked: Asked, *, queued: bool) -> RunRecord:
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
        )

    def _launch(self, asked: Asked, record: RunRecord, *, queued: bool = False, begun: bool = False) -> None:
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
            its_turn=partial(self._its_turn, record) if queued else None,
            begun=begun,
        )
        task = asyncio.create_task(execution.drive(), name=f"run {record.id}")
        live = self._live[record.id] = LiveRun(record.id, record.thread, execution, task, asked)
        self._lease.take(record.thread)
        task.add_done_callback(lambda _: self._ended(live, record))

    async def _its_turn(self, record: RunRecord) -> None:
        # Another process may have the thread: nothing here would tell.
        while not await self._begun(record):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)

    async def _begun(self, record: RunRecord) -> bool:
        try:
            return await self._runs.begin(record)
        except StorageFailed as error:
            _log.warning("turn_not_looked_for", error=str(error))
            return False

    def _ended(self, live: LiveRun, record: RunRecord) -> None:
        del self._live[live.id]
        if live.execution.left and not self._closing:
            told = self._house.entitle(live.asked.caller, record, live.execution.left)
            self._begin(told, f"title of {record.thread}")
            if live.asked.served.agent.reflects:
                noted = self._house.reflect(live.asked.caller, live.asked.run, live.execution.left)
                self._begin(noted, f"reflection on {record.id}")
        if not live.task.cancelled() and (error := live.task.exception()) is not None:
            _log.error("run_not_settled", run=live.id, exc_info=error)

    async def attach(self, row: RunRow, after: Position | None) -> Reader:
        """A reader of a run that was found. Raises `LogGone` where its log is kept no more."""
        return await self._attached(row, posted=False, after=after)

    async def _attached(self, row: RunRow, *, posted: bool, after: Position | None = None) -> Reader:
        try:
            kept = await self._event_log.has(row.id)
        except LogUnavailable:
            raise LogGone("The run's log cannot be read now.", headers={"Retry-After": "5"}) from None
        if not kept:
            raise LogGone("The run has ended, and its log is kept no more. Its thread has what was said.")
        return self._reader(row.id, row.agent, row.thread_id, posted=posted, after=after)

    async def join(self, row: RunRow) -> Reader:
        """A reader of a run as it stands, with the messages of its thread before it."""
        before = await self._heirs.said(row.agent, row.thread_id)
        reader = await self._attached(row, posted=False)
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

    def _reader(self, run: str, agent: str, thread: str, *, posted: bool, after: Position | None = None) -> Reader:
        if (live := self._live.get(run)) is not None:
            live.readers += 1
            if live.leaving is not None:
                live.leaving.cancel()
        return Reader(run, posted, after, said=partial(self._heirs.said, agent, thread))

    async def forget(self, runs: Sequence[str]) -> None:
        """Drops what is kept of runs whose thread is gone."""
        try:
            await self._event_log.forget(runs)
        except LogUnavailable:
            # They go by themselves after a while.
            _log.warning("run_logs_not_dropped", runs=len(runs))

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
        self._metrics.streams.inc()
        try:
            async for told in frames(self._batches(reader), dialect):
                handed = monotonic()
                yield told
                self._metrics.reader_lag_seconds.observe(monotonic() - handed)
        finally:
            self._metrics.streams.dec()
            await self.leave(reader)

    async def _batches(self, reader: Reader) -> AsyncIterator[Batch]:
        after = reader.after
        if reader.before and after is not None:
            yield Batch(after.incarnation, [Entry(after.number, event) for event in reader.before], folded=True)
        try:
            async for batch in self._event_log.read(reader.run, after):
                yield await _whole(batch, reader) if batch.folded else batch
        except UnknownLog:
            # Its thread was deleted meanwhile.
            return
        except LogUnavailable:
            # The reader comes back from where it was; to make up an end would be to lie.
            _log.warning("reader_lost_log", run=reader.run)

    async def leave(self, reader: Reader) -> None:
        """Says that a reader has gone; also one that went before it heard anything. May be said twice."""
        live = self._live.get(reader.run)
        if reader.left or live is None:
            return
        reader.left = True
        live.readers -= 1
        policy = live.asked.on_disconnect
        # Who came by GET takes nothing along; where there is a grace, it is given anew to whoever was to come back.
        takes_along = policy != "continue" if reader.posted else isinstance(policy, float)
        if takes_along and live.readers == 0:
            grace = policy if isinstance(policy, float) else 0.0
            live.leaving = self._begin(self._left(live, grace), f"after {live.id}")

    async def _left(self, live: LiveRun, grace: float) -> None:
        while live.readers == 0:
            await asyncio.sleep(grace)
            if not await self._event_log.is_read_elsewhere(live.id):
                break
            if not grace:
                # Who reads there came by GET, and takes nothing along.
                return
        if live.readers == 0:
            await self._stopped(live, "cancelled")

    async def cancel(self, caller: Caller, row: RunRow) -> None:
        """Comes back when the run has ended, wherever it goes, or its process does not answer."""
        until = asyncio.get_running_loop().time() + _STOP_SECONDS
        found: RunRow | None = row
        while found is not None and found.goes and asyncio.get_running_loop().time() < until:
            await self._stop_row(found)
            found = await self._runs.find(caller, row.key)

    async def _stop_row(self, row: RunRow) -> None:
        if (live := self._live.get(row.id)) is not None:
            await self._stopped(live, "cancelled")
            return
        await self._runs.ask_to_stop(row)
        await asyncio.sleep(_LOOK_SECONDS)

    async def _heed(self) -> None:
        """Stops the runs of this process that others have asked to stop."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                asked = await self._runs.asked_to_stop(list(self._live)) if self._live else ()
            except StorageFailed:
                continue
            for run in asked:
                if (live := self._live.get(run)) is not None:
                    live.stop("cancelled")

    async def _stopped(self, live: LiveRun, reason: StopReason) -> None:
        """Comes back when the run has ended. A cancel can be swallowed on its way (python/cpython#86296): insist."""
        while not live.task.done():
            live.stop(reason)
            await asyncio.wait({live.task}, timeout=_INSIST_SECONDS)

    def _begin(self, chore: "asyncio._CoroutineLike[None]", name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(chore, name=name)
        self._chores.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, chore: asyncio.Task[None]) -> None:
        self._chores.discard(chore)
        if not chore.cancelled() and (error := chore.exception()) is not None:
            _log.error("chore_failed", chore=chore.get_name(), exc_info=error)

    async def _beat(self) -> None:
        """Keeps the lease on the runs of this process."""
        while True:
            try:
                await self._keep_own()
            except StorageFailed as error:
                # Tried again in a moment; a lease outlives two beats that fail.
                _log.warning("heartbeat_failed", error=str(error))
            await asyncio.sleep(self._lease.seconds / 3)

    async def _rescue(self) -> None:
        """Goes on with runs whose process is gone, or ends them. A loop of its own: no beat waits for it."""
        while True:
            # What a process that is told to end leaves behind, the next one goes on with: neither it nor a neighbour
            # that is told the same ends it.
            if self._closing:
                return
            try:
                await self._rescued()
            except StorageFailed as error:
                _log.warning("rescue_failed", error=str(error))
            await asyncio.sleep(self._lease.seconds / 3)

    def _is_closing(self) -> bool:
        """Asked again behind an `await`."""
        return self._closing

    async def _rescued(self) -> None:
        for lost in await self._runs.claim_lost(self._attempts):
            self._taking.add(lost.row.id)
            self._begin(self._take_up(lost), f"taking up {lost.row.id}")
        if self._is_closing():
            return
        for run in await self._runs.end_lost(but=[*self._live, *self._taking], attempts=self._attempts):
            _log.warning("run_lost", run=run)
            self._begin(self._say_lost(run), f"end of {run}")

    async def _keep_own(self) -> None:
        own, asked_at = [*self._live, *self._taking], self._lease.now()
        kept_runs = set(await self._runs.beat(own) if own else ())
        for run in own:
            if run not in kept_runs and (live := self._live.get(run)) is not None:
                # We were thought dead, and another process drives it now.
                _log.warning("run_taken_over", run=run)
                self._lease.lose(live.thread)
                live.stop("lost")
        self._lease.renewed(asked_at)

    async def _take_up(self, lost: LostRun) -> None:
        try:
            await self._taken_up(lost)
        finally:
            self._taking.discard(lost.row.id)

    async def _taken_up(self, lost: LostRun) -> None:
        """Goes on with a run whose process is gone, in its log where that is still there."""
        record = RunRecord(lost.row.id, lost.row.thread_id)
        asked: Asked | None = None
        try:
            asked = await self._heirs.asked(lost)
        except Exception as error:  # noqa: BLE001  # somebody's graph is read here; whatever it is, the run has to end
            _log.warning("run_not_taken_up", run=record.id, exc_info=error)
        begun = await self._event_log.take_over(record.id)
        if not begun:
            await self._event_log.open(record.id)
        if asked is None:
            await self._say_interrupted(record.id)
            await self._runs.end(lost.caller, record, "error", error_code="interrupted")
            return
        if self._is_closing():
            # It has been left to the next one, with the others.
            return
        _, events = await self._event_log.folded(record.id)
        await self._event_log.append(record.id, list(closing(fold(events))))
        _log.warning("run_taken_up", run=record.id, attempt=lost.attempt)
        self._launch(asked, record, begun=begun)

    async def _say_lost(self, run: str) -> None:
        """Ends the log of a run whose process is gone, for those who still read it."""
        if await self._event_log.take_over(run):
            await self._say_interrupted(run)

    async def _say_interrupted(self, run: str) -> None:
        _, events = await self._event_log.folded(run)
        error = {"type": "RUN_ERROR", "message": _INTERRUPTED, "code": "interrupted"}
        await self._event_log.append(run, [*closing(fold(events)), error])
        await self._event_log.end(run)

    async def _drain_at_exit(self) -> None:
        await self.exit.wait()
        await self.drain()

    async def drain(self) -> None:
        """No new runs; those that go get the grace, and are then left for the next process to go on with."""
        self._closing = True
        going = list(self._live.values())
        if going:
            _log.info("draining", runs=len(going), grace=self._grace)
            await asyncio.wait({live.task for live in going}, timeout=self._grace)
        left = [live for live in going if not live.task.done()]
        if left or self._taking:
            await asyncio.gather(
                *(self._stopped(live, "shutting_down" if live.execution.waits else "left") for live in left)
            )
            await self._left_behind([*(live.id for live in left), *self._taking])
        await self._event_log.dismiss()

    async def _left_behind(self, runs: Sequence[str]) -> None:
        try:
            await self._runs.release(runs)
        except StorageFailed as error:
            # Their lease runs out by itself.
            _log.warning("runs_not_released", error=str(error))

    async def aclose(self) -> None:
        try:
            async with asyncio.timeout(self._grace + _STOP_SECONDS):
                await self.drain()
        finally:
            chores = list(self._chores)
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)


async def _whole(batch: Batch, reader: Reader) -> Batch:
    """What stands for a log's beginning, with what its thread had said before."""
    before = await reader.said() if reader.said is not None else ()
    events = fold(entry.event for entry in batch.entries).events(before)
    return replace(batch, entries=[Entry(batch.entries[-1].number, event) for event in events])
