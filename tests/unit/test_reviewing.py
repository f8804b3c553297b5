import asyncio
from collections.abc import Callable
from contextlib import aclosing

import pytest
from pydantic import BaseModel

from backend.api.reviewing import events_of
from graphs.review import Stage
from storage.database import StorageFailed


async def test_who_leaves_takes_the_reading_along() -> None:
    left = asyncio.Event()

    async def reviewed(say: Callable[[Stage], None]) -> BaseModel:
        say("checking")
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        raise AssertionError("nobody waits for it")

    async with aclosing(events_of("review-1", reviewed)) as events:  # type: ignore[type-var]  # an async generator
        assert [(await anext(events))["type"] for _ in range(2)] == ["RUN_STARTED", "ACTIVITY_SNAPSHOT"]
    async with asyncio.timeout(5):
        await left.wait()


async def test_a_review_that_cannot_be_kept_ends_in_words() -> None:
    async def reviewed(say: Callable[[Stage], None]) -> BaseModel:
        raise StorageFailed("gone")

    told = [event async for event in events_of("review-1", reviewed)]
    assert [event["type"] for event in told] == ["RUN_STARTED", "RUN_ERROR"]
    assert told[-1]["code"] == "storage_unavailable"


async def test_an_error_of_ours_is_not_hidden() -> None:
    async def reviewed(say: Callable[[Stage], None]) -> BaseModel:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _ = [event async for event in events_of("review-1", reviewed)]
