import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import anyio

from backend.errors import Busy, RunIdTaken, ShuttingDown, Waiting
from backend.runs.dialect import Dialect
from backend.runs.execute import Asked, Execution, StopReason
from backend.runs.follow import frames
from observability.logs import get_logger
from observability.metrics import Metrics
from storage.database import StorageFailed
from storage.log import EventLog
from storage.runs import RunExists, Runs, ThreadBusy, ThreadWaits

_log = get_logger(__name__)

# How often a task that has been cancelled and goes on is cancelled again.
_INSIST_SECONDS = 0.5
_STOP_SECONDS = 5.0


@dataclass(slots=True)
class LiveRun:
    id: str
    execution: Execution
    task: asyncio.Task[None]
    # Whether the reader that opened it has gone.
    left: bool = False

    def stop(self, reason: StopReason) -> None:
        self.execution.stop(self.task, reason)


class LiveRuns:
    """The runs that this process drives."""

    def __init__(self, *, log: EventLog, runs: Runs, metrics: Metrics, grace: float, lease: float) -> None:
        self._event_log = log
        self._runs = runs
        self._metrics = metrics
        self._grace = grace
        self._lease = lease
        self._live: dict[str, LiveRun] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._closing = False
        # Set by whoever hears first that the server is to stop; streams are open then, and have to be ended.
        self.exit = anyio.Event()

    def start(self) -> None:
        self._begin(self._beat(), "heartbeat")
        self._begin(self._drain_at_exit(), "exit")

    async def open(self, asked: Asked) -> LiveRun:
        """Takes the thread and starts the run. Raises `Busy`, `Waiting`, `RunIdTaken`, `ShuttingDown`."""
        if self._closing:
            raise ShuttingDown("No new runs are taken.", headers={"Retry-After": "5"})
        agent, candidate = asked.served.agent.id, asked.candidate
        model = str(candidate.info.spec) if candidate else None
        try:
            record = await self._runs.open(asked.caller, thread=asked.thread, run=asked.run, agent=agent, model=model)
        except ThreadBusy:
            raise Busy(f"The thread {asked.thread!r} has a run that is going. Wait for its end, or stop it.") from None
        except ThreadWaits as error:
            raise Waiting(f"{error}. Resume it there, or use another thread.", agent=error.agent) from None
        except RunExists:
            raise RunIdTaken(f"The run id {asked.run!r} was used before. Every run needs its own.") from None
        await self._event_log.open(record.id)
        execution = Execution(asked, record, log=self._event_log, runs=self._runs, metrics=self._metrics)
        live = LiveRun(record.id, execution, asyncio.create_task(execution.drive(), name=f"run {record.id}"))
        self._live[record.id] = live
        live.task.add_done_callback(lambda task: self._ended(live))
        return live

    def _ended(self, live: LiveRun) -> None:
        del self._live[live.id]
        if not live.task.cancelled() and (error := live.task.exception()) is not None:
            _log.error("run_not_settled", run=live.id, exc_info=error)

    async def stream(self, live: LiveRun, dialect: Dialect) -> AsyncIterator[bytes]:
        """The run's frames for the reader that opened it. The reader's leaving stops the run."""
        self._metrics.streams.inc()
        try:
            async for written in frames(self._event_log.read(live.id), dialect):
                yield written
        finally:
            self._metrics.streams.dec()
            await self.leave(live)

    async def leave(self, live: LiveRun) -> None:
        """Says that the reader has gone; also one that went before it heard anything. May be said twice."""
        if not live.left:
            live.left = True
            self._begin(self._left(live), f"after {live.id}")

    async def _left(self, live: LiveRun) -> None:
        await self._stopped(live, "cancelled")
        await self._event_log.forget(live.id)

    async def _stopped(self, live: LiveRun, reason: StopReason) -> None:
        """Comes back when the run has ended. A cancel can be swallowed on its way (python/cpython#86296): insist."""
        while not live.task.done():
            live.stop(reason)
            await asyncio.wait({live.task}, timeout=_INSIST_SECONDS)

    def _begin(self, chore: "asyncio._CoroutineLike[None]", name: str) -> None:
        task = asyncio.create_task(chore, name=name)
        self._chores.add(task)
        task.add_done_callback(self._done)

    def _done(self, chore: asyncio.Task[None]) -> None:
        self._chores.discard(chore)
        if not chore.cancelled() and (error := chore.exception()) is not None:
            _log.error("chore_failed", chore=chore.get_name(), exc_info=error)

    async def _beat(self) -> None:
        """Keeps the lease on the runs of this process, and ends those whose process is gone."""
        while True:
            try:
                if self._live:
                    await self._runs.beat(list(self._live))
                if lost := await self._runs.end_lost():
                    _log.warning("runs_lost", count=lost)
            except StorageFailed as error:
                # Tried again in a moment; a lease outlives two beats that fail.
                _log.warning("heartbeat_failed", error=str(error))
            await asyncio.sleep(self._lease / 3)

    async def _drain_at_exit(self) -> None:
        await self.exit.wait()
        await self.drain()

    async def drain(self) -> None:
        """No new runs; those that go get the grace, and are then ended in words."""
        self._closing = True
        going = list(self._live.values())
        if going:
            _log.info("draining", runs=len(going), grace=self._grace)
            await asyncio.wait({live.task for live in going}, timeout=self._grace)
            await asyncio.gather(*(self._stopped(live, "shutting_down") for live in going))

    async def aclose(self) -> None:
        try:
            async with asyncio.timeout(self._grace + _STOP_SECONDS):
                await self.drain()
        finally:
            chores = list(self._chores)
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
