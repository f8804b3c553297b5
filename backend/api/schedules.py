"""Agents that run by themselves."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from ag_ui.core import Context, Message, Tool
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from backend.api.asking import asked_for
from backend.api.examples import answers, shown
from backend.api.paging import Page, Part, PlaceMark, paged, read
from backend.dependencies import Has, Who
from backend.errors import (
    AgentNotFound,
    AgentUnavailable,
    InvalidInput,
    ModelNotFound,
    ProfileNotFound,
    ScheduleNotFound,
    StorageGone,
)
from backend.resources import Resources
from backend.runs.cron import BadCron, Cron
from backend.runs.schedules import input_of, next_of
from llm.errors import BudgetExhausted, NoModel, Overloaded
from storage.caller import Caller
from storage.place import Place
from storage.schedules import Plan, ScheduleRecord, UnknownSchedule
from storage.tables import KEY_LENGTH

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])

Key = Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)]
_CRON = "Five fields: minute, hour, day of the month, month, day of the week."


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class _Asked(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class ScheduleInput(_Asked):
    """A `RunAgentInput` without the ids: those are each run's own."""

    messages: list[Message] = []
    tools: list[Tool] = []
    context: list[Context] = []
    state: Any = None
    forwarded_props: dict[str, Any] = Field(
        {}, description="As of a run; `multitask` is `reject` where nothing is said."
    )


class NewSchedule(_Asked):
    agent_id: Key = Field(examples=["chat"])
    cron: Key = Field(examples=["0 9 * * mon-fri"], description=_CRON)
    timezone: str = Field("UTC", min_length=1, max_length=64, examples=["Europe/Lisbon"])
    input: ScheduleInput
    thread_id: Key | None = Field(None, description="The thread of all its runs; without it each has one of its own.")
    enabled: bool = True


class ScheduleChange(_Asked):
    """What is left out stays as it is."""

    agent_id: Key = ""
    cron: Key = Field("", description=_CRON)
    timezone: str = Field("", min_length=1, max_length=64)
    input: ScheduleInput = ScheduleInput()
    thread_id: Key | None = Field(None, description="`null`: each run has a thread of its own.")
    enabled: bool = True


class ScheduleEntry(_Camel):
    schedule_id: str
    agent_id: str
    cron: str
    timezone: str
    input: ScheduleInput
    thread_id: str | None = Field(None, description="Absent where each run has a thread of its own.")
    enabled: bool
    next_at: datetime | None = Field(None, description="When it comes round next; absent where it is not enabled.")
    last_at: datetime | None = Field(None, description="The occurrence that was begun last.")
    last_run_id: str | None = Field(None, description="The run of it.")
    last_error: str | None = Field(None, description="Why that run was not begun: a code of docs/errors.md.")
    skipped: int = Field(description="Occurrences that were skipped: the run before them was still going.")
    created_at: datetime


class ScheduleMark(PlaceMark):
    pass


_ENTRY: Mapping[str, Any] = {
    "scheduleId": "0b8f1f0a5d274e0f9a3c6f6e80025a1f",
    "agentId": "chat",
    "cron": "0 9 * * mon-fri",
    "timezone": "Europe/Lisbon",
    "input": {
        "messages": [{"id": "m1", "role": "user", "content": "What is new?"}],
        "tools": [],
        "context": [],
        "forwardedProps": {},
    },
    "enabled": True,
    "nextAt": "2026-11-23T09:00:00Z",
    "skipped": 0,
    "createdAt": "2026-11-20T12:00:00Z",
}
_WRONG = (AgentNotFound, AgentUnavailable, ModelNotFound, ProfileNotFound, InvalidInput, StorageGone)


@router.post(
    "",
    summary="Have an agent run by itself",
    status_code=201,
    response_model_exclude_none=True,
    responses={**shown(_ENTRY, status=201), **answers(*_WRONG)},
)
async def create_schedule(asked: NewSchedule, who: Who, has: Has) -> ScheduleEntry:
    plan = Plan(asked.agent_id, asked.cron, asked.timezone, _written(asked.input), asked.thread_id)
    next_at = await _checked(plan, who, has)
    return _entry(await has.schedules.create(who, plan, next_at if asked.enabled else None))


