"""What becomes of a run when its readers leave."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from backend.runs.again import Heirs
from backend.runs.chores import Chores
from backend.runs.driven import Driven, LiveRun
from backend.runs.readers import Readers
from observability.metrics import Metrics
from storage.log import EventLog


class _Log:
    """Another process has readers of the log, for so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    async def is_read_elsewhere(self, run: str) -> bool:
        self.looks -= 1
        return self.looks >= 0


class _Run:
    """A run of this process that can be stopped."""

    def __init__(self, grace: float) -> None:
        self.id = "run"
        self.readers = 0
        self.leaving: asyncio.Task[None] | None = None
        self.asked = SimpleNamespace(on_disconnect=grace)
        self.stopped_for: list[str] = []

    async def stopped(self, reason: str) -> None:
        self.stopped_for.append(reason)


async def test_reader_at_another_process_renews_the_grace() -> None:
    run, log, chores = _Run(grace=0.05), _Log(looks=3), Chores()
    driven = SimpleNamespace(get=lambda _: cast("LiveRun", run))
    readers = Readers(
        cast("Driven", driven),
        log=cast("EventLog", log),
        heirs=cast("Heirs", SimpleNamespace(said=list)),
        metrics=Metrics(),
        chores=chores,
    )
    await readers.leave(readers.reader("run", "chat", "thread", posted=True))
    leaving: Any = run.leaving
    await leaving
    # It was looked once more after the last of them had gone, and only then stopped.
    assert log.looks < 0
    assert run.stopped_for == ["cancelled"]
    await chores.aclose()
