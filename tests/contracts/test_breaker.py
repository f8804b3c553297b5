"""A breaker of one process and one that replicas share, one contract; and what happens where nobody can be asked."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from llm.errors import CircuitOpen, ModelUnavailable
from llm.wrappers.breaker import (
    Admission,
    Breaker,
    BreakerSettings,
    BreakerStore,
    Circuit,
    CircuitBreakerModel,
    SharedBreaker,
    Verb,
)
from storage.breakers import RedisBreakers
from tests.conftest import CountingRedis
from tests.unit.test_layers import DOWN, HI, NAMED, Played
from tests.waiting import LIMIT_SECONDS, ManualClock

OPEN_SECONDS = 600.0
CLAIM_SECONDS = 900.0
SETTINGS = BreakerSettings(failures=3, seconds=OPEN_SECONDS, claim=CLAIM_SECONDS)

Advance = Callable[[float], Awaitable[None]]


class Made:
    """Makes breakers, and lets time pass for all of them."""

    def __init__(self, make: Callable[[BreakerSettings], Circuit], advance: Advance) -> None:
        self.make = make
        self.advance = advance

    def __call__(self, settings: BreakerSettings) -> Circuit:
        return self.make(settings)


@pytest.fixture
def advance(redis_client: Redis, redis_prefix: str) -> Advance:
    """Redis's clock cannot be moved: what it has written down is made so much older."""

    async def older(seconds: float) -> None:
        async for name in redis_client.scan_iter(match=f"{redis_prefix}*"):
            for field in ("opened", "until"):
                if await redis_client.hexists(name, field):
                    await redis_client.hincrby(name, field, -round(seconds * 1000))

    return older


@pytest.fixture(params=["memory", "redis"])
def made(request: pytest.FixtureRequest) -> Made:
    if request.param == "memory":
        clock = ManualClock()

        async def advanced(seconds: float) -> None:
            clock.advance(seconds)

        return Made(lambda settings: Breaker(settings, clock), advanced)
    client: Redis = request.getfixturevalue("redis_client")
    prefix: str = request.getfixturevalue("redis_prefix")
    return Made(
        lambda settings: SharedBreaker("p:m", settings, RedisBreakers(client, prefix, timeout=LIMIT_SECONDS)),
        request.getfixturevalue("advance"),
    )


async def _fail(breaker: Circuit, times: int = 1) -> None:
    for _ in range(times):
        await breaker.fail(await breaker.admit())


async def _succeed(breaker: Circuit) -> None:
    await breaker.succeed(await breaker.admit())


async def _opened(breaker: Circuit) -> Circuit:
    await _fail(breaker, 3)
    assert await breaker.peek() == "open"
    return breaker


async def _admitted(breaker: Circuit, calls: int) -> Sequence[Admission]:
    admissions = await asyncio.gather(*(breaker.admit() for _ in range(calls)))
    return [admission for admission in admissions if admission.admitted]


async def test_it_opens_after_failures_in_a_row(made: Made) -> None:
    breaker = made(SETTINGS)
    await _fail(breaker, 2)
    await _succeed(breaker)
    await _fail(breaker, 2)
    assert await breaker.peek() == "closed"
    assert (await breaker.admit()).admitted
    await _fail(breaker)
    refused = await breaker.admit()
    assert (await breaker.peek(), refused.admitted) == ("open", False)
    assert OPEN_SECONDS - LIMIT_SECONDS < refused.retry_after <= OPEN_SECONDS


async def test_a_success_that_went_out_before_the_first_failure_counts_too(made: Made) -> None:
    breaker = made(SETTINGS)
    before = await breaker.admit()
    await _fail(breaker, 2)
    await breaker.succeed(before)
    await _fail(breaker, 2)
    assert await breaker.peek() == "closed"


async def test_half_open_one_of_many_goes_out_and_closes_it(made: Made) -> None:
    breaker = await _opened(made(SETTINGS))
    await made.advance(OPEN_SECONDS)
    assert await breaker.peek() == "half_open"
    (probe,) = await _admitted(breaker, 20)
    await breaker.succeed(probe)
    assert await breaker.peek() == "closed"
    assert len(await _admitted(breaker, 20)) == 20


