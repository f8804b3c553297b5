"""What calls cost, and who may still make them."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk

from llm.budgets import Budget, Budgets, BudgetScope, Period, SpentSoFar
from llm.catalog import ModelInfo, PricedModel, Tokens
from llm.context import CallContext, use_call_context
from llm.errors import BudgetExhausted, ModelError, ModelUnavailable, RunBudgetExceeded
from llm.meter import CallUsage, Meter
from llm.prices import context_length, cost, price
from llm.spec import LinkLimits, LinkSpec, ModelSpec
from llm.wrappers.budget import BudgetChecker, BudgetModel, _until_next
from llm.wrappers.latency import LatencyTracker
from llm.wrappers.metering import MeteredModel
from tests.unit.test_layers import Played, Step

HI: list[BaseMessage] = [HumanMessage("Tell me something about the sea.")]
SPEC = ModelSpec("p", "m")
INFO = ModelInfo(SPEC, tools=False, vision=False, json_schema=False)
DOWN = ModelUnavailable("no", provider="p", model="m")


class Billed(Played):
    """Ends with the usage that a vendor would tell."""

    usage: UsageMetadata

    async def _astream(self, messages, stop=None, run_manager=None, **kwargs):  # type: ignore[no-untyped-def]
        async for chunk in super()._astream(messages, stop, run_manager, **kwargs):
            yield chunk
        yield ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=self.usage))


def _metered(inner: Played) -> tuple[MeteredModel, list[CallUsage]]:
    bills: list[CallUsage] = []
    dearly = Decimal("0.001")
    metered = MeteredModel(
        inner=inner,
        info=INFO,
        cost=lambda tokens: dearly * tokens.total,
        bill=lambda spent, _: bills.append(spent),
        latency=LatencyTracker(),
    )
    return metered, bills


async def _read(model: MeteredModel | BudgetModel) -> str:
    return "".join([chunk.text async for chunk in model._astream(HI)])


async def test_what_a_provider_tells_is_what_is_counted() -> None:
    usage = UsageMetadata(
        input_tokens=100,
        output_tokens=20,
        total_tokens=120,
        input_token_details={"cache_read": 60, "cache_creation": 10},
        output_token_details={"reasoning": 5},
    )
    metered, bills = _metered(Billed(calls=[["The ", "sea."]], usage=usage))
    assert await _read(metered) == "The sea."
    (call_usage,) = bills
    assert call_usage.tokens == Tokens(input=100, output=20, cached=60, cache_write=10, reasoning=5)
    assert (call_usage.outcome, call_usage.estimated, call_usage.cost) == ("ok", False, Decimal("0.120"))
    assert call_usage.first_token_seconds is not None


@pytest.mark.parametrize(
    ("steps", "outcome", "output"),
    [(["The sea is deep."], "ok", 4), (["The sea ", DOWN], "model_unavailable", 2), ([DOWN], "model_unavailable", 0)],
)
async def test_what_no_provider_tells_is_estimated_and_marked(steps: list[Step], outcome: str, output: int) -> None:
    metered, bills = _metered(Played(calls=[steps]))
    with suppress(ModelError):
        await _read(metered)
    (usage,) = bills
    assert (usage.outcome, usage.tokens.output, usage.estimated) == (outcome, output, output > 0)
    # A provider that said nothing is not thought to have read anything.
    assert (usage.tokens.input > 0) is (output > 0)


async def test_a_call_that_is_stopped_is_counted_too() -> None:
    metered, bills = _metered(Played(calls=[["The sea ", 30.0, "never"]]))
    meter, heard = Meter(), asyncio.Event()

    async def listen() -> None:
        with use_call_context(CallContext(meter=meter)):
            async for _ in metered._astream(HI):
                heard.set()

    listening = asyncio.create_task(listen())
    await heard.wait()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert [(usage.outcome, usage.tokens.output) for usage in bills] == [("stopped", 2)]
    assert meter.calls == tuple(bills)
    assert meter.answered_model is None


def test_a_meter_adds_up_by_model_and_knows_no_cost_where_one_is_missing() -> None:
    def spent(name: str, cost: Decimal | None, *, estimated: bool = False) -> CallUsage:
        return CallUsage(ModelSpec("p", name), "ok", Tokens(10, 5), estimated, cost, 1.0, 0.1)

    meter = Meter()
    for one in (spent("a", Decimal(1)), spent("a", Decimal(2), estimated=True), spent("b", None)):
        meter.add(one)
    a, b = meter.totals.values()
    assert (a.tokens, a.cost, a.estimated) == (Tokens(20, 10), Decimal(3), True)
    assert (b.cost, b.estimated) == (None, False)
    assert (meter.tokens, meter.cost, str(meter.answered_model)) == (45, Decimal(3), "p:b")


def test_prices_come_from_a_table_and_what_is_not_in_it_has_none() -> None:
    known = PricedModel("gpt-4o-mini-2024-07-18", biller="openai")
    at_its_address = PricedModel("gpt-4o-mini", address="https://api.openai.com/v1")
    assert price(known) == price(at_its_address)
    told = price(known)
    assert told is not None
    assert cost(known, Tokens(input=1_000_000)) == told.input
    assert cost(known, Tokens(output=2_000_000)) == 2 * told.output
    half_cached = cost(known, Tokens(input=1_000_000, cached=500_000))
    assert half_cached is not None
    assert 0 < half_cached < told.input
    assert context_length(known) == 128_000
    for unknown in (
        PricedModel("gpt-4o-mini"),
        PricedModel("gpt-4o-mini", address="http://127.0.0.1:8000/v1"),
        PricedModel("somebodys-own", biller="openai"),
        PricedModel("llama3", biller="ollama"),
    ):
        assert (price(unknown), cost(unknown, Tokens(1, 1)), context_length(unknown)) == (None, None, None)


def test_a_candidate_has_limits_of_its_own() -> None:
    asked = LinkSpec.parse(" ollama:llama3.2:3b?max_tokens=200&first_token_seconds=1.5&max_attempts=1 ")
    assert asked.model == ModelSpec("ollama", "llama3.2:3b")
    assert asked.limits == LinkLimits(max_tokens=200, first_token_seconds=1.5, max_attempts=1)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("openai:gpt?speed=9", "there is no limit 'speed'"),
        ("openai:gpt?max_tokens=many", "'many' is no number"),
        ("openai:gpt?max_tokens=", "'' is no number"),
        ("openai:gpt?idle_seconds=0", "more than 0"),
        ("gpt?idle_seconds=1", "expected provider:name"),
    ],
)
def test_limits_that_cannot_be_are_refused_in_words(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("?", r"\?")):
        LinkSpec.parse(text)


class Books:
    def __init__(self, **spent: SpentSoFar) -> None:
        self._spent: dict[tuple[BudgetScope, Period], SpentSoFar] = {("user", "day"): spent.get("day", SpentSoFar())}
        self._spent["tenant", "month"] = spent.get("tenant", SpentSoFar())

    async def usage_of(self, tenant: str, user: str, at: datetime) -> Mapping[tuple[BudgetScope, Period], SpentSoFar]:
        return self._spent


ALLOWED: Budgets = {
    ("user", "day"): Budget(max_tokens=100),
    ("tenant", "month"): Budget(max_cost=Decimal("0.5")),
    ("user", "month"): Budget(),
}


@pytest.mark.parametrize(
    ("ledger", "why"),
    [
        (Books(), None),
        (Books(day=SpentSoFar(99, Decimal(9))), None),
        (Books(day=SpentSoFar(100)), "You have used up the budget for the day"),
        (Books(tenant=SpentSoFar(10**9, Decimal("0.49"))), None),
        (Books(tenant=SpentSoFar(0, Decimal("0.5"))), "Your organisation has used up the budget for the month"),
    ],
)
async def test_who_has_spent_what_is_allowed_is_told_before_the_call(ledger: Books, why: str | None) -> None:
    played = Played(calls=[["ok"]])
    model = BudgetModel(inner=played, checker=BudgetChecker(run_budget=Budget(), budgets=ALLOWED, ledger=ledger))
    if why is None:
        assert await _read(model) == "ok"
        return
    with pytest.raises(BudgetExhausted, match=why) as refused:
        await _read(model)
    assert played.made == []
    assert refused.value.retry_after


async def test_a_run_spends_no_more_than_a_run_may() -> None:
    budget = BudgetChecker(run_budget=Budget(max_tokens=20), budgets={}, ledger=None)
    model, meter = BudgetModel(inner=Played(calls=[["ok"]]), checker=budget), Meter()
    with use_call_context(CallContext(meter=meter)):
        assert await _read(model) == "ok"
        meter.add(CallUsage(SPEC, "ok", Tokens(15, 5), False, None, 1.0, 0.1))
        with pytest.raises(RunBudgetExceeded):
            await _read(model)


@pytest.mark.parametrize(
    ("period", "now", "seconds"),
    [
        ("day", datetime(2026, 11, 20, 23, 59, 30, tzinfo=UTC), 30),
        ("month", datetime(2026, 11, 30, 23, 0, tzinfo=UTC), 3600),
        ("month", datetime(2026, 12, 31, 23, 0, tzinfo=UTC), 3600),
        ("month", datetime(2026, 2, 1, tzinfo=UTC), 28 * 86400),
    ],
)
def test_a_budget_begins_anew_at_midnight(period: Period, now: datetime, seconds: float) -> None:
    assert _until_next(period, now) == seconds
