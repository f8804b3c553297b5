import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    stop_after_attempt,
    wait_random_exponential,
)
from tenacity.stop import stop_base

from llm.errors import CircuitOpen, ModelError
from llm.wrappers.open_stream import open_stream
from llm.wrappers.timeouts import DEADLINE
from llm.wrappers.wrapper import ModelWrapper
from observability.logs import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """`wait_least` and `wait_most` in seconds; `share` is how many retries a call earns."""

    max_attempts: int = 3
    min_wait_seconds: float = 1.0
    max_wait_seconds: float = 10.0
    budget_ratio: float = 0.2


class RetryBudget:
    """Retries as a share of calls: when everything fails, calls are not multiplied by their retries."""

    # What is there before anything has been earned, and what can be saved up.
    _MOST = 10.0

    def __init__(self, ratio: float) -> None:
        self._share = ratio
        self._saved = self._MOST

    def earn(self) -> None:
        self._saved = min(self._MOST, self._saved + self._share)

    def spend(self) -> bool:
        if self._saved < 1:
            return False
        self._saved -= 1
        return True


def _ignore(why: str) -> None:
    pass


class RetryModel(ModelWrapper):
    """A model that is asked again where that can help, as long as it has not begun to answer."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    settings: RetrySettings
    budget: RetryBudget
    # Told of each attempt after the first, with the reason of the error before it.
    on_retry: Callable[[str], None] = _ignore

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        heard: list[ChatGenerationChunk] = []
        stream: AsyncIterator[ChatGenerationChunk] | None = None
        failures = list[ModelError]()
        with _first_cause(failures):
            async for attempt in self._attempts(kwargs.get(DEADLINE, math.inf), failures):
                with attempt:
                    stream = self.inner._astream(messages, stop, **kwargs)
                    heard = await open_stream(stream)
        if stream is None:
            raise AssertionError("there is a first attempt")
        async with aclosing(stream):  # type: ignore[type-var]  # an async generator, typed as an iterator
            for chunk in heard:
                yield chunk
            async for chunk in stream:
                yield chunk

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        result: ChatResult | None = None
        failures = list[ModelError]()
        with _first_cause(failures):
            async for attempt in self._attempts(kwargs.get(DEADLINE, math.inf), failures):
                with attempt:
                    result = await self.inner._agenerate(messages, stop, **kwargs)
        if result is None:
            raise AssertionError("there is a first attempt")
        return result

    def _attempts(self, end: float, failures: list[ModelError]) -> AsyncRetrying:
        """The attempts of one call; what those before the last failed of is added to `failures`."""

        def note(state: RetryCallState) -> None:
            if isinstance(error := _error(state), ModelError):
                failures.append(error)
                _log_retry(state, error)
                self.on_retry(error.reason)

        return AsyncRetrying(
            stop=stop_after_attempt(self.settings.max_attempts) | _StopAfterDeadline(end),
            wait=self._wait,
            retry=self._may_help,
            before_sleep=note,
            sleep=asyncio.sleep,
            reraise=True,
        )

    def _may_help(self, state: RetryCallState) -> bool:
        error = _error(state)
        if state.attempt_number == 1 and not isinstance(error, CircuitOpen):
            # Asked after every attempt. What a breaker turned back was no call.
            self.budget.earn()
        if not isinstance(error, ModelError) or not error.is_transient:
            return False
        # Who asks for more patience than we have is left to the next in the list.
        return (error.retry_after or 0.0) <= self.settings.max_wait_seconds and self.budget.spend()

    def _wait(self, state: RetryCallState) -> float:
        waits = wait_random_exponential(min=self.settings.min_wait_seconds, max=self.settings.max_wait_seconds)
        error = _error(state)
        asked = error.retry_after if isinstance(error, ModelError) else None
        return max(waits(state), asked or 0.0)


class _StopAfterDeadline(stop_base):
    """Stops where the next attempt would come too late, by the monotonic clock."""

    def __init__(self, end: float) -> None:
        self._end = end

    def __call__(self, retry_state: RetryCallState) -> bool:
        return monotonic() + retry_state.upcoming_sleep >= self._end


@contextmanager
def _first_cause(failures: list[ModelError]) -> Iterator[None]:
    """Where the breaker opens between two attempts, the call failed of what opened it."""
    try:
        yield
    except CircuitOpen as error:
        if failures:
            raise failures[-1] from error
        raise


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _log_retry(state: RetryCallState, error: ModelError) -> None:
    _log.warning(
        "model_retried",
        provider=error.provider,
        model=error.model,
        attempt=state.attempt_number,
        wait=round(state.upcoming_sleep, 2),
        error=error.code,
        reason=error.reason,
    )
