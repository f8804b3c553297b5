"""What is done for a thread beside its runs. None of it ever fails a run."""

import asyncio
from collections.abc import Sequence

from langchain_core.messages import BaseMessage

from agents.reflections import Reflections
from agents.titles import Titles
from observability.logs import get_logger
from observability.tracing import Who
from storage.artifacts import Artifacts
from storage.caller import Caller
from storage.checkpoints import Checkpoints
from storage.database import StorageFailed
from storage.runs import RunRecord
from storage.threads import Threads

_log = get_logger(__name__)

_SWEEP_SECONDS = 3600.0


class Housekeeping:
    def __init__(
        self,
        *,
        titles: Titles,
        reflections: Reflections,
        threads: Threads,
        artifacts: Artifacts,
        checkpoints: Checkpoints,
        keep: int,
    ) -> None:
        self._titles = titles
        self._reflections = reflections
        self._threads = threads
        self._artifacts = artifacts
        self._checkpoints = checkpoints
        # How many checkpoints of a thread are kept; 0 is all.
        self._keep = keep

    async def prune(self, run: RunRecord) -> None:
        """To be called while the run still has its thread."""
        if self._keep:
            try:
                await self._checkpoints.prune(run.thread, keep=self._keep)
            except StorageFailed as error:
                _log.warning("checkpoints_not_pruned", error=str(error))

    async def forget(self, thread: str) -> None:
        """Drops all that a thread remembers. Raises `StorageFailed`."""
        await self._checkpoints.forget(thread)

    async def entitle(self, caller: Caller, run: RunRecord, messages: Sequence[BaseMessage], who: Who) -> None:
        await self._titles.title(caller, run.thread, messages, who)

    async def reflect(self, caller: Caller, run: str, messages: Sequence[BaseMessage], who: Who) -> None:
        await self._reflections.reflect(caller, run, messages, who)

    async def sweep(self) -> None:
        """Now and then, for as long as the process lives."""
        while True:
            try:
                await self._threads.sweep()
                await self._artifacts.sweep()
            except StorageFailed as error:
                _log.warning("sweep_failed", error=str(error))
            await asyncio.sleep(_SWEEP_SECONDS)
