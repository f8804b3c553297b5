"""A review outside of any run, as AG-UI tells a run."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from pydantic import BaseModel

from graphs.review import Stage
from observability.logs import get_logger
from storage.database import StorageFailed

_log = get_logger(__name__)

Event = Mapping[str, Any]
Reviewed = Callable[[Callable[[Stage], None]], Awaitable[BaseModel]]


async def events_of(run: str, reviewed: Reviewed) -> AsyncIterator[Event]:
    """How far it is, as it goes, and the review at the end. Who leaves takes it along."""
    ids = {"threadId": run, "runId": run}
    stages = asyncio.Queue[Stage | None]()
    reading = asyncio.ensure_future(reviewed(stages.put_nowait))
    reading.add_done_callback(lambda _: stages.put_nowait(None))
    try:
        yield {"type": "RUN_STARTED", **ids, "protocolVersion": "1.0"}
        while (stage := await stages.get()) is not None:
            yield _activity(run, stage)
        review = (await reading).model_dump(mode="json", by_alias=True)
        yield _activity(run, "done", verdict=review["verdict"])
        yield {"type": "RUN_FINISHED", **ids, "outcome": {"type": "success"}, "result": review}
    except StorageFailed as error:
        _log.warning("review_not_kept", error=str(error))
        yield {"type": "RUN_ERROR", "message": "The review could not be kept.", "code": "storage_unavailable"}
    finally:
        reading.cancel()


def _activity(run: str, stage: Stage, **more: Any) -> Event:
    content = {"stage": stage, "attempt": 1, **more}
    told = {"messageId": f"{run}-review", "activityType": "review", "content": content, "replace": True}
    return {"type": "ACTIVITY_SNAPSHOT", **told}
