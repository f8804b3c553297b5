import asyncio
from collections.abc import Sequence

from langchain_core.messages import BaseMessage

from agents.spans import heard
from graphs.title.title import Titler
from graphs.title.wording import first_words
from llm.context import CallContext, calling
from llm.errors import ModelError, NoModel
from llm.factory import ModelFactory
from observability.logs import get_logger
from observability.tracing import Tracing, Who, tracing
from storage.caller import Caller
from storage.database import StorageFailed
from storage.threads import Threads

_log = get_logger(__name__)

_PROFILE = "fast"
# Seconds that a title may take, the wait for its turn included; then the first words have to do.
_PATIENCE = 20.0
_AT_ONCE = 2


class Titles:
    """Names threads that have no name, beside everything else."""

    def __init__(
        self,
        models: ModelFactory,
        threads: Threads,
        traced: Tracing,
        *,
        enabled: bool,
        patience: float = _PATIENCE,
    ) -> None:
        self._models = models
        self._traced = traced
        self._threads = threads
        self._enabled = enabled
        self._patience = patience
        self._titler = Titler()
        self._making: set[str] = set()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def title(self, caller: Caller, thread: str, messages: Sequence[BaseMessage], who: Who) -> None:
        """Gives a thread, known by its internal id, a title, unless it has one or one is being made.

        Whatever a model or the database does, it comes back without an error, and soon.
        """
        if not self._enabled or thread in self._making:
            return
        self._making.add(thread)
        try:
            if not await self._threads.untitled(caller, thread):
                return
            title = await self._made(caller, messages, who) or first_words(messages)
            if title is not None:
                await self._threads.entitle(caller, thread, title)
        except StorageFailed as error:
            _log.warning("title_not_kept", error=str(error))
        finally:
            self._making.discard(thread)

    async def _made(self, caller: Caller, messages: Sequence[BaseMessage], who: Who) -> str | None:
        try:
            async with asyncio.timeout(self._patience), self._turns:
                candidate = await self._models.candidate(profile=_PROFILE)
                # It belongs to no run: it neither spends what a run may, nor is it told with it.
                context = CallContext(caller.tenant, caller.user)
                with calling(context), tracing(self._traced, who, "title", "run"), heard():
                    return await self._titler.title(candidate.model, messages)
        except (ModelError, NoModel, TimeoutError) as error:
            _log.info("title_not_made", reason=str(error) or type(error).__name__)
            return None
