import asyncio
from contextlib import AsyncExitStack
from time import monotonic

import pytest

from llm.errors import Overloaded
from llm.wrappers.limiter import ConcurrencyLimiter, ConcurrencySettings


def _gate(in_flight: int = 1, waiting: int = 4, patience: float = 5.0) -> ConcurrencyLimiter:
    return ConcurrencyLimiter(
        ConcurrencySettings(max_concurrent=in_flight, max_queued=waiting, queue_timeout_seconds=patience)
    )


class Calls:
    """Calls that hold their place until they are told to end."""

    def __init__(self, limiter: ConcurrencyLimiter) -> None:
        self.gate = limiter
        self.order: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, name: str, tenant: str) -> None:
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._call(name, tenant))
        await asyncio.sleep(0)

    async def _call(self, name: str, tenant: str) -> None:
        async with self.gate.acquire(tenant):
            self.order.append(name)
            await self.ends[name].wait()

    async def end(self, name: str) -> None:
        self.ends[name].set()
        await self.tasks[name]
        await asyncio.sleep(0)


async def test_as_many_pass_as_there_are_places_and_the_rest_wait_in_order() -> None:
    calls = Calls(_gate(in_flight=2))
    for name in ("a", "b", "c", "d"):
        await calls.begin(name, "t")
    assert (calls.order, calls.gate.active, calls.gate.queued) == (["a", "b"], 2, 2)
    await calls.end("b")
    assert calls.order == ["a", "b", "c"]
    for name in ("a", "c", "d"):
        await calls.end(name)
    assert (calls.gate.active, calls.gate.queued) == (0, 0)


async def test_a_tenant_with_many_calls_does_not_keep_another_from_its_turn() -> None:
    calls = Calls(_gate(in_flight=2))
    for name in ("loud-1", "loud-2", "loud-3", "loud-4"):
        await calls.begin(name, "loud")
    await calls.begin("quiet", "quiet")
    await calls.end("loud-1")
    assert calls.order[-1] == "quiet"
    for name in ("loud-2", "quiet", "loud-3", "loud-4"):
        await calls.end(name)


async def test_a_full_queue_makes_room_for_who_has_less_in_it() -> None:
    calls = Calls(_gate(in_flight=1, waiting=2))
    for name in ("loud-1", "loud-2", "loud-3"):
        await calls.begin(name, "loud")
    assert not calls.gate.has_capacity("loud")
    assert calls.gate.has_capacity("quiet")
    await calls.begin("quiet", "quiet")
    with pytest.raises(Overloaded):
        await calls.tasks["loud-3"]
    with pytest.raises(Overloaded):
        async with calls.gate.acquire("loud"):
            raise AssertionError
    for name in ("loud-1", "loud-2", "quiet"):
        await calls.end(name)
    assert calls.order == ["loud-1", "loud-2", "quiet"]


async def test_patience_has_an_end_and_so_has_the_whole_answer() -> None:
    limiter = _gate(patience=0.02)
    async with limiter.acquire("t"):
        with pytest.raises(Overloaded) as refused:
            async with limiter.acquire("t"):
                raise AssertionError
    assert refused.value.retry_after
    hurried = _gate()
    async with hurried.acquire("t"):
        with pytest.raises(Overloaded):
            async with hurried.acquire("t", deadline=monotonic() + 0.01):
                raise AssertionError
    assert (hurried.active, hurried.queued) == (0, 0)


async def test_who_stops_waiting_leaves_no_place_behind() -> None:
    calls = Calls(_gate())
    await calls.begin("a", "t")
    await calls.begin("b", "t")
    calls.tasks["b"].cancel()
    with pytest.raises(asyncio.CancelledError):
        await calls.tasks["b"]
    assert calls.gate.queued == 0
    await calls.end("a")
    assert calls.gate.active == 0


async def test_a_stop_in_the_moment_of_ones_turn_hands_it_on() -> None:
    limiter = _gate()
    calls = Calls(limiter)
    async with AsyncExitStack() as first:
        await first.enter_async_context(limiter.acquire("t"))
        await calls.begin("b", "t")
        await calls.begin("c", "t")
    # The turn of b has come, and b has not run since.
    calls.tasks["b"].cancel()
    await asyncio.gather(calls.tasks["b"], return_exceptions=True)
    await asyncio.sleep(0)
    assert calls.order == ["c"]
    await calls.end("c")
    assert limiter.active == 0


async def test_under_pressure_nobody_is_lost_and_no_limit_is_passed() -> None:
    limiter, most, done = _gate(in_flight=3, waiting=500), 0, 0

    async def call(at: int) -> None:
        nonlocal most, done
        async with limiter.acquire(f"tenant-{at % 7}"):
            most = max(most, limiter.active)
            await asyncio.sleep(0)
            done += 1

    await asyncio.gather(*(call(at) for at in range(300)))
    assert (most, done, limiter.active, limiter.queued) == (3, 300, 0, 0)


async def test_who_has_just_stopped_waiting_is_not_outvoted() -> None:
    calls = Calls(_gate(waiting=2))
    for name in ("loud-1", "loud-2", "loud-3"):
        await calls.begin(name, "loud")
    # It is cancelled and has not run since.
    calls.tasks["loud-3"].cancel()
    await calls.begin("quiet", "quiet")
    await asyncio.gather(calls.tasks["loud-3"], return_exceptions=True)
    for name in ("loud-1", "loud-2", "quiet"):
        await calls.end(name)
    assert calls.order == ["loud-1", "loud-2", "quiet"]
