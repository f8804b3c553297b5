"""A list of models that answers as one: who is asked when, and who is asked again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field, PrivateAttr
from structlog.testing import capture_logs

from llm.catalog import ModelInfo
from llm.errors import CircuitOpen, ModelError, ModelOverloaded, ModelUnavailable, Overloaded, ProviderRejected
from llm.spec import ModelSpec
from llm.wrappers.breaker import Admission, Breaker, BreakerSettings, CircuitBreakerModel
from llm.wrappers.fallback import FallbackModel
from llm.wrappers.model_order import ModelLink
from llm.wrappers.retry import RetryBudget, RetryModel, RetrySettings
from tests.unit.test_layers import BOTH_WAYS, HI, Played

# A breaker's time in these tests. Nothing below depends on how long it is, but for how long the tests take.
OPEN_SECONDS = 0.05
DOWN = ModelUnavailable("down", provider="p", model="m")
WHOLE = "The sea is deep."
HALF, REST = "The sea ", "is deep."

Plan = Callable[[int], Sequence[str | ModelError]]


class Provider(Played):
    """Plays what a plan has for its n-th call, counted from 0."""

    calls: list[list[Any]] = Field(default_factory=list)
    plan: Plan
    _held: asyncio.Event | None = PrivateAttr(default=None)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        self._made.append(kwargs)
        steps = self.plan(len(self._made) - 1)
        if self._held is not None:
            await self._held.wait()
        said = messages[-1].text if messages[-1].type == "ai" else ""
        for step in steps:
            if isinstance(step, ModelError):
                raise step
            yield ChatGenerationChunk(
                message=AIMessageChunk(content=step.removeprefix(said) if step == WHOLE else step)
            )


class Watched(Breaker):
    """Tells when the fifteen that are no probe have been turned back, each more than once while the probe was out."""

    def __init__(self, settings: BreakerSettings) -> None:
        super().__init__(settings)
        self._turned_back = 0
        self.turned_back_often = asyncio.Event()

    async def admit(self, *, last_resort: bool = False) -> Admission:
        admission = await super().admit(last_resort=last_resort)
        self._turned_back += not admission.admitted and not admission.retry_after
        if self._turned_back > 30:
            self.turned_back_often.set()
        return admission


def _always(*steps: str | ModelError) -> Plan:
    return lambda _: steps


def _link(
    name: str, plan: Plan, *, seconds: float = OPEN_SECONDS, failures: int = 1
) -> tuple[ModelLink, Provider, Watched]:
    """One whose breaker opens with the first failure. It is not asked again by the layer below."""
    provider, breaker = Provider(plan=plan), Watched(BreakerSettings(failures=failures, seconds=seconds))
    retries = RetrySettings(max_attempts=3, min_wait_seconds=0.001, max_wait_seconds=0.01)
    guarded = CircuitBreakerModel(inner=provider, breaker=breaker, provider="p", model=name)
    info = ModelInfo(ModelSpec("p", name), tools=True, vision=True, json_schema=True, prefill=True)
    once = RetrySettings(max_attempts=1)
    model = RetryModel(inner=guarded, settings=once, budget=RetryBudget(1.0))
    return ModelLink(info=info, model=model, retries=retries), provider, breaker


def _list(*links: ModelLink, total: float = 10.0) -> FallbackModel:
    return FallbackModel(inner=links[0].model, links=links, total=total, on_event=lambda what, info, why: None)


async def _opened(breaker: Breaker) -> None:
    await breaker.fail(await breaker.admit())
    assert breaker.state == "open"


async def _streamed(model: FallbackModel) -> str:
    return "".join([chunk.text async for chunk in model.astream(HI)])


async def test_a_model_that_is_back_goes_on_with_an_answer_that_another_began() -> None:
    a, _, breaker = _link("a", _always(WHOLE))
    b, dying, _ = _link("b", _always(HALF, DOWN), seconds=60, failures=100)
    await _opened(breaker)
    answers = await asyncio.gather(*(_streamed(_list(a, b)) for _ in range(10)))
    assert answers == [WHOLE] * 10
    assert len(dying.made) >= 1


async def test_a_model_that_failed_first_goes_on_with_an_answer_that_another_began() -> None:
    a, asked, _ = _link("a", lambda call: [DOWN] if call == 0 else [REST], failures=5)
    b, _, _ = _link("b", _always(HALF, DOWN), seconds=60)
    assert await _streamed(_list(a, b)) == WHOLE
    assert len(asked.made) == 2


async def test_an_answer_that_has_begun_goes_round_until_somebody_ends_it() -> None:
    # More often than any number of attempts, past open breakers of both.
    lines = [f"Line {line} of the answer. " for line in range(8)]
    a, _, _ = _link("a", lambda call: [lines[call], DOWN] if call < 7 else [lines[7]])
    b, asked, _ = _link("b", _always(DOWN))
    assert await _streamed(_list(a, b)) == "".join(lines)
    assert len(asked.made) >= 3


async def test_an_answer_that_has_begun_ends_with_its_time() -> None:
    a, _, _ = _link("a", lambda call: [HALF, DOWN] if call == 0 else [DOWN], failures=1000)
    b, asked, _ = _link("b", _always(DOWN), failures=1000)
    with pytest.raises(ModelUnavailable):
        await _streamed(_list(a, b, total=0.3))
    # Ever more seldom.
    assert 3 < len(asked.made) < 100


async def test_an_answer_that_breaks_off_again_and_again_at_one_place_is_given_up() -> None:
    a, first, _ = _link("a", _always(HALF, DOWN), failures=1000)
    b, second, _ = _link("b", _always(DOWN), failures=1000)
    with pytest.raises(ModelUnavailable):
        await _streamed(_list(a, total=3600))
    assert len(first.made) == 3
    with pytest.raises(ModelUnavailable):
        await _streamed(_list(a, b, total=0.3))
    assert (len(first.made), len(second.made) > 3) == (6, True)


@BOTH_WAYS
async def test_an_open_breaker_costs_no_attempt_and_is_waited_for(ask: Any) -> None:
    a, back, breaker = _link("a", _always(WHOLE))
    b, dead, _ = _link("b", _always(DOWN))
    await _opened(breaker)
    assert await ask(_list(a, b)) == WHOLE
    assert (len(back.made), len(dead.made)) == (1, 1)


@BOTH_WAYS
async def test_where_another_answers_nobody_waits_for_a_probe(ask: Any) -> None:
    a, ill, breaker = _link("a", _always(WHOLE), seconds=60)
    b, _, _ = _link("b", _always(WHOLE))
    await _opened(breaker)
    assert await ask(_list(a, b)) == WHOLE
    assert ill.made == []


@BOTH_WAYS
async def test_all_whose_breaker_is_half_open_wait_for_the_probe(ask: Any) -> None:
    a, provider, breaker = _link("a", _always(WHOLE))
    await _opened(breaker)
    held = provider._held = asyncio.Event()
    asking = [asyncio.create_task(ask(_list(a))) for _ in range(16)]
    async with asyncio.timeout(60):
        await breaker.turned_back_often.wait()
    assert len(provider.made) == 1
    held.set()
    assert await asyncio.gather(*asking) == [WHOLE] * 16


async def test_a_probe_that_has_begun_to_answer_keeps_nobody_waiting() -> None:
    a, provider, breaker = _link("a", _always(HALF, REST))
    await _opened(breaker)
    async with aclosing(_list(a).astream(HI)) as probe:  # type: ignore[type-var]
        await anext(probe)
        assert breaker.state == "closed"
        assert await _streamed(_list(a)) == WHOLE
    assert len(provider.made) == 2


@BOTH_WAYS
async def test_an_outage_is_told_after_one_round(ask: Any) -> None:
    a, first, _ = _link("a", _always(ModelUnavailable("down", provider="p", model="a")), failures=100)
    b, second, _ = _link("b", _always(ModelUnavailable("down", provider="p", model="b")), failures=100)
    with pytest.raises(ModelUnavailable, match="No model could answer"):
        await ask(_list(a, b, total=3600))
    assert (len(first.made), len(second.made)) == (1, 1)


@BOTH_WAYS
async def test_a_probe_that_fails_is_an_answer_to_all_who_waited_for_it(ask: Any) -> None:
    a, provider, breaker = _link("a", _always(DOWN))
    await _opened(breaker)
    asking = [ask(_list(a, total=3600)) for _ in range(16)]
    ended = await asyncio.gather(*asking, return_exceptions=True)
    assert [getattr(error, "code", error) for error in ended] == ["model_unavailable"] * 16
    assert len(provider.made) < 16


@BOTH_WAYS
async def test_where_nobody_else_can_answer_a_probe_does_not_wait_for_the_breakers_whole_time(ask: Any) -> None:
    a, provider, breaker = _link("a", _always(WHOLE), seconds=3600)
    b, _, other = _link("b", _always(DOWN), seconds=3600)
    await _opened(breaker)
    await _opened(other)
    assert await ask(_list(a, b, total=60)) == WHOLE
    assert len(provider.made) == 1


@BOTH_WAYS
async def test_an_outage_of_the_only_model_is_told_at_once_and_nothing_is_sent(ask: Any) -> None:
    a, provider, breaker = _link("a", _always(WHOLE), seconds=3600)
    await _opened(breaker)
    with pytest.raises(CircuitOpen):
        await ask(_list(a, total=7200))
    assert provider.made == []


async def test_the_only_model_of_an_answer_that_has_begun_is_waited_for() -> None:
    a, _, _ = _link("a", lambda call: [HALF, DOWN] if call == 0 else [REST], seconds=3600)
    assert await _streamed(_list(a, total=7200)) == WHOLE


@BOTH_WAYS
async def test_a_breaker_that_stays_open_longer_than_there_is_time_is_not_waited_for(ask: Any) -> None:
    a, provider, breaker = _link("a", _always(WHOLE), seconds=3600)
    await _opened(breaker)
    with pytest.raises(ModelUnavailable):
        await ask(_list(a, total=0.1))
    assert provider.made == []


@BOTH_WAYS
async def test_whoever_failed_before_a_wait_is_asked_once_more_after_it(ask: Any) -> None:
    # Its own time to fail is past what counts as now: that both are down is not known.
    a, back, breaker = _link("a", lambda call: [DOWN] if call == 0 else [WHOLE], failures=100)
    b, dead, opened = _link("b", _always(DOWN), seconds=3600)
    await _opened(opened)
    assert await ask(_list(a, b)) == WHOLE
    assert (len(back.made), len(dead.made), breaker.state) == (2, 1, "closed")


@pytest.mark.parametrize("error", [ProviderRejected("no"), ModelOverloaded("later", retry_after=3600.0)])
async def test_who_cannot_go_on_with_an_answer_is_not_asked_again(error: ModelError) -> None:
    a, asked, _ = _link("a", lambda call: [HALF, DOWN] if call == 0 else [DOWN], failures=100)
    b, refusing, _ = _link("b", _always(error))
    with pytest.raises(ModelUnavailable):
        await _streamed(_list(a, b, total=0.3))
    assert (len(refusing.made), len(asked.made) > 1) == (1, True)


async def test_a_queue_that_is_full_is_tried_again_by_an_answer_that_has_begun() -> None:
    full = Overloaded("full", retry_after=0.01)
    a, _, _ = _link("a", lambda call: [HALF, DOWN] if call == 0 else [DOWN], seconds=60)
    b, _, _ = _link("b", lambda call: [full] if call == 0 else [REST])
    assert await _streamed(_list(a, b)) == WHOLE


@BOTH_WAYS
async def test_a_breaker_that_opens_between_two_attempts_hides_no_cause(ask: Any) -> None:
    provider, breaker = Provider(plan=_always(DOWN)), Breaker(BreakerSettings(failures=1, seconds=60))
    guarded = CircuitBreakerModel(inner=provider, breaker=breaker, provider="p", model="m")
    budget = RetryBudget(1.0)
    retried = RetryModel(inner=guarded, settings=RetrySettings(3, 0.0, 0.01), budget=budget)
    with pytest.raises(ModelUnavailable) as failed:
        await ask(retried)
    assert failed.value is DOWN
    assert len(provider.made) == 1


async def test_what_a_breaker_turned_back_earns_no_retries() -> None:
    provider, breaker = Provider(plan=_always(WHOLE)), Breaker(BreakerSettings(failures=1, seconds=60))
    guarded = CircuitBreakerModel(inner=provider, breaker=breaker, provider="p", model="m")
    budget = RetryBudget(1.0)
    while budget.spend():
        pass
    await _opened(breaker)
    retried = RetryModel(inner=guarded, settings=RetrySettings(), budget=budget)
    for _ in range(5):
        with pytest.raises(ModelUnavailable):
            await retried._agenerate(HI)
    assert not budget.spend()


@BOTH_WAYS
async def test_a_call_that_is_well_earns_retries(ask: Any) -> None:
    budget = RetryBudget(1.0)
    while budget.spend():
        pass
    await ask(RetryModel(inner=Provider(plan=_always(WHOLE)), settings=RetrySettings(), budget=budget))
    assert budget.spend()


async def test_an_open_breaker_is_a_reason_of_its_own_in_log_and_trace() -> None:
    noticed = list[tuple[str, str, str]]()
    a, _, breaker = _link("a", _always(WHOLE), seconds=60)
    b, _, _ = _link("b", _always(WHOLE))
    await _opened(breaker)

    def note(what: str, info: ModelInfo, why: str) -> None:
        noticed.append((what, str(info.spec), why))

    model = FallbackModel(inner=a.model, links=(a, b), total=10.0, on_event=note)
    with capture_logs() as logs:
        assert await _streamed(model) == WHOLE
    assert noticed == [("fallback", "p:a", "breaker_open")]
    (log,) = logs
    assert (log["event"], log["provider"], log["model"], log["reason"]) == ("model_fell_back", "p", "a", "breaker_open")
