import asyncio
from collections.abc import Sequence

from langchain_core.messages import BaseMessage

from agents.tracing_callbacks import traced_callbacks
from graphs.reflection.reflection import Note, Reflector
from llm.context import CallContext, use_call_context
from llm.errors import ModelError, NoModelAvailable
from llm.factory import ModelFactory
from observability.logs import get_logger
from observability.tracing import TraceSubject, Tracing, trace_run
from storage.caller import Caller
from storage.database import StorageFailed
from storage.memories import InvalidMemory, Memories, TooManyMemories

_log = get_logger(__name__)

_PROFILE = "fast"
# It is the smallest there is, and notes what nobody said.
_TOO_SMALL = "embedded"
_TIMEOUT_SECONDS = 30.0
_MAX_CONCURRENT = 2


class MemoryExtraction:
    """Notes beside everything else what is worth remembering of a person."""

    def __init__(
        self,
        models: ModelFactory,
        memories: Memories,
        tracer: Tracing,
        *,
        enabled: bool,
        timeout: float = _TIMEOUT_SECONDS,
    ) -> None:
        self._models = models
        self._traced = tracer
        self._memories = memories
        self._enabled = enabled
        self._patience = timeout
        self._reflector = Reflector()
        self._turns = asyncio.Semaphore(_MAX_CONCURRENT)

    async def extract_memories(
        self, caller: Caller, run: str, messages: Sequence[BaseMessage], subject: TraceSubject
    ) -> None:
        """Whatever a model or the database does, it comes back without an error, and soon. `run` is the client's id."""
        if not self._enabled:
            return
        try:
            known = [memory.text for memory in await self._memories.recall(caller)]
            for note in await self._extract_notes(caller, messages, known, subject):
                await self._memories.add(caller, note.kind, note.text, run_id=run)
        except TooManyMemories:
            _log.info("memory_limit_reached")
        except (StorageFailed, InvalidMemory) as error:
            _log.warning("memory_not_saved", error=str(error))

    async def _extract_notes(
        self, caller: Caller, messages: Sequence[BaseMessage], known: Sequence[str], subject: TraceSubject
    ) -> Sequence[Note]:
        try:
            async with asyncio.timeout(self._patience), self._turns:
                models = await self._models.select(profile=_PROFILE, without=_TOO_SMALL)
                context = CallContext(caller.tenant, caller.user)
                with (
                    use_call_context(context),
                    trace_run(self._traced, subject, "reflection", "run"),
                    traced_callbacks(),
                ):
                    return await self._reflector.notes(models, messages, known)
        except (ModelError, NoModelAvailable, TimeoutError) as error:
            _log.info("memory_extraction_failed", reason=str(error) or type(error).__name__)
            return ()
