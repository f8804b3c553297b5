"""What is done for a thread beside its runs. None of it ever fails a run."""

import asyncio
from collections.abc import Sequence

from langchain_core.messages import BaseMessage

from agents.memory_extraction import MemoryExtraction
from agents.titles import TitleGenerator
from observability.logs import get_logger
from observability.tracing import TraceSubject
from storage.artifacts import Artifacts
from storage.caller import Caller
from storage.checkpoints import Checkpoints
from storage.database import StorageFailed
from storage.runs import RunRecord
from storage.threads import Threads

_log = get_logger(__name__)

_SWEEP_SECONDS = 3600.0


class FollowUp:
    def __init__(
        self,
        *,
        titles: TitleGenerator,
        memory_extraction: MemoryExtraction,
        threads: Threads,
        artifacts: Artifacts,
        checkpoints: Checkpoints,
        max_checkpoints: int,
    ) -> None:
        self._titles = titles
        self._reflections = memory_extraction
        self._threads = threads
        self._artifacts = artifacts
        self._checkpoints = checkpoints
        # How many checkpoints of a thread are kept; 0 is all.
        self._keep = max_checkpoints

    async def prune(self, run: RunRecord) -> None:
        """To be called while the run still has its thread."""
        if self._keep:
            try:
                await self._checkpoints.prune(run.thread, keep=self._keep)
            except StorageFailed as error:
                _log.warning("checkpoints_not_pruned", error=str(error))

    async def delete_thread(self, thread: str) -> None:
        """Drops all that a thread remembers. Raises `StorageFailed`."""
        await self._checkpoints.delete_thread(thread)

    async def generate_title(
        self, caller: Caller, run: RunRecord, messages: Sequence[BaseMessage], subject: TraceSubject
    ) -> None:
        await self._titles.generate_title(caller, run.thread, messages, subject)

    async def extract_memories(
        self, caller: Caller, run: str, messages: Sequence[BaseMessage], subject: TraceSubject
    ) -> None:
        await self._reflections.extract_memories(caller, run, messages, subject)

    async def sweep(self) -> None:
        """Now and then, for as long as the process lives."""
        while True:
            try:
                await self._threads.sweep()
                await self._artifacts.sweep()
            except StorageFailed as error:
                _log.warning("sweep_failed", error=str(error))
            await asyncio.sleep(_SWEEP_SECONDS)
