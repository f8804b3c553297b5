"""Waiting for conditions, clocks that are moved by hand, and the cost of work in CPU time.

No test asserts wall-clock time: a machine may be slow, and others may be busy on it.
"""

import asyncio
import gc
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

# Nothing that comes at all takes so long, on whichever machine.
LIMIT_SECONDS = 90.0


@overload
async def wait_for(look: Callable[[], Awaitable[T | None]], *, interval: float = ...) -> T: ...
@overload
async def wait_for(look: Callable[[], T | None], *, interval: float = ...) -> T: ...
async def wait_for(look: Callable[[], Any], *, interval: float = 0.01) -> Any:
    """Look again and again until what is seen is true, and return it."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            seen = look()
            if value := await seen if inspect.isawaitable(seen) else seen:
                return value
            await asyncio.sleep(interval)


def wait_until(look: Callable[[], T | None], *, interval: float = 0.01) -> T:
    """Look like `wait_for`, from a thread of its own."""
    until = time.monotonic() + LIMIT_SECONDS
    while not (value := look()):
        if time.monotonic() >= until:
            raise TimeoutError(f"it did not come true within {LIMIT_SECONDS:g} seconds")
        time.sleep(interval)
    return value


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def assert_scales_linearly(work: Callable[[int], object], size: int) -> None:
    """Do work of one size and of four times that, and compare the CPU time: squared, it would be sixteen times."""
    cost, more = (min(_cpu_seconds(lambda n=n: work(n)) for _ in range(3)) for n in (size, 4 * size))  # type: ignore[misc]
    # Below a hundredth of a second a ratio is noise.
    assert more < 9 * max(cost, 0.01), f"{cost:.3f} s of CPU time, and {more:.3f} s for four times as much"


def _cpu_seconds(work: Callable[[], object]) -> float:
    # As `timeit` does: what all the other tests have left to the garbage collector is not this work's cost.
    gc.collect()
    gc.disable()
    try:
        begun = time.process_time()
        work()
        return time.process_time() - begun
    finally:
        gc.enable()
