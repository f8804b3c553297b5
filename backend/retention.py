"""What is deleted for its age."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

from observability.logs import get_logger
from storage.database import StorageFailed

_log = get_logger(__name__)

_EVERY_SECONDS = 3600.0

Sweep = Callable[[datetime], Awaitable[object]]


class Retention:
    """Sweeps each table of what began more days ago than it is kept; `sweeps` are by name, 0 days are for ever."""

    def __init__(self, sweeps: Mapping[str, tuple[Sweep, float]]) -> None:
        self._sweeps = {name: (sweep, timedelta(days=days)) for name, (sweep, days) in sweeps.items() if days}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="retention")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def sweep(self) -> None:
        for name, (sweep, age) in self._sweeps.items():
            try:
                await sweep(datetime.now(UTC) - age)
            except StorageFailed as error:
                _log.warning("retention_failed", table=name, error=str(error))

    async def _run(self) -> None:
        while True:
            await self.sweep()
            await asyncio.sleep(_EVERY_SECONDS)
