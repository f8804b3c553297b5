import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any

import anyio
import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from backend.api.review_stream import review_events
from graphs.review_progress import Stage
from storage.database import StorageFailed
from tests.waiting import LIMIT_SECONDS

Say = Callable[[Stage], None]


class _Review(BaseModel):
    verdict: Mapping[str, Any]


def _told(
    reviewed: Callable[[Say], Awaitable[BaseModel]], leaving: anyio.Event | None = None, grace: float = LIMIT_SECONDS
) -> AsyncGenerator[Mapping[str, Any]]:
    return review_events("review-1", reviewed, leaving or anyio.Event(), grace)


def _failing(error: Exception) -> Callable[[Say], Awaitable[BaseModel]]:
    async def reviewed(say: Say) -> BaseModel:
        raise error

    return reviewed


class _Endless:
    """A reading that ends only when it is stopped, and not at once."""

    def __init__(self, *, swallows: int = 0) -> None:
        self.ended = False
        self._swallows = swallows

    async def __call__(self, say: Say) -> BaseModel:
        say("judging")
        try:
            for _ in range(self._swallows):
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            self.ended = True
        raise AssertionError("nobody waits for it")


async def test_who_leaves_takes_the_reading_along() -> None:
    reading = _Endless()
    async with aclosing(_told(reading)) as events:
        assert [(await anext(events))["type"] for _ in range(2)] == ["RUN_STARTED", "ACTIVITY_SNAPSHOT"]
    assert reading.ended


async def test_a_request_that_is_cancelled_waits_for_the_end_of_its_reading() -> None:
    reading = _Endless()
    async with anyio.create_task_group() as request:

        async def answer() -> None:
            async with aclosing(_told(reading)) as events:
                async for event in events:
                    if event["type"] == "ACTIVITY_SNAPSHOT":
                        asyncio.get_running_loop().call_soon(request.cancel_scope.cancel)

        request.start_soon(answer)
    assert reading.ended


async def test_a_reading_that_fails_when_it_is_left_is_not_heard_of_later(caplog: pytest.LogCaptureFixture) -> None:
    async def reviewed(say: Say) -> BaseModel:
        try:
            await asyncio.Event().wait()
        finally:
            raise StorageFailed("gone")

    with caplog.at_level(logging.ERROR, "asyncio"):
        async with aclosing(_told(reviewed)) as events:
            await anext(events)
            await asyncio.sleep(0)
    assert caplog.messages == []


async def test_a_review_that_cannot_be_kept_ends_in_words() -> None:
    told = [event async for event in _told(_failing(StorageFailed("gone")))]
    assert [event["type"] for event in told] == ["RUN_STARTED", "RUN_ERROR"]
    assert told[-1]["code"] == "storage_unavailable"


async def test_an_error_of_ours_ends_in_words_and_is_logged_once() -> None:
    error = ZeroDivisionError("by nought")
    with capture_logs() as logs:
        told = [event async for event in _told(_failing(error))]
    assert told[1:] == [
        {
            "type": "RUN_ERROR",
            "message": "Something went wrong while reading the text. Please try again.",
            "code": "internal",
        }
    ]
    assert logs == [{"event": "review_failed", "log_level": "error", "exc_info": error}]


@pytest.mark.parametrize("swallows", [0, 1])
async def test_a_server_that_stops_gives_a_reading_its_grace_and_then_says_so(swallows: int) -> None:
    reading, leaving = _Endless(swallows=swallows), anyio.Event()
    async with aclosing(_told(reading, leaving, grace=0.05)) as events:
        assert [(await anext(events))["type"] for _ in range(2)] == ["RUN_STARTED", "ACTIVITY_SNAPSHOT"]
        leaving.set()
        told = [event async for event in events]
    assert [(event["type"], event["code"]) for event in told] == [("RUN_ERROR", "shutting_down")]
    assert reading.ended


async def test_a_reading_that_ends_within_the_grace_is_told() -> None:
    leaving = anyio.Event()

    async def reviewed(say: Say) -> BaseModel:
        leaving.set()
        await asyncio.sleep(0.05)
        return _Review(verdict={"outcome": "passed"})

    told = [event async for event in _told(reviewed, leaving)]
    assert [event["type"] for event in told] == ["RUN_STARTED", "ACTIVITY_SNAPSHOT", "RUN_FINISHED"]
    assert told[-1]["result"] == {"verdict": {"outcome": "passed"}}
