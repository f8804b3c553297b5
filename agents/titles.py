import asyncio
from collections.abc import Sequence

from langchain_core.messages import BaseMessage

from agents.tracing_callbacks import traced_callbacks
from graphs.title.title import Titler
from graphs.title.wording import first_words
from llm.context import CallContext, use_call_context
from llm.errors import ModelError, NoModelAvailable
from llm.factory import ModelFactory
from observability.logs import get_logger
from observability.tracing import TraceSubject, Tracing, trace_run
from storage.caller import Caller
from storage.database import StorageFailed
from storage.threads import Threads

_log = get_logger(__name__)

_PROFILE = "fast"
# Seconds that a title may take, the wait for its turn included; then the first words have to do.
_TIMEOUT_SECONDS = 20.0
_MAX_CONCURRENT = 2


class TitleGenerator:
    """Names threads that have no name, beside everything else."""

    def __init__(
        self,
        models: ModelFactory,
        threads: Threads,
        tracer: Tracing,
        *,
        enabled: bool,
        timeout: float = _TIMEOUT_SECONDS,
    ) -> None:
        self._models = models
        self._traced = tracer
        self._threads = threads
        self._enabled = enabled
        self._patience = timeout
        self._titler = Titler()
        self._making: set[str] = set()
        self._turns = asyncio.Semaphore(_MAX_CONCURRENT)

    async def generate_title(
        self, caller: Caller, thread: str, messages: Sequence[BaseMessage], subject: TraceSubject
    ) -> None:
        """Gives a thread, known by its internal id, a title, unless it has one or one is being made.

        Whatever a model or the database does, it comes back without an error, and soon.
        """
        if not self._enabled or thread in self._making:
            return
        self._making.add(thread)
        try:
            if not await self._threads.has_no_title(caller, thread):
                return
            title = await self._ask_model(caller, messages, subject) or first_words(messages)
            if title is not None:
                await self._threads.set_generated_title(caller, thread, title)
        except StorageFailed as error:
            _log.warning("title_not_saved", error=str(error))
        finally:
            self._making.discard(thread)

    async def _ask_model(self, caller: Caller, messages: Sequence[BaseMessage], subject: TraceSubject) -> str | None:
        try:
            async with asyncio.timeout(self._patience), self._turns:
                models = await self._models.select(profile=_PROFILE)
                # It belongs to no run: it neither spends what a run may, nor is it told with it.
                context = CallContext(caller.tenant, caller.user)
                with use_call_context(context), trace_run(self._traced, subject, "title", "run"), traced_callbacks():
                    return await self._titler.title(models.model, messages)
        except (ModelError, NoModelAvailable, TimeoutError) as error:
            _log.info("title_generation_failed", reason=str(error) or type(error).__name__)
            return None
