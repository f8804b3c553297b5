"""What becomes of a run when its readers leave."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from backend.runs.background_tasks import BackgroundTasks
from backend.runs.local_runs import ActiveRun, LocalRuns
from backend.runs.recovered_requests import RecoveredRequests
from backend.runs.subscriptions import Subscriptions
from observability.metrics import Metrics
from storage.event_log import EventLog


class _Log:
    """Another process has readers of the log, for so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    async def has_other_readers(self, run: str) -> bool:
        self.looks -= 1
        return self.looks >= 0


class _Run:
    """A run of this process that can be stopped."""

    def __init__(self, grace: float) -> None:
        self.id = "run"
        self.subscribers = 0
        self.grace_task: asyncio.Task[None] | None = None
        self.request = SimpleNamespace(on_disconnect=grace)
        self.stopped_for: list[str] = []

    async def stop_and_wait(self, reason: str) -> None:
        self.stopped_for.append(reason)


async def test_reader_at_another_process_renews_the_grace() -> None:
    run, log, tasks = _Run(grace=0.05), _Log(looks=3), BackgroundTasks()
    local_runs = SimpleNamespace(get=lambda _: cast("ActiveRun", run))
    readers = Subscriptions(
        cast("LocalRuns", local_runs),
        log=cast("EventLog", log),
        recovered_requests=cast("RecoveredRequests", SimpleNamespace(snapshot=list)),
        metrics=Metrics(),
        tasks=tasks,
    )
    await readers.unsubscribe(readers.subscribe("run", "chat", "thread", is_owner=True))
    leaving: Any = run.grace_task
    await leaving
    # It was looked once more after the last of them had gone, and only then stopped.
    assert log.looks < 0
    assert run.stopped_for == ["cancelled"]
    await tasks.aclose()
