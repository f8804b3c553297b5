"""Agents that run by themselves: when, with what, and how that went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, and_, delete, insert, literal, or_, select, tuple_, update

from storage.caller import Caller
from storage.clock import DatabaseTime
from storage.cursor import Cursor
from storage.database import Database
from storage.tables import Moment, schedules

# How long an occurrence belongs to the process that has begun to start it; far longer than that takes.
_CLAIM_SECONDS = 60


class UnknownSchedule(LookupError):
    """This caller has no such schedule; whether another has one is not said."""


@dataclass(frozen=True, slots=True)
class SchedulePlan:
    """What a person says of a schedule. `thread` is the client's; without it each run has one of its own."""

    agent: str
    cron: str
    timezone: str
    input: Mapping[str, Any]
    thread: str | None


@dataclass(frozen=True, slots=True)
class ScheduleRecord:
    """`next_at` is when it comes round next, and `None` where it is not enabled. `skipped` are occurrences."""

    id: str
    caller: Caller
    plan: SchedulePlan
    next_at: datetime | None
    last_at: datetime | None
    last_run: str | None
    last_error: str | None
    skipped: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that a schedule has come round, which is this process's to begin."""

    schedule: ScheduleRecord
    at: datetime


class Schedules:
    def __init__(self, database: Database, *, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def create(self, caller: Caller, plan: SchedulePlan, next_at: datetime | None) -> ScheduleRecord:
        now = datetime.now(UTC)
        record = ScheduleRecord(uuid4().hex, caller, plan, next_at, None, None, None, 0, now)
        async with self._database.write() as connection:
            await connection.execute(
                insert(schedules).values(
                    id=record.id,
                    tenant_id=caller.tenant,
                    user_id=caller.user,
                    **_plan_columns(plan),
                    next_at=next_at,
                    skipped=0,
                    created_at=now,
                    updated_at=now,
                )
            )
        return record

    async def get(self, caller: Caller, schedule: str) -> ScheduleRecord:
        """Raises `UnknownSchedule`."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(schedules).where(_mine(caller, schedule)))).one_or_none()
        if row is None:
            raise UnknownSchedule(f"Unknown schedule {schedule!r}")
        return _record(row)

    async def list_schedules(self, caller: Caller, limit: int, after: Cursor | None = None) -> Sequence[ScheduleRecord]:
        """Newest first."""
        mine = and_(schedules.c.tenant_id == caller.tenant, schedules.c.user_id == caller.user)
        wanted = select(schedules).where(mine)
        if after is not None:
            last = tuple_(literal(after.time, Moment), literal(after.id))
            wanted = wanted.where(tuple_(schedules.c.created_at, schedules.c.id) < last)
        wanted = wanted.order_by(schedules.c.created_at.desc(), schedules.c.id.desc()).limit(limit)
        async with self._database.read() as connection:
            return [_record(row) for row in (await connection.execute(wanted)).all()]

    async def update(
        self, caller: Caller, schedule: str, plan: SchedulePlan, next_at: datetime | None
    ) -> ScheduleRecord:
        """Raises `UnknownSchedule`. An occurrence that is just being begun stays begun."""
        values = {**_plan_columns(plan), "next_at": next_at, "leased_until": None, "updated_at": datetime.now(UTC)}
        async with self._database.write() as connection:
            await connection.execute(update(schedules).where(_mine(caller, schedule)).values(**values))
        return await self.get(caller, schedule)

    async def delete(self, caller: Caller, schedule: str) -> None:
        """Raises `UnknownSchedule`. Its runs stay."""
        async with self._database.write() as connection:
            gone = await connection.execute(delete(schedules).where(_mine(caller, schedule)))
        if gone.rowcount == 0:
            raise UnknownSchedule(f"Unknown schedule {schedule!r}")

    async def claim(self, limit: int) -> Sequence[Occurrence]:
        """Makes occurrences that are due this process's to begin."""
        now = DatabaseTime()
        free = or_(schedules.c.leased_until.is_(None), schedules.c.leased_until < now)
        due = select(schedules).where(schedules.c.next_at <= now, free).order_by(schedules.c.next_at).limit(limit)
        async with self._database.read() as connection:
            rows = (await connection.execute(due)).all()
        claimed = list[Occurrence]()
        for row in rows:
            values = {"owner": self._owner, "leased_until": DatabaseTime(_CLAIM_SECONDS)}
            if await self._update(and_(schedules.c.id == row.id, schedules.c.next_at == row.next_at, free), values):
                claimed.append(Occurrence(_record(row), row.next_at))
        return claimed

    async def mark_started(
        self, occurrence: Occurrence, next_at: datetime | None, run: str, *, error: str | None = None
    ) -> bool:
        """Goes on to the next occurrence. `error` is why the run, by its client's id, was not begun."""
        values = {"last_at": occurrence.at, "last_client_run_id": run, "last_error": error}
        return await self._update(self._ours(occurrence), {**values, "next_at": next_at, "leased_until": None})

    async def mark_skipped(self, occurrence: Occurrence, next_at: datetime | None) -> bool:
        values = {"skipped": schedules.c.skipped + 1, "next_at": next_at, "leased_until": None}
        return await self._update(self._ours(occurrence), values)

    def _ours(self, occurrence: Occurrence) -> ColumnElement[bool]:
        return and_(
            schedules.c.id == occurrence.schedule.id,
            schedules.c.next_at == occurrence.at,
            schedules.c.owner == self._owner,
        )

    async def _update(self, which: ColumnElement[bool], values: dict[str, Any]) -> bool:
        async with self._database.write() as connection:
            return (await connection.execute(update(schedules).where(which).values(**values))).rowcount == 1


def _mine(caller: Caller, schedule: str) -> ColumnElement[bool]:
    return and_(schedules.c.tenant_id == caller.tenant, schedules.c.user_id == caller.user, schedules.c.id == schedule)


def _plan_columns(plan: SchedulePlan) -> dict[str, Any]:
    return {
        "agent_id": plan.agent,
        "cron": plan.cron,
        "timezone": plan.timezone,
        "input": dict(plan.input),
        "client_thread_id": plan.thread,
    }


def _record(row: Row[Any]) -> ScheduleRecord:
    return ScheduleRecord(
        id=row.id,
        caller=Caller(tenant=row.tenant_id, user=row.user_id),
        plan=SchedulePlan(row.agent_id, row.cron, row.timezone, row.input, row.client_thread_id),
        next_at=row.next_at,
        last_at=row.last_at,
        last_run=row.last_client_run_id,
        last_error=row.last_error,
        skipped=row.skipped,
        created_at=row.created_at,
    )
