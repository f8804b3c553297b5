"""Opening, driving, rescue and readers, put together: what the API knows of runs."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import anyio

from backend.errors import RunIdTaken
from backend.runs.again import Heirs
from backend.runs.chores import Chores
from backend.runs.dialect import Dialect
from backend.runs.driven import Desks, Driven
from backend.runs.execute import Asked
from backend.runs.housekeeping import Housekeeping
from backend.runs.opening import Opening
from backend.runs.readers import Reader, Readers
from backend.runs.rescue import Rescue
from observability.logs import get_logger
from observability.metrics import Metrics
from observability.tracing import Tracing
from storage.caller import Caller
from storage.database import StorageFailed
from storage.lease import Lease
from storage.log import EventLog, LogUnavailable, Position
from storage.runs import RunExists, RunRow, Runs

_log = get_logger(__name__)

_STOP_SECONDS = 5.0
# Beyond the grace of runs: for those that are stopped to come to rest.
_REST_SECONDS = 2.0


class LiveRuns:
    """The runs that this process drives, and the readers of any; what these may ask is told in `Readers`."""

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
        idle_seconds: float,
        storage_timeout: float,
        desks: Desks,
        tracing: Tracing,
    ) -> None:
        self._event_log = log
        self._runs = runs
        self._grace = grace
        # Whether no other process can be asked to stop a run of ours.
        self._alone = alone
        self._house = house
        chores = self._chores = Chores()
        driven = self._driven = Driven(
            log=log,
            runs=runs,
            metrics=metrics,
            lease=lease,
            house=house,
            desks=desks,
            tracing=tracing,
            chores=chores,
            storage_timeout=storage_timeout,
        )
        self._opening = Opening(driven, log=log, runs=runs, house=house, chores=chores)
        self._readers = Readers(driven, log=log, heirs=heirs, metrics=metrics, chores=chores)
        self._rescue = Rescue(
            driven,
            log=log,
            runs=runs,
            lease=lease,
            heirs=heirs,
            attempts=attempts,
            idle_seconds=idle_seconds,
            chores=chores,
        )
        # Set by whoever hears first that the server is to stop; streams are open then, and have to be ended.
        self.exit = anyio.Event()
        self._draining: asyncio.Future[None] | None = None

    def start(self) -> None:
        self._rescue.start()
        self._chores.begin(self._drain_at_exit(), "exit")
        self._chores.begin(self._house.sweep(), "sweep")
        if not self._alone:
            self._chores.begin(self._driven.heed(), "stops")

    async def open(self, asked: Asked) -> Reader:
        """Starts the run, or finds the same one that was started before; its reader.

        Raises `Busy`, `Waiting`, `RunIdTaken`, `ShuttingDown`, `LogGone`.
        """
        try:
            record = await self._opening.open(asked)
        except RunExists as error:
            if asked.digest is None or error.row.request != asked.digest:
                raise RunIdTaken(f"The run id {asked.run!r} was used before. Every run needs its own.") from None
            return await self._readers.attach(error.row, posted=True)
        return self._readers.reader(record.id, asked.served.agent.id, record.thread, posted=True)

    async def attach(self, row: RunRow, after: Position | None) -> Reader:
        return await self._readers.attach(row, posted=False, after=after)

    async def join(self, row: RunRow) -> Reader:
        return await self._readers.join(row)

    def stream(self, reader: Reader, dialect: Dialect) -> AsyncIterator[bytes]:
        return self._readers.stream(reader, dialect)

    async def leave(self, reader: Reader) -> None:
        await self._readers.leave(reader)

    async def ended(self, run: str, within: float) -> Sequence[Mapping[str, Any]] | None:
        return await self._readers.ended(run, within)

    async def cancel(self, caller: Caller, row: RunRow) -> None:
        """Comes back when the run has ended, wherever it goes, or its process does not answer."""
        until = asyncio.get_running_loop().time() + _STOP_SECONDS
        found: RunRow | None = row
        while found is not None and found.goes and asyncio.get_running_loop().time() < until:
            await self._driven.stop(found)
            found = await self._runs.find(caller, row.key)

    async def forget(self, runs: Sequence[str]) -> None:
        """Drops what is kept of runs whose thread is gone."""
        try:
            await self._event_log.forget(runs)
        except LogUnavailable:
            # They go by themselves after a while.
            _log.warning("run_logs_not_dropped", runs=len(runs))

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
            await self._left_behind(runs)
        await self._event_log.dismiss()

    async def _left_behind(self, runs: Sequence[str]) -> None:
        try:
            await self._runs.release(runs)
        except StorageFailed as error:
            # Their lease runs out by itself.
            _log.warning("runs_not_released", error=str(error))

    async def aclose(self) -> None:
        try:
            async with asyncio.timeout(self._grace + _REST_SECONDS):
                await self.drain()
        finally:
            await self._chores.aclose()
