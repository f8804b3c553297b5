"""What is done beside the runs of a process, for as long as it lives, and how what is going is stopped."""

import asyncio
from collections.abc import Callable
from typing import Any

from observability.logs import get_logger

_log = get_logger(__name__)

# How often what has been cancelled and goes on is cancelled again.
_INSIST_SECONDS = 0.5


async def stop_task(going: asyncio.Future[Any], stop: Callable[[], object]) -> None:
    """Comes back when it has ended. A cancel can be swallowed on its way (python/cpython#86296): insist."""
    while not going.done():
        stop()
        await asyncio.wait({going}, timeout=_INSIST_SECONDS)


class BackgroundTasks:
    """Tasks that nobody waits for. One that breaks is logged, and takes nothing with it."""

    def __init__(self) -> None:
        self._going: set[asyncio.Task[None]] = set()

    def start(self, coroutine: "asyncio._CoroutineLike[None]", name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine, name=name)
        self._going.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, chore: asyncio.Task[None]) -> None:
        self._going.discard(chore)
        if not chore.cancelled() and (error := chore.exception()) is not None:
            _log.error("background_task_failed", chore=chore.get_name(), exc_info=error)

    async def aclose(self) -> None:
        tasks = list(self._going)
        for chore in tasks:
            chore.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