async def test_a_probe_that_fails_opens_it_anew(made: Made) -> None:
    breaker = await _opened(made(SETTINGS))
    await made.advance(OPEN_SECONDS)
    (probe,) = await _admitted(breaker, 5)
    await breaker.fail(probe)
    assert (await breaker.peek(), await _admitted(breaker, 5)) == ("open", [])
    await made.advance(OPEN_SECONDS)
    assert len(await _admitted(breaker, 5)) == 1


async def test_a_probe_that_was_stopped_lets_another_go(made: Made) -> None:
    breaker = await _opened(made(SETTINGS))
    await made.advance(OPEN_SECONDS)
    (probe,) = await _admitted(breaker, 5)
    await breaker.release(probe)
    assert await breaker.peek() == "half_open"
    assert len(await _admitted(breaker, 5)) == 1


async def test_a_probe_that_nobody_has_heard_of_is_lost_and_decides_nothing_later(made: Made) -> None:
    breaker = await _opened(made(SETTINGS))
    await made.advance(OPEN_SECONDS)
    (lost,) = await _admitted(breaker, 5)
    await made.advance(CLAIM_SECONDS)
    (probe,) = await _admitted(breaker, 5)
    for outcome in (breaker.release, breaker.succeed, breaker.fail):
        await outcome(lost)
        assert (await breaker.peek(), await _admitted(breaker, 5)) == ("half_open", [])
    await breaker.succeed(probe)
    assert await breaker.peek() == "closed"


async def test_calls_that_went_out_before_it_opened_decide_nothing(made: Made) -> None:
    breaker = made(SETTINGS)
    early = [await breaker.admit() for _ in range(3)]
    await _opened(breaker)
    await breaker.succeed(early[0])
    assert await breaker.peek() == "open"
    await made.advance(OPEN_SECONDS)
    (probe,) = await _admitted(breaker, 5)
    await breaker.fail(early[1])
    await breaker.release(early[2])
    assert (await breaker.peek(), await _admitted(breaker, 5)) == ("half_open", [])
    await breaker.succeed(probe)
    assert await breaker.peek() == "closed"


def _replicas(
    client: Redis, prefix: str, settings: BreakerSettings, *, count: int = 3, name: str = "p:m"
) -> list[SharedBreaker]:
    return [SharedBreaker(name, settings, RedisBreakers(client, prefix, timeout=LIMIT_SECONDS)) for _ in range(count)]


async def test_what_one_replica_finds_out_all_know_at_once(redis_client: Redis, redis_prefix: str) -> None:
    first, second, third = _replicas(redis_client, redis_prefix, SETTINGS)
    await asyncio.gather(*(_fail(replica) for replica in (first, second, third)))
    assert [await replica.peek() for replica in (first, second, third)] == ["open"] * 3
    assert [(await replica.admit()).admitted for replica in (first, second, third)] == [False] * 3


async def test_a_success_elsewhere_breaks_the_row(redis_client: Redis, redis_prefix: str) -> None:
    first, second, _ = _replicas(redis_client, redis_prefix, SETTINGS)
    await _fail(first, 2)
    await _succeed(second)
    await _fail(first, 2)
    assert await second.peek() == "closed"


async def test_of_all_replicas_one_probes(redis_client: Redis, redis_prefix: str, advance: Advance) -> None:
    replicas = _replicas(redis_client, redis_prefix, SETTINGS)
    await _opened(replicas[0])
    await advance(OPEN_SECONDS)
    admitted = await asyncio.gather(*(_admitted(replica, 10) for replica in replicas))
    assert sorted(len(some) for some in admitted) == [0, 0, 1]


async def test_each_provider_and_model_has_its_own(redis_client: Redis, redis_prefix: str) -> None:
    (ill,) = _replicas(redis_client, redis_prefix, SETTINGS, count=1, name="p:ill")
    (well,) = _replicas(redis_client, redis_prefix, SETTINGS, count=1, name="p:well")
    await _opened(ill)
    assert await well.peek() == "closed"


