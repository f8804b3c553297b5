import asyncio
from collections.abc import Sequence

from langchain_core.messages import BaseMessage

from agents.spans import heard
from graphs.reflection.reflection import Note, Reflector
from llm.context import CallContext, calling
from llm.errors import ModelError, NoModel
from llm.factory import ModelFactory
from observability.logs import get_logger
from observability.tracing import Tracing, Who, tracing
from storage.caller import Caller
from storage.database import StorageFailed
from storage.memories import Memories, NoMemory, TooManyMemories

_log = get_logger(__name__)

_PROFILE = "fast"
# It is the smallest there is, and notes what nobody said.
_TOO_SMALL = "embedded"
_PATIENCE = 30.0
_AT_ONCE = 2


class Reflections:
    """Notes beside everything else what is worth remembering of a person."""

    def __init__(
        self,
        models: ModelFactory,
        memories: Memories,
        traced: Tracing,
        *,
        enabled: bool,
        patience: float = _PATIENCE,
    ) -> None:
        self._models = models
        self._traced = traced
        self._memories = memories
        self._enabled = enabled
        self._patience = patience
        self._reflector = Reflector()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def reflect(self, caller: Caller, run: str, messages: Sequence[BaseMessage], who: Who) -> None:
        """Whatever a model or the database does, it comes back without an error, and soon. `run` is the client's id."""
        if not self._enabled:
            return
        try:
            known = [memory.text for memory in await self._memories.recalled(caller)]
            for note in await self._noted(caller, messages, known, who):
                await self._memories.add(caller, note.kind, note.text, source=run)
        except TooManyMemories:
            _log.info("memories_full")
        except (StorageFailed, NoMemory) as error:
            _log.warning("memory_not_kept", error=str(error))

    async def _noted(
        self, caller: Caller, messages: Sequence[BaseMessage], known: Sequence[str], who: Who
    ) -> Sequence[Note]:
        try:
            async with asyncio.timeout(self._patience), self._turns:
                candidate = await self._models.candidate(profile=_PROFILE, without=_TOO_SMALL)
                context = CallContext(caller.tenant, caller.user)
                with calling(context), tracing(self._traced, who, "reflection", "run"), heard():
                    return await self._reflector.notes(candidate, messages, known)
        except (ModelError, NoModel, TimeoutError) as error:
            _log.info("nothing_reflected", reason=str(error) or type(error).__name__)
            return ()
