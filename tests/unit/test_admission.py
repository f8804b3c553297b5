import asyncio
from contextlib import AsyncExitStack
from time import monotonic

import pytest

from llm.errors import Overloaded
from llm.layers.admission import Gate, GateSettings


def _gate(in_flight: int = 1, waiting: int = 4, patience: float = 5.0) -> Gate:
    return Gate(GateSettings(in_flight=in_flight, waiting=waiting, patience=patience))


class Calls:
    """Calls that hold their place until they are told to end."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.order: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, name: str, tenant: str) -> None:
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._call(name, tenant))
        await asyncio.sleep(0)

    async def _call(self, name: str, tenant: str) -> None:
        async with self.gate.passed(tenant):
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
    assert (calls.order, calls.gate.under_way, calls.gate.waiting) == (["a", "b"], 2, 2)
    await calls.end("b")
    assert calls.order == ["a", "b", "c"]
    for name in ("a", "c", "d"):
        await calls.end(name)
    assert (calls.gate.under_way, calls.gate.waiting) == (0, 0)


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
    assert not calls.gate.has_room("loud")
    assert calls.gate.has_room("quiet")
    await calls.begin("quiet", "quiet")
    with pytest.raises(Overloaded):
        await calls.tasks["loud-3"]
    with pytest.raises(Overloaded):
        async with calls.gate.passed("loud"):
            raise AssertionError
    for name in ("loud-1", "loud-2", "quiet"):
        await calls.end(name)
    assert calls.order == ["loud-1", "loud-2", "quiet"]


async def test_patience_has_an_end_and_so_has_the_whole_answer() -> None:
    gate = _gate(patience=0.02)
    async with gate.passed("t"):
        with pytest.raises(Overloaded) as refused:
            async with gate.passed("t"):
                raise AssertionError
    assert refused.value.retry_after
    hurried = _gate()
    async with hurried.passed("t"):
        with pytest.raises(Overloaded):
            async with hurried.passed("t", until=monotonic() + 0.01):
                raise AssertionError
    assert (hurried.under_way, hurried.waiting) == (0, 0)


async def test_who_stops_waiting_leaves_no_place_behind() -> None:
    calls = Calls(_gate())
    await calls.begin("a", "t")
    await calls.begin("b", "t")
    calls.tasks["b"].cancel()
    with pytest.raises(asyncio.CancelledError):
        await calls.tasks["b"]
    assert calls.gate.waiting == 0
    await calls.end("a")
    assert calls.gate.under_way == 0


async def test_a_stop_in_the_moment_of_ones_turn_hands_it_on() -> None:
    gate = _gate()
    calls = Calls(gate)
    async with AsyncExitStack() as first:
        await first.enter_async_context(gate.passed("t"))
        await calls.begin("b", "t")
        await calls.begin("c", "t")
    # The turn of b has come, and b has not run since.
    calls.tasks["b"].cancel()
    await asyncio.gather(calls.tasks["b"], return_exceptions=True)
    await asyncio.sleep(0)
    assert calls.order == ["c"]
    await calls.end("c")
    assert gate.under_way == 0


async def test_under_pressure_nobody_is_lost_and_no_limit_is_passed() -> None:
    gate, most, done = _gate(in_flight=3, waiting=500), 0, 0

    async def call(at: int) -> None:
        nonlocal most, done
        async with gate.passed(f"tenant-{at % 7}"):
            most = max(most, gate.under_way)
            await asyncio.sleep(0)
            done += 1

    await asyncio.gather(*(call(at) for at in range(300)))
    assert (most, done, gate.under_way, gate.waiting) == (3, 300, 0, 0)


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
