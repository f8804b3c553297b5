"""How many calls a provider is sent at once, and whose turn it is."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from llm.context import call_context
from llm.errors import Overloaded
from llm.wrappers.timeouts import DEADLINE
from llm.wrappers.wrapper import ModelWrapper


@dataclass(frozen=True, slots=True)
class ConcurrencySettings:
    """`in_flight` calls at once, `waiting` more in the queue, each for `patience` seconds at most."""

    max_concurrent: int = 64
    max_queued: int = 256
    queue_timeout_seconds: float = 30.0


@dataclass(eq=False, slots=True)
class _Waiting:
    tenant: str
    turn: asyncio.Future[None]


class ConcurrencyLimiter:
    """One provider's calls in this process. The tenant with the fewest under way comes first; then who came first.

    A queue that is full takes a tenant's next call all the same while another tenant has more waiting: the newest of
    that one's has to go.
    """

    def __init__(self, settings: ConcurrencySettings, on_wait: Callable[[float], None] = lambda seconds: None) -> None:
        self._settings = settings
        # Told how long each call waited for its turn.
        self._waited = on_wait
        self._under_way: dict[str, int] = {}
        self._queue: deque[_Waiting] = deque()

    @property
    def active(self) -> int:
        return sum(self._under_way.values())

    @property
    def queued(self) -> int:
        return sum(not waiting.turn.done() for waiting in self._queue)

    def has_capacity(self, tenant: str) -> bool:
        """Whether a call of this tenant's would be sent or queued now."""
        return self._is_free() or self.queued < self._settings.max_queued or self._is_outranked(tenant) is not None

    @property
    def resume_after_wait(self) -> float:
        """Seconds after which somebody who was sent away may try again."""
        return max(1.0, self._settings.queue_timeout_seconds / 4)

    @asynccontextmanager
    async def acquire(self, tenant: str, *, deadline: float | None = None) -> AsyncIterator[None]:
        """Holds one of the places; waits for it until `until` (of the monotonic clock) at most. Raises `Overloaded`."""
        began = monotonic()
        await self._enter(tenant, deadline)
        self._waited(monotonic() - began)
        try:
            yield
        finally:
            self._leave(tenant)

    def _is_free(self) -> bool:
        return self.active < self._settings.max_concurrent

    async def _enter(self, tenant: str, deadline: float | None) -> None:
        if self._is_free() and not self._queue:
            self._count(tenant, 1)
            return
        waiting = self._enqueue(tenant)
        patience = self._settings.queue_timeout_seconds
        if deadline is not None:
            patience = min(patience, deadline - monotonic())
        try:
            async with asyncio.timeout(patience):
                await waiting.turn
        except BaseException as error:
            if waiting in self._queue:
                self._queue.remove(waiting)
            elif waiting.turn.done() and not waiting.turn.cancelled() and waiting.turn.exception() is None:
                # The turn came in the same moment as the end of waiting: somebody else's now.
                self._leave(tenant)
            if isinstance(error, TimeoutError):
                raise self._overloaded() from None
            raise

    def _enqueue(self, tenant: str) -> _Waiting:
        if self.queued >= self._settings.max_queued:
            outvoted = self._is_outranked(tenant)
            if outvoted is None:
                raise self._overloaded()
            self._queue.remove(outvoted)
            outvoted.turn.set_exception(self._overloaded())
        waiting = _Waiting(tenant, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        return waiting

    def _is_outranked(self, tenant: str) -> _Waiting | None:
        """The newest of the tenant who has most waiting, if that is more than one above this one's."""
        counts: dict[str, int] = {}
        # Who has stopped waiting may still stand there for a moment.
        still = [waiting for waiting in self._queue if not waiting.turn.done()]
        for waiting in still:
            counts[waiting.tenant] = counts.get(waiting.tenant, 0) + 1
        most = max(counts, key=lambda name: counts[name], default=None)
        if most is None or counts[most] <= counts.get(tenant, 0) + 1:
            return None
        return next(waiting for waiting in reversed(still) if waiting.tenant == most)

    def _leave(self, tenant: str) -> None:
        self._count(tenant, -1)
        while self._queue and self._is_free():
            following = min(self._queue, key=lambda waiting: self._under_way.get(waiting.tenant, 0))
            self._queue.remove(following)
            if not following.turn.done():
                self._count(following.tenant, 1)
                following.turn.set_result(None)

    def _count(self, tenant: str, more: int) -> None:
        now = self._under_way.get(tenant, 0) + more
        if now:
            self._under_way[tenant] = now
        else:
            del self._under_way[tenant]

    def _overloaded(self) -> Overloaded:
        return Overloaded("The server is overloaded.", retry_after=self.resume_after_wait)


class LimitedModel(ModelWrapper):
    """A model that is called only when its provider's gate lets the call through."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    limiter: ConcurrencyLimiter

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        stream = self.inner._astream(messages, stop, **kwargs)
        async with (
            self.limiter.acquire(call_context().tenant, deadline=kwargs.get(DEADLINE)),
            aclosing(stream),  # type: ignore[type-var]  # an async generator, typed as an iterator
        ):
            async for chunk in stream:
                yield chunk

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        async with self.limiter.acquire(call_context().tenant, deadline=kwargs.get(DEADLINE)):
            return await self.inner._agenerate(messages, stop, **kwargs)