async def test_a_breaker_that_nobody_asks_is_forgotten_in_time(redis_client: Redis, redis_prefix: str) -> None:
    (breaker,) = _replicas(redis_client, redis_prefix, SETTINGS, count=1)
    await _fail(breaker)
    assert 0 < await redis_client.ttl(f"{redis_prefix}p:m") <= 3600 + OPEN_SECONDS + CLAIM_SECONDS
    await _succeed(breaker)
    assert not await redis_client.exists(f"{redis_prefix}p:m")


class Counted:
    """A store that counts what it is asked, and that can be taken away."""

    def __init__(self, store: BreakerStore) -> None:
        self._store = store
        self.asked: list[Verb] = []
        self.away = False

    async def ask(self, name: str, verb: Verb, probe: str, settings: BreakerSettings) -> Any:
        self.asked.append(verb)
        return None if self.away else await self._store.ask(name, verb, probe, settings)


@pytest.fixture
def store(redis_client: Redis, redis_prefix: str) -> Counted:
    return Counted(RedisBreakers(redis_client, redis_prefix, timeout=LIMIT_SECONDS))


def _guarded(store: Counted, *calls: Any, settings: BreakerSettings = SETTINGS) -> CircuitBreakerModel:
    return CircuitBreakerModel(inner=Played(calls=list(calls)), breaker=SharedBreaker("p:m", settings, store), **NAMED)


async def _said(model: CircuitBreakerModel) -> str:
    return "".join([chunk.text async for chunk in model._astream(HI)])


async def test_a_call_that_is_well_asks_once(store: Counted) -> None:
    guarded = _guarded(store, ["a"], ["b"], [DOWN], ["c"], ["d"])
    assert [await _said(guarded), await _said(guarded)] == ["a", "b"]
    assert store.asked == ["admit", "admit"]
    with pytest.raises(ModelUnavailable):
        await _said(guarded)
    assert [await _said(guarded), await _said(guarded)] == ["c", "d"]
    assert store.asked[2:] == ["admit", "fail", "admit", "succeed", "admit"]


async def test_a_probe_that_is_stopped_gives_its_claim_back(store: Counted, advance: Advance) -> None:
    guarded = _guarded(store, *[[DOWN]] * 3, ["a", 10.0], ["well"], settings=SETTINGS)
    for _ in range(3):
        with pytest.raises(ModelUnavailable):
            await _said(guarded)
    await advance(OPEN_SECONDS)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await _said(guarded)
    assert await _said(guarded) == "well"
    assert await guarded.breaker.peek() == "closed"


async def test_without_redis_a_process_goes_on_with_a_breaker_of_its_own(store: Counted) -> None:
    guarded = _guarded(store, *[[DOWN]] * 3, ["well"])
    store.away = True
    for _ in range(3):
        with pytest.raises(ModelUnavailable):
            await _said(guarded)
    with pytest.raises(CircuitOpen):
        await _said(guarded)
    assert await guarded.breaker.peek() == "open"
    store.away = False
    assert (await guarded.breaker.peek(), await _said(guarded)) == ("closed", "well")


async def test_a_redis_that_goes_away_during_a_call_loses_no_failure(store: Counted) -> None:
    breaker = SharedBreaker("p:m", SETTINGS, store)
    admissions = [await breaker.admit() for _ in range(3)]
    store.away = True
    for admission in admissions:
        await breaker.fail(admission)
    assert await breaker.peek() == "open"


async def test_a_call_does_not_wait_for_a_redis_that_hangs(hanging_redis: CountingRedis) -> None:
    breaker = SharedBreaker("p:m", SETTINGS, RedisBreakers(hanging_redis, "x:"))
    with capture_logs() as logs:
        for _ in range(100):
            await _succeed(breaker)
        await _opened(breaker)
    assert [(log["event"], log["missed_by"]) for log in logs] == [("redis_unavailable", "breakers")]
    # It is left alone for two seconds at a time.
    assert hanging_redis.commands < 20
