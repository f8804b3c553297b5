"""A review outside of any run, as AG-UI tells a run."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import anyio
from pydantic import BaseModel

from backend.runs.background_tasks import stop_task
from graphs.review_progress import Stage
from observability.logs import get_logger
from storage.database import StorageFailed

_log = get_logger(__name__)

Event = Mapping[str, Any]
Reviewed = Callable[[Callable[[Stage], None]], Awaitable[BaseModel]]

_NOT_SAVED = "The review could not be kept."
_SHUTTING_DOWN = "The server is stopping. Please try again in a moment."
_INTERNAL_ERROR = "Something went wrong while reading the text. Please try again."


async def review_events(run: str, reviewed: Reviewed, leaving: anyio.Event, grace: float) -> AsyncGenerator[Event]:
    """How far it is, as it goes, and the review at the end. Who leaves takes it along; once the server is `leaving`,
    it has the grace, in seconds.
    """
    stages = asyncio.Queue[Stage | None]()
    reading = asyncio.ensure_future(reviewed(stages.put_nowait))
    reading.add_done_callback(lambda _: stages.put_nowait(None))
    leave = asyncio.ensure_future(_cancel_after_grace(reading, leaving, grace))
    try:
        yield {"type": "RUN_STARTED", **_ids(run), "protocolVersion": "1.0"}
        while (stage := await stages.get()) is not None:
            yield _activity(run, stage)
        for event in _terminal_events(run, reading):
            yield event
    finally:
        leave.cancel()
        # A request that is cancelled is cancelled at every wait: without a shield nobody would wait for the reading.
        with anyio.CancelScope(shield=True):
            await stop_task(reading, reading.cancel)
            await asyncio.gather(reading, leave, return_exceptions=True)


async def _cancel_after_grace(reading: asyncio.Future[BaseModel], leaving: anyio.Event, grace: float) -> None:
    await leaving.wait()
    await asyncio.sleep(grace)
    await stop_task(reading, reading.cancel)


def _terminal_events(run: str, reading: asyncio.Future[BaseModel]) -> Sequence[Event]:
    """What a reading that is done leaves to say."""
    try:
        review = reading.result().model_dump(mode="json", by_alias=True)
    except asyncio.CancelledError:
        return [_run_error(_SHUTTING_DOWN, "shutting_down")]
    except StorageFailed as error:
        _log.warning("review_not_saved", error=str(error))
        return [_run_error(_NOT_SAVED, "storage_unavailable")]
    except Exception as error:  # noqa: BLE001  # the stream has begun: whatever it is, its reader is to hear an end
        _log.error("review_failed", exc_info=error)
        return [_run_error(_INTERNAL_ERROR, "internal")]
    finished = {"type": "RUN_FINISHED", **_ids(run), "outcome": {"type": "success"}, "result": review}
    return [_activity(run, "done", verdict=review["verdict"]), finished]


def _ids(run: str) -> Mapping[str, str]:
    return {"threadId": run, "runId": run}


def _run_error(message: str, code: str) -> Event:
    return {"type": "RUN_ERROR", "message": message, "code": code}


def _activity(run: str, stage: Stage, **more: Any) -> Event:
    content = {"stage": stage, "attempt": 1, **more}
    told = {"messageId": f"{run}-review", "activityType": "review", "content": content, "replace": True}
    return {"type": "ACTIVITY_SNAPSHOT", **told}
