from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from llm.errors import CircuitOpen, ModelError
from llm.layer import Layer

State = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """Opens after `failures` in a row; lets one probe through `seconds` later."""

    failures: int = 5
    seconds: float = 30.0


class Breaker:
    """Keeps calls away from a provider that is ill. Pure but for the clock that it is given (seconds, rising).

    Only what says that the provider is ill counts as a failure: neither a user's stop nor a call that it refuses.
    """

    def __init__(self, settings: BreakerSettings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._failures = 0
        self._opened: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        if self._opened is None:
            return "closed"
        return "half_open" if self._clock() - self._opened >= self._settings.seconds else "open"

    def admits(self) -> bool:
        """Whether a call may go out now. Half-open, one may, and the others wait for what it finds."""
        match self.state:
            case "closed":
                return True
            case "open":
                return False
            case "half_open":
                first, self._probing = not self._probing, True
                return first

    def succeed(self) -> None:
        self._failures, self._opened, self._probing = 0, None, False

    def fail(self) -> None:
        self._failures += 1
        if self._probing or self._failures >= self._settings.failures:
            self._opened, self._probing = self._clock(), False

    def forget(self) -> None:
        """A call ended without saying anything of the provider's health: another may probe."""
        self._probing = False

    @property
    def opens_again_in(self) -> float:
        """Seconds until the next probe; 0 where calls go out."""
        if self._opened is None:
            return 0.0
        return max(0.0, self._settings.seconds - (self._clock() - self._opened))


class Guarded(Layer):
    """A model that is not called while its breaker is open."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    breaker: Breaker
    provider: str
    model: str

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with self._call():
            async with aclosing(self.inner._astream(messages, stop, **kwargs)) as stream:  # type: ignore[type-var]
                async for chunk in stream:
                    yield chunk

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with self._call():
            return await self.inner._agenerate(messages, stop, **kwargs)

    @contextmanager
    def _call(self) -> Iterator[None]:
        if not self.breaker.admits():
            raise CircuitOpen(
                f"The model {self.model!r} has failed too often and is left alone for now.",
                provider=self.provider,
                model=self.model,
                retry_after=self.breaker.opens_again_in,
            )
        try:
            yield
        except ModelError as error:
            if error.ill:
                self.breaker.fail()
            else:
                self.breaker.succeed()
            raise
        except BaseException:
            # A user's stop, or an error of our own: nothing that the provider did.
            self.breaker.forget()
            raise
        self.breaker.succeed()
