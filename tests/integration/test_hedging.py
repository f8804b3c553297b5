"""A model that is slow to begin is not waited for alone."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from langchain_core.messages import HumanMessage
from pydantic import SecretStr

from llm.catalog import ModelInfo
from llm.context import CallContext, use_call_context
from llm.errors import ModelUnavailable
from llm.factory import ModelFactory, ModelHooks
from llm.meter import Meter
from llm.settings import ModelSettings
from llm.wrappers.fallback import ANSWERED_BY
from tests.loopback import Loopback, Reply, Reset, server_error
from tests.waiting import wait_for

ASKED = [HumanMessage("Hi")]


@pytest.fixture
def first() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture
def second() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


NOTICED: list[tuple[str, str]] = []


@pytest.fixture
async def factory(first: Loopback, second: Loopback) -> AsyncIterator[ModelFactory]:
    settings = ModelSettings(
        openai_api_key=SecretStr("a-key-for-tests"),
        openai_base_url=first.openai_url,
        ollama_base_url=second.ollama_url,
        chat=("openai:loop", "ollama:loop"),
        hedge_quantile=0.95,
        retry_max_attempts=1,
    )

    def noticed(what: str, info: ModelInfo, why: str) -> None:
        NOTICED.append((what, info.spec.provider))

    NOTICED.clear()
    made = ModelFactory(settings, ModelHooks(on_fallback=noticed))
    await made.start()
    # So long that a busy machine does not make the same look slow.
    first.answer(lambda _: Reply("From the first.", first_delay=0.1))
    second.answer(lambda _: Reply("From the second."))
    model = (await made.select()).model
    # It has to be known how soon the first begins, before it can be called slow.
    for _ in range(20):
        assert (await _asked(model)) == "From the first."
    assert NOTICED == []
    first.answer(lambda _: Reply("From the first."))
    yield made
    await made.aclose()


async def _asked(model: object) -> str:
    return "".join([chunk.text async for chunk in model.astream(ASKED)])  # type: ignore[attr-defined]


async def test_the_first_to_speak_wins_and_the_other_is_stopped_and_counted(
    factory: ModelFactory, first: Loopback, second: Loopback
) -> None:
    first.answer(lambda _: Reply("Too late.", first_delay=600))
    model, meter = (await factory.select()).model, Meter()
    with use_call_context(CallContext(meter=meter)):
        chunks = [chunk async for chunk in model.astream(ASKED)]
    assert "".join(chunk.text for chunk in chunks) == "From the second."
    assert chunks[-2].response_metadata[ANSWERED_BY] == ["ollama:loop:latest"]
    assert ("hedged", "ollama") in NOTICED
    assert await asyncio.to_thread(first.calls[-1].wait_hung_up)
    assert {(usage.spec.provider, usage.outcome) for usage in meter.calls} == {("openai", "stopped"), ("ollama", "ok")}


async def test_one_that_begins_in_time_is_left_alone(factory: ModelFactory) -> None:
    assert await _asked((await factory.select()).model) == "From the first."


async def test_where_the_faster_one_fails_the_slower_is_still_waited_for(
    factory: ModelFactory, first: Loopback, second: Loopback
) -> None:
    first.answer(lambda _: Reply("Slow and sure.", first_delay=0.5))
    second.answer(lambda _: server_error())
    assert await _asked((await factory.select()).model) == "Slow and sure."


async def test_where_both_fail_the_error_says_so(factory: ModelFactory, first: Loopback, second: Loopback) -> None:
    first.answer(lambda _: Reset(0))
    second.answer(lambda _: server_error())
    with pytest.raises(ModelUnavailable, match="Tried: openai:loop, ollama:loop"):
        await _asked((await factory.select()).model)


def _is_asked(loopback: Loopback) -> bool:
    """Whether there is a call that nobody answers."""
    calls = loopback.calls
    return bool(calls) and not calls[-1].finished and bool(calls[-1].request.body.get("messages"))


async def test_a_stop_while_both_are_asked_stops_both(factory: ModelFactory, first: Loopback, second: Loopback) -> None:
    first.answer(lambda _: Reply("x", first_delay=600))
    second.answer(lambda _: Reply("y", first_delay=600))
    asking = asyncio.create_task(_asked((await factory.select()).model))
    for loopback in (first, second):
        await wait_for(lambda: _is_asked(loopback))  # noqa: B023  # looked at before the next
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert await asyncio.to_thread(first.calls[-1].wait_hung_up)
    assert await asyncio.to_thread(second.calls[-1].wait_hung_up)
