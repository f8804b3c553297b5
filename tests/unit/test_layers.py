import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from pydantic import PrivateAttr

from llm.errors import CircuitOpen, ContextTooLong, ModelError, ModelOverloaded, ModelUnavailable, ProviderRejected
from llm.vendors.retry_after import parse_retry_after
from llm.wrappers.breaker import Breaker, BreakerSettings, CircuitBreakerModel
from llm.wrappers.retry import RetryBudget, RetryModel, RetrySettings
from llm.wrappers.timeouts import TimeoutModel, Timeouts
from llm.wrappers.wrapper import ModelWrapper

NAMED = {"provider": "p", "model": "m"}
HI: list[BaseMessage] = [HumanMessage("Hi")]

Step = str | float | ModelError


def _error(kind: type[ModelError], *, retry_after: float | None = None) -> ModelError:
    return kind("no", provider="p", model="m", retry_after=retry_after)


DOWN = _error(ModelUnavailable)


class Played(BaseChatModel):
    """Plays one list of steps per call: a text is said, a number is waited, an error is raised."""

    calls: list[list[Step]]
    _made: list[dict[str, Any]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "played"

    @property
    def made(self) -> list[dict[str, Any]]:
        return self._made

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        self._made.append(kwargs)
        for step in self.calls[len(self._made) - 1]:
            if isinstance(step, ModelError):
                raise step
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield ChatGenerationChunk(message=AIMessageChunk(content=step))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        text = "".join([chunk.text async for chunk in self._astream(messages, stop, **kwargs)])
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError


async def _streamed(model: BaseChatModel) -> str:
    return "".join([chunk.text async for chunk in model.astream(HI)])


async def _called(model: BaseChatModel) -> str:
    return (await model._agenerate(HI)).generations[0].text


BOTH_WAYS = pytest.mark.parametrize("ask", [_streamed, _called])


def _retried(*calls: list[Step], attempts: int = 3, budget: RetryBudget | None = None) -> tuple[RetryModel, Played]:
    played = Played(calls=list(calls))
    settings = RetrySettings(max_attempts=attempts, min_wait_seconds=0.0, max_wait_seconds=0.01)
    return RetryModel(inner=played, settings=settings, budget=budget or RetryBudget(1.0)), played


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _breaker() -> tuple[Breaker, Clock]:
    clock = Clock()
    return Breaker(BreakerSettings(failures=3, seconds=10.0), clock), clock


@BOTH_WAYS
async def test_an_open_breaker_sends_nothing(ask: Any) -> None:
    breaker, _ = _breaker()
    played = Played(calls=[[DOWN], [DOWN], [DOWN], ["never"]])
    guarded = CircuitBreakerModel(inner=played, breaker=breaker, **NAMED)
    for _ in range(3):
        with pytest.raises(ModelUnavailable):
            await ask(guarded)
    with pytest.raises(CircuitOpen) as refused:
        await ask(guarded)
    assert (len(played.made), refused.value.retry_after) == (3, 10.0)


@pytest.mark.parametrize("error", [_error(ProviderRejected), _error(ContextTooLong), _error(ModelOverloaded)])
async def test_what_says_nothing_of_a_providers_health_opens_no_breaker(error: ModelError) -> None:
    breaker, _ = _breaker()
    guarded = CircuitBreakerModel(inner=Played(calls=[[error]] * 5), breaker=breaker, **NAMED)
    for _ in range(5):
        with pytest.raises(type(error)):
            await _streamed(guarded)
    assert breaker.state == "closed"


async def test_a_users_stop_opens_no_breaker() -> None:
    breaker, _ = _breaker()
    guarded = CircuitBreakerModel(inner=Played(calls=[["a", 10.0]] * 5), breaker=breaker, **NAMED)
    for _ in range(5):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await _streamed(guarded)
    assert breaker.state == "closed"


@BOTH_WAYS
async def test_a_failure_that_passes_is_tried_again(ask: Any) -> None:
    retried, played = _retried([DOWN], [DOWN], ["well"])
    assert await ask(retried) == "well"
    assert len(played.made) == 3


async def test_a_stream_that_has_begun_is_not_begun_again() -> None:
    retried, played = _retried(["half", DOWN], ["never"])
    with pytest.raises(ModelUnavailable):
        await _streamed(retried)
    assert len(played.made) == 1


async def test_a_stream_that_has_said_nothing_yet_is_begun_again() -> None:
    retried, played = _retried(["", DOWN], ["well"])
    assert await _streamed(retried) == "well"
    assert len(played.made) == 2


@BOTH_WAYS
@pytest.mark.parametrize("error", [_error(ProviderRejected), _error(ContextTooLong)])
async def test_what_will_not_help_is_not_tried_again(ask: Any, error: ModelError) -> None:
    retried, played = _retried([error], ["never"])
    with pytest.raises(type(error)):
        await ask(retried)
    assert len(played.made) == 1


async def test_who_asks_for_more_patience_than_there_is_is_left() -> None:
    retried, played = _retried([_error(ModelOverloaded, retry_after=60.0)], ["never"])
    with pytest.raises(ModelOverloaded):
        await _streamed(retried)
    assert len(played.made) == 1


async def test_an_outage_is_not_multiplied() -> None:
    budget = RetryBudget(0.1)
    made = 0
    for _ in range(100):
        retried, played = _retried([DOWN], [DOWN], [DOWN], budget=budget)
        with pytest.raises(ModelUnavailable):
            await _streamed(retried)
        made += len(played.made)
    assert 100 + 10 <= made <= 100 + 10 + 10


@BOTH_WAYS
async def test_silence_before_the_first_token_is_an_end(ask: Any) -> None:
    timed = TimeoutModel(inner=Played(calls=[[5.0, "late"]]), timeouts=Timeouts(0.02, 5.0, 5.0), **NAMED)
    with pytest.raises(ModelUnavailable, match="did not answer in time"):
        await ask(timed)


@pytest.mark.parametrize("limits", [Timeouts(5.0, 0.02, 5.0), Timeouts(5.0, 5.0, 0.05)], ids=["gap", "total"])
async def test_silence_within_an_answer_and_its_length_are_bounded(limits: Timeouts) -> None:
    timed = TimeoutModel(inner=Played(calls=[["a", 5.0, "b"]]), timeouts=limits, **NAMED)
    heard = ""
    with pytest.raises(ModelUnavailable, match="did not answer in time"):
        async for chunk in timed.astream(HI):
            heard += chunk.text
    assert heard == "a"


async def test_an_answer_in_time_is_left_as_it_is() -> None:
    timed = TimeoutModel(inner=Played(calls=[["a", 0.01, "b"]]), timeouts=Timeouts(), **NAMED)
    assert await _streamed(timed) == "ab"


@tool
def colour(name: str) -> str:
    """Says a colour."""
    return name


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("any", "required"),
        ("auto", "auto"),
        ("colour", {"type": "function", "function": {"name": "colour"}}),
    ],
)
async def test_tools_travel_in_one_form_through_every_layer(asked: str, told: object) -> None:
    played = Played(calls=[["ok"]])
    bound = ModelWrapper(inner=ModelWrapper(inner=played)).bind_tools([colour], tool_choice=asked)
    await bound.ainvoke(HI)
    (given,) = played.made
    assert given["tools"][0]["function"]["name"] == "colour"
    assert given["tool_choice"] == told


def test_a_layer_is_asynchronous_only() -> None:
    with pytest.raises(NotImplementedError):
        ModelWrapper(inner=Played(calls=[["ok"]])).invoke(HI)


def test_retry_after_is_seconds_or_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert parse_retry_after("7") == 7.0
    assert 25 < (parse_retry_after(date) or 0) <= 30
    assert [parse_retry_after(odd) for odd in ("", None, "soon", "-3")] == [None, None, None, 0.0]