@router.get(
    "",
    summary="Your schedules, newest first",
    response_model_exclude_none=True,
    responses={**shown({"items": [_ENTRY]}), **answers(InvalidInput, StorageGone)},
)
async def list_schedules(who: Who, has: Has, asked: Annotated[Part, Query()]) -> Page[ScheduleEntry]:
    mark = None if asked.cursor is None else read(asked.cursor, ScheduleMark)
    found = await has.schedules.listed(who, asked.limit + 1, Place(mark.moment, mark.id) if mark else None)
    return paged(
        found, asked.limit, shown=_entry, mark=lambda record: ScheduleMark(moment=record.created_at, id=record.id)
    )


@router.get(
    "/{schedule_id}",
    summary="One schedule",
    response_model_exclude_none=True,
    responses={**shown(_ENTRY), **answers(ScheduleNotFound, StorageGone)},
)
async def show_schedule(schedule_id: str, who: Who, has: Has) -> ScheduleEntry:
    return _entry(await _found(schedule_id, who, has))


@router.patch(
    "/{schedule_id}",
    summary="Stop a schedule for a while, or have it be another",
    response_model_exclude_none=True,
    responses={**shown({**_ENTRY, "cron": "0 8 * * *"}), **answers(ScheduleNotFound, *_WRONG)},
)
async def change_schedule(schedule_id: str, asked: ScheduleChange, who: Who, has: Has) -> ScheduleEntry:
    """What was missed while it was not enabled is not made up for."""
    record = await _found(schedule_id, who, has)
    said = asked.model_fields_set
    names = {"agent_id": "agent", "cron": "cron", "timezone": "timezone", "thread_id": "thread"}
    changed: dict[str, Any] = {name: getattr(asked, field) for field, name in names.items() if field in said}
    if "input" in said:
        changed["input"] = _written(asked.input)
    plan = replace(record.plan, **changed)
    enabled = asked.enabled if "enabled" in said else record.next_at is not None
    next_at = await _checked(plan, who, has) if enabled or changed else None
    try:
        return _entry(await has.schedules.change(who, schedule_id, plan, next_at if enabled else None))
    except UnknownSchedule:
        raise _unknown(schedule_id) from None


@router.delete(
    "/{schedule_id}",
    summary="Delete a schedule; its runs stay",
    status_code=204,
    responses=answers(ScheduleNotFound, StorageGone),
)
async def delete_schedule(schedule_id: str, who: Who, has: Has) -> None:
    try:
        await has.schedules.delete(who, schedule_id)
    except UnknownSchedule:
        raise _unknown(schedule_id) from None


def _unknown(schedule_id: str) -> ScheduleNotFound:
    return ScheduleNotFound(f"There is no schedule {schedule_id!r}.")


async def _found(schedule_id: str, who: Caller, has: Resources) -> ScheduleRecord:
    try:
        return await has.schedules.get(who, schedule_id)
    except UnknownSchedule:
        raise _unknown(schedule_id) from None


async def _checked(plan: Plan, who: Caller, has: Resources) -> datetime:
    """When it comes round first. Raises what a request for such a run would, but for what may be over by then."""
    try:
        Cron.parse(plan.cron)
    except BadCron as error:
        raise InvalidInput.naming(("cron", str(error))) from None
    try:
        next_at = await next_of(plan, datetime.now(UTC))
    except BadCron as error:
        raise InvalidInput.naming(("timezone", str(error))) from None
    if next_at is None:
        raise InvalidInput.naming(("cron", "there is no such day"))
    try:
        with suppress(AgentUnavailable, BudgetExhausted, NoModel, Overloaded):
            await asked_for(plan.agent, input_of(plan, "schedule"), who, has)
    except InvalidInput as error:
        told = ((f"input.{wrong['field']}", wrong["message"]) for wrong in error.more["errors"])
        raise InvalidInput.naming(*told) from None
    return next_at


def _written(given: ScheduleInput) -> Mapping[str, Any]:
    written: Mapping[str, Any] = given.model_dump(mode="json", by_alias=True, exclude_none=True)
    return written


def _entry(record: ScheduleRecord) -> ScheduleEntry:
    plan = record.plan
    return ScheduleEntry(
        schedule_id=record.id,
        agent_id=plan.agent,
        cron=plan.cron,
        timezone=plan.timezone,
        input=ScheduleInput.model_validate(plan.input),
        thread_id=plan.thread,
        enabled=record.next_at is not None,
        next_at=record.next_at,
        last_at=record.last_at,
        last_run_id=record.last_run,
        last_error=record.last_error,
        skipped=record.skipped,
        created_at=record.created_at,
    )
