from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Literal, Protocol, runtime_checkable
from uuid import uuid4

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from llm.errors import CircuitOpen, ModelError
from llm.wrappers.open_stream import has_content
from llm.wrappers.wrapper import ModelWrapper

# The argument of a call that says that nobody else can answer it. It ends here; no vendor hears of it.
IS_LAST_RESORT = "last_resort"

State = Literal["closed", "open", "half_open"]
Verb = Literal["admit", "fail", "succeed", "forget", "look"]


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """Opens after `failures` in a row; lets one probe through `seconds` later.

    A probe that nobody has heard of for `claim` seconds is taken for lost, and another may go. For a call that nobody
    else can answer, a probe may go out `last_resort` seconds later already.
    """

    failures: int = 5
    seconds: float = 30.0
    claim: float = 60.0
    last_resort: float = 1.0

    @property
    def of_last_resort(self) -> "BreakerSettings":
        return replace(self, seconds=min(self.seconds, self.last_resort))


@dataclass(frozen=True, slots=True)
class Admission:
    """What a call may do, and what it has to know to say later how it went.

    `retry_after` is in seconds, for one that may not go out. `failures` is how many there were in a row.
    """

    admitted: bool
    probe: str = ""
    retry_after: float = 0.0
    failures: int = 0
    # Whether this process decided alone.
    is_last_resort: bool = True


@runtime_checkable
class Circuit(Protocol):
    """Keeps calls away from a provider that is ill.

    Only what says that the provider is ill is a failure: neither a user's stop nor a call that it refuses. Half-open,
    one call goes out as a probe and the others wait for what it finds (`Fallback` does the waiting, where no place in a
    queue is held); calls that went out before decide nothing.
    """

    async def admit(self, *, last_resort: bool = False) -> Admission: ...

    async def succeed(self, admission: Admission) -> None: ...

    async def fail(self, admission: Admission) -> None: ...

    async def release(self, admission: Admission) -> None:
        """The call ended without saying anything of the provider's health: another may probe."""
        ...

    async def peek(self) -> State: ...


class BreakerStore(Protocol):
    """Breakers that replicas share, by name."""

    async def ask(
        self, name: str, verb: Verb, probe: str, settings: BreakerSettings
    ) -> tuple[State, int, bool, bool, float] | None:
        """The state afterwards, the failures in a row, whether the call may go out, whether as the probe, and the
        seconds until the next probe. `None`: nobody can be asked."""
        ...


class Breaker:
    """One of this process's own. Pure but for the clock that it is given (seconds, rising)."""

    def __init__(self, settings: BreakerSettings, clock: Callable[[], float] = monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._failures = 0
        self._opened: float | None = None
        self._probe = ""
        self._claimed = 0.0

    @property
    def state(self) -> State:
        if self._opened is None:
            return "closed"
        return "open" if self._remaining_seconds(self._settings) else "half_open"

    def _remaining_seconds(self, settings: BreakerSettings) -> float:
        """Seconds until the next probe; 0 where one may go."""
        if self._opened is None:
            return 0.0
        return max(0.0, settings.seconds - (self._clock() - self._opened))

    async def admit(self, *, last_resort: bool = False) -> Admission:
        if self._opened is None:
            return Admission(True, failures=self._failures)
        if left := self._remaining_seconds(self._settings.of_last_resort if last_resort else self._settings):
            return Admission(False, retry_after=left)
        if self._probe and self._clock() - self._claimed < self._settings.claim:
            return Admission(False)
        self._probe, self._claimed = uuid4().hex, self._clock()
        return Admission(True, probe=self._probe)

    async def succeed(self, admission: Admission) -> None:
        if self._opened is None or self._is_probe(admission):
            self._failures, self._opened, self._probe = 0, None, ""

    async def fail(self, admission: Admission) -> None:
        if self._opened is None:
            self._failures += 1
        if self._is_probe(admission) or (self._opened is None and self._failures >= self._settings.failures):
            self._opened, self._probe = self._clock(), ""

    async def release(self, admission: Admission) -> None:
        if self._is_probe(admission):
            self._probe = ""

    async def peek(self) -> State:
        return self.state

    def _is_probe(self, admission: Admission) -> bool:
        return bool(admission.probe) and admission.probe == self._probe


class SharedBreaker:
    """One that replicas share. While nobody can be asked, this process goes on with one of its own."""

    def __init__(self, name: str, settings: BreakerSettings, store: BreakerStore) -> None:
        self._name = name
        self._settings = settings
        self._store = store
        self._own = Breaker(settings)
        # As far as this process has heard: a success has something to wipe out only after a failure.
        self._failures = 0

    async def admit(self, *, last_resort: bool = False) -> Admission:
        probe = uuid4().hex
        settings = self._settings.of_last_resort if last_resort else self._settings
        told = await self._store.ask(self._name, "admit", probe, settings)
        if told is None:
            return await self._own.admit(last_resort=last_resort)
        _, self._failures, admitted, probes, seconds = told
        return Admission(admitted, probe if probes else "", seconds, self._failures, is_last_resort=False)

    async def succeed(self, admission: Admission) -> None:
        if admission.is_last_resort:
            await self._own.succeed(admission)
        elif admission.probe or admission.failures or self._failures:
            await self._report("succeed", admission)

    async def fail(self, admission: Admission) -> None:
        if admission.is_last_resort or not await self._report("fail", admission):
            await self._own.fail(admission)

    async def release(self, admission: Admission) -> None:
        if admission.is_last_resort:
            await self._own.release(admission)
        elif admission.probe:
            await self._report("forget", admission)

    async def peek(self) -> State:
        told = await self._store.ask(self._name, "look", "", self._settings)
        return self._own.state if told is None else told[0]

    async def _report(self, verb: Verb, admission: Admission) -> bool:
        told = await self._store.ask(self._name, verb, admission.probe, self._settings)
        if told is not None:
            self._failures = told[1]
        return told is not None


@dataclass(slots=True)
class _Call:
    admission: Admission


class CircuitBreakerModel(ModelWrapper):
    """A model that is not called while its breaker is open."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    breaker: Circuit
    provider: str
    model: str

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async with (
            self._call(kwargs) as call,
            aclosing(self.inner._astream(messages, stop, **kwargs)) as stream,  # type: ignore[type-var]
        ):
            async for chunk in stream:
                if call.admission.probe and has_content(chunk):
                    # The probe has found what it went for; nobody has to wait for the whole of its answer.
                    await self.breaker.succeed(call.admission)
                    call.admission = replace(call.admission, probe="", failures=0)
                yield chunk

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        async with self._call(kwargs):
            return await self.inner._agenerate(messages, stop, **kwargs)

    @asynccontextmanager
    async def _call(self, kwargs: dict[str, Any]) -> AsyncIterator[_Call]:
        admission = await self.breaker.admit(last_resort=kwargs.pop(IS_LAST_RESORT, False))
        if not admission.admitted:
            raise CircuitOpen(
                f"The model {self.model!r} keeps failing and is paused. Try again later, or choose another model.",
                provider=self.provider,
                model=self.model,
                retry_after=admission.retry_after,
            )
        call = _Call(admission)
        try:
            yield call
        except ModelError as error:
            if error.counts_as_failure:
                await self.breaker.fail(call.admission)
            else:
                await self.breaker.succeed(call.admission)
            raise
        except BaseException:
            # A user's stop, or an error of our own: nothing that the provider did.
            await self.breaker.release(call.admission)
            raise
        await self.breaker.succeed(call.admission)
