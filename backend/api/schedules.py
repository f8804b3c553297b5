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

from backend.api.examples import example_response, problem_responses
from backend.api.paging import Page, PageParams, TimeCursor, build_page, decode_cursor
from backend.api.run_requests import build_run_request
from backend.dependencies import CallerDep, ResourcesDep
from backend.errors import (
    AgentNotFound,
    AgentUnavailable,
    InvalidInput,
    ModelNotFound,
    ProfileNotFound,
    ScheduleNotFound,
    StorageUnavailable,
)
from backend.resources import Resources
from backend.runs.cron import BadCron, Cron
from backend.runs.schedules import build_run_input, next_occurrence
from llm.errors import BudgetExhausted, NoModelAvailable, Overloaded
from storage.caller import Caller
from storage.cursor import Cursor
from storage.schedules import SchedulePlan, ScheduleRecord, UnknownSchedule
from storage.tables import KEY_LENGTH

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])

Key = Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)]
_CRON = "Five fields: minute, hour, day of the month, month, day of the week."


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class _Request(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class ScheduleInput(_Request):
    """A `RunAgentInput` without the ids: those are each run's own."""

    messages: list[Message] = []
    tools: list[Tool] = []
    context: list[Context] = []
    state: Any = None
    forwarded_props: dict[str, Any] = Field(
        {}, description="As of a run; `multitaskStrategy` is `reject` where nothing is said."
    )


class ScheduleCreate(_Request):
    agent_id: Key = Field(examples=["chat"])
    cron: Key = Field(examples=["0 9 * * mon-fri"], description=_CRON)
    timezone: str = Field("UTC", min_length=1, max_length=64, examples=["Europe/Lisbon"])
    input: ScheduleInput
    thread_id: Key | None = Field(None, description="The thread of all its runs; without it each has one of its own.")
    enabled: bool = True


class ScheduleUpdate(_Request):
    """What is left out stays as it is."""

    agent_id: Key = ""
    cron: Key = Field("", description=_CRON)
    timezone: str = Field("", min_length=1, max_length=64)
    input: ScheduleInput = ScheduleInput()
    thread_id: Key | None = Field(None, description="`null`: each run has a thread of its own.")
    enabled: bool = True


class Schedule(_Camel):
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


class ScheduleCursor(TimeCursor):
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
_WRONG = (AgentNotFound, AgentUnavailable, ModelNotFound, ProfileNotFound, InvalidInput, StorageUnavailable)


@router.post(
    "",
    summary="Create a schedule",
    status_code=201,
    response_model_exclude_none=True,
    responses={**example_response(_ENTRY, status=201), **problem_responses(*_WRONG)},
)
async def create_schedule(body: ScheduleCreate, caller: CallerDep, resources: ResourcesDep) -> Schedule:
    plan = SchedulePlan(body.agent_id, body.cron, body.timezone, _fields_set(body.input), body.thread_id)
    next_at = await _check_plan(plan, caller, resources)
    return _schedule(await resources.schedules.create(caller, plan, next_at if body.enabled else None))


@router.get(
    "",
    summary="List schedules, newest first",
    response_model_exclude_none=True,
    responses={**example_response({"items": [_ENTRY]}), **problem_responses(InvalidInput, StorageUnavailable)},
)
async def list_schedules(
    caller: CallerDep, resources: ResourcesDep, params: Annotated[PageParams, Query()]
) -> Page[Schedule]:
    page_cursor = None if params.cursor is None else decode_cursor(params.cursor, ScheduleCursor)
    found = await resources.schedules.list_schedules(
        caller, params.limit + 1, Cursor(page_cursor.moment, page_cursor.id) if page_cursor else None
    )
    return build_page(
        found, params.limit, shown=_schedule, mark=lambda record: ScheduleCursor(moment=record.created_at, id=record.id)
    )


@router.get(
    "/{schedule_id}",
    summary="Get a schedule",
    response_model_exclude_none=True,
    responses={**example_response(_ENTRY), **problem_responses(ScheduleNotFound, StorageUnavailable)},
)
async def get_schedule(schedule_id: str, caller: CallerDep, resources: ResourcesDep) -> Schedule:
    return _schedule(await _get_own_schedule(schedule_id, caller, resources))


@router.patch(
    "/{schedule_id}",
    summary="Update, pause or resume a schedule",
    response_model_exclude_none=True,
    responses={**example_response({**_ENTRY, "cron": "0 8 * * *"}), **problem_responses(ScheduleNotFound, *_WRONG)},
)
async def update_schedule(
    schedule_id: str, body: ScheduleUpdate, caller: CallerDep, resources: ResourcesDep
) -> Schedule:
    """What was missed while it was not enabled is not made up for."""
    record = await _get_own_schedule(schedule_id, caller, resources)
    said = body.model_fields_set
    names = {"agent_id": "agent", "cron": "cron", "timezone": "timezone", "thread_id": "thread"}
    changed: dict[str, Any] = {name: getattr(body, field) for field, name in names.items() if field in said}
    if "input" in said:
        changed["input"] = _fields_set(body.input)
    plan = replace(record.plan, **changed)
    enabled = body.enabled if "enabled" in said else record.next_at is not None
    next_at = await _check_plan(plan, caller, resources) if enabled or changed else None
    try:
        return _schedule(await resources.schedules.update(caller, schedule_id, plan, next_at if enabled else None))
    except UnknownSchedule:
        raise _schedule_not_found(schedule_id) from None


@router.delete(
    "/{schedule_id}",
    summary="Delete a schedule and keep its runs",
    status_code=204,
    responses=problem_responses(ScheduleNotFound, StorageUnavailable),
)
async def delete_schedule(schedule_id: str, caller: CallerDep, resources: ResourcesDep) -> None:
    try:
        await resources.schedules.delete(caller, schedule_id)
    except UnknownSchedule:
        raise _schedule_not_found(schedule_id) from None


def _schedule_not_found(schedule_id: str) -> ScheduleNotFound:
    return ScheduleNotFound(f"There is no schedule {schedule_id!r}.")


async def _get_own_schedule(schedule_id: str, caller: Caller, resources: Resources) -> ScheduleRecord:
    try:
        return await resources.schedules.get(caller, schedule_id)
    except UnknownSchedule:
        raise _schedule_not_found(schedule_id) from None


async def _check_plan(plan: SchedulePlan, caller: Caller, resources: Resources) -> datetime:
    """When it comes round first. Raises what a request for such a run would, but for what may be over by then."""
    try:
        Cron.parse(plan.cron)
    except BadCron as error:
        raise InvalidInput.for_fields(("cron", str(error))) from None
    try:
        next_at = await next_occurrence(plan, datetime.now(UTC))
    except BadCron as error:
        raise InvalidInput.for_fields(("timezone", str(error))) from None
    if next_at is None:
        raise InvalidInput.for_fields(("cron", "there is no such day"))
    try:
        with suppress(AgentUnavailable, BudgetExhausted, NoModelAvailable, Overloaded):
            await build_run_request(plan.agent, build_run_input(plan, "schedule"), caller, resources)
    except InvalidInput as error:
        told = ((f"input.{wrong['field']}", wrong["message"]) for wrong in error.more["errors"])
        raise InvalidInput.for_fields(*told) from None
    return next_at


def _fields_set(given: ScheduleInput) -> Mapping[str, Any]:
    written: Mapping[str, Any] = given.model_dump(mode="json", by_alias=True, exclude_none=True)
    return written


def _schedule(record: ScheduleRecord) -> Schedule:
    plan = record.plan
    return Schedule(
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
