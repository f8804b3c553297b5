"""Begins the runs of schedules, each occurrence in one process only."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ag_ui.core import RunAgentInput

from agents.registry import UnknownAgent
from backend.api.run_requests import build_run_request
from backend.errors import Problem, ShuttingDown, ThreadBusyProblem, to_problem
from backend.resources import Resources
from backend.runs.cron import Cron, zone_of
from llm.errors import ModelError, NoModelAvailable, UnknownModel, UnknownProfile
from observability.logs import get_logger
from storage.database import StorageFailed
from storage.schedules import Occurrence, SchedulePlan

_log = get_logger(__name__)

_POLL_SECONDS = 0.5
_BATCH_SIZE = 16


async def next_occurrence(plan: SchedulePlan, after: datetime) -> datetime | None:
    """Raises `BadCron`."""
    zone = await asyncio.to_thread(zone_of, plan.timezone)
    return Cron.parse(plan.cron).after(after, zone)


def build_run_input(plan: SchedulePlan, run: str) -> RunAgentInput:
    """What one run is asked. Its messages are its own: said again on one thread, they are new."""
    given = dict(plan.input)
    messages = [{**message, "id": f"{run}-{message['id']}"} for message in given.get("messages", ())]
    asked: Mapping[str, Any] = {**given, "messages": messages, "threadId": plan.thread or run, "runId": run}
    return RunAgentInput.model_validate(asked)


@asynccontextmanager
async def run_schedules(resources: Resources) -> AsyncIterator[None]:
    """Looks for what is due, for as long as it is open."""
    begun: set[asyncio.Task[None]] = set()
    looking = asyncio.create_task(_start_due(resources, begun), name="schedules")
    try:
        yield
    finally:
        tasks = [looking, *begun]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _start_due(resources: Resources, begun: set[asyncio.Task[None]]) -> None:
    def done(task: asyncio.Task[None]) -> None:
        begun.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its lease runs out, and it is tried again.
            _log.error("schedule_crashed", schedule=task.get_name(), exc_info=error)

    while True:
        try:
            if (room := _BATCH_SIZE - len(begun)) > 0:
                for occurrence in await resources.schedules.claim(room):
                    task = asyncio.create_task(
                        start_occurrence(resources, occurrence), name=f"schedule {occurrence.schedule.id}"
                    )
                    begun.add(task)
                    task.add_done_callback(done)
        except StorageFailed as error:
            _log.warning("schedule_poll_failed", error=str(error))
        await asyncio.sleep(_POLL_SECONDS)


async def start_occurrence(resources: Resources, occurrence: Occurrence) -> None:
    """Starts the run of an occurrence, or skips it. What was missed before now is made up for by this one.

    Raises `StorageFailed`; the occurrence is another process's then, or this one's again, when its lease has run out.
    """
    schedule = occurrence.schedule
    next_at = await next_occurrence(schedule.plan, datetime.now(UTC))
    # Named for its occurrence: a process that dies before it has written that the run is there starts no second.
    run = f"schedule-{schedule.id}-{occurrence.at:%Y%m%dT%H%M}"
    if await resources.runs.find(schedule.caller, run) is not None:
        await resources.schedules.mark_started(occurrence, next_at, run)
        return
    last = await resources.runs.find(schedule.caller, schedule.last_run) if schedule.last_run else None
    if last is not None and last.is_active:
        _log.warning("schedule_skipped", schedule=schedule.id, going=last.client_run_id)
        await resources.schedules.mark_skipped(occurrence, next_at)
        return
    try:
        await _start(resources, occurrence, run)
    except ShuttingDown:
        # Others go on.
        return
    except ThreadBusyProblem:
        _log.warning("schedule_skipped", schedule=schedule.id, thread=schedule.plan.thread)
        await resources.schedules.mark_skipped(occurrence, next_at)
    except (Problem, UnknownAgent, UnknownModel, UnknownProfile, NoModelAvailable, ModelError) as error:
        problem = to_problem(error)
        _log.warning("schedule_failed", schedule=schedule.id, code=problem.code, reason=problem.detail)
        await resources.schedules.mark_started(occurrence, next_at, run, error=problem.code)
    else:
        await resources.schedules.mark_started(occurrence, next_at, run)


async def _start(resources: Resources, occurrence: Occurrence, run: str) -> None:
    plan = occurrence.schedule.plan
    given = build_run_input(plan, run)
    wanted = replace(
        await build_run_request(plan.agent, given, occurrence.schedule.caller, resources), on_disconnect="continue"
    )
    said = given.forwarded_props if isinstance(given.forwarded_props, dict) else {}
    if "multitaskStrategy" not in said:
        # Nobody is there to see that a run of a person's was interrupted.
        wanted = replace(wanted, multitask_strategy="reject")
    await resources.run_service.start_run(wanted)
