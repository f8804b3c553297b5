"""Agents that run by themselves, in both databases."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from storage.caller import Caller
from storage.cursor import Cursor
from storage.database import Database
from storage.schedules import Occurrence, SchedulePlan, ScheduleRecord, Schedules, UnknownSchedule
from storage.tables import schedules as table

ANN = Caller("acme", "ann")
OTHERS = [Caller("acme", "bob"), Caller("other", "ann")]
PLAN = SchedulePlan("chat", "* * * * *", "UTC", {"messages": []}, "t")
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
PAST, SOON = NOW - timedelta(hours=3), NOW + timedelta(days=2)


@pytest.fixture
def here(database: Database) -> Schedules:
    return Schedules(database, owner="here")


@pytest.fixture
def there(database: Database) -> Schedules:
    return Schedules(database, owner="there")


async def _set(database: Database, **values: Any) -> None:
    async with database.write() as connection:
        await connection.execute(update(table).values(**values))


async def test_a_schedule_is_its_owners_and_nobody_elses(here: Schedules) -> None:
    made = await here.create(ANN, PLAN, SOON)
    assert await here.get(ANN, made.id) == made
    changed = await here.update(ANN, made.id, replace(PLAN, cron="0 0 * * *", thread=None), None)
    assert changed == replace(made, plan=replace(PLAN, cron="0 0 * * *", thread=None), next_at=None)
    for other in OTHERS:
        with pytest.raises(UnknownSchedule):
            await here.get(other, made.id)
        with pytest.raises(UnknownSchedule):
            await here.update(other, made.id, PLAN, SOON)
        with pytest.raises(UnknownSchedule):
            await here.delete(other, made.id)
        assert await here.list_schedules(other, 10) == []
    assert await here.get(ANN, made.id) == changed
    await here.delete(ANN, made.id)
    with pytest.raises(UnknownSchedule):
        await here.get(ANN, made.id)


async def test_a_list_goes_on_where_it_ended(here: Schedules) -> None:
    made = [await here.create(ANN, PLAN, SOON) for _ in range(5)]
    told, after = list[ScheduleRecord](), None
    while part := await here.list_schedules(ANN, 2, after):
        told += part
        after = Cursor(part[-1].created_at, part[-1].id)
    assert told == made[::-1]


async def test_what_is_due_is_one_processs(here: Schedules, there: Schedules) -> None:
    made = await here.create(ANN, PLAN, PAST)
    await here.create(ANN, PLAN, SOON)
    await here.create(ANN, PLAN, None)
    claimed = await asyncio.gather(*(each.claim(10) for each in (here, there) * 5))
    assert [occurrence for some in claimed for occurrence in some] == [Occurrence(made, PAST)]


async def test_an_occurrence_that_was_begun_makes_room_for_the_next(here: Schedules) -> None:
    made = await here.create(ANN, PLAN, PAST)
    (occurrence,) = await here.claim(10)
    assert await here.mark_started(occurrence, SOON, "run", error="no_model_available")
    assert await here.claim(10) == []
    assert await here.get(ANN, made.id) == replace(
        made, next_at=SOON, last_at=PAST, last_run="run", last_error="no_model_available"
    )
    assert not await here.mark_started(occurrence, SOON, "another")


async def test_a_skipped_occurrence_is_counted(here: Schedules) -> None:
    made = await here.create(ANN, PLAN, PAST)
    (occurrence,) = await here.claim(10)
    assert await here.mark_skipped(occurrence, SOON)
    assert await here.get(ANN, made.id) == replace(made, next_at=SOON, skipped=1)


async def test_an_occurrence_whose_process_has_died_is_anothers(
    here: Schedules, there: Schedules, database: Database
) -> None:
    await here.create(ANN, PLAN, PAST)
    (first,) = await here.claim(10)
    assert await there.claim(10) == []
    await _set(database, leased_until=NOW - timedelta(minutes=1))
    (second,) = await there.claim(10)
    assert second.at == first.at
    assert not await here.mark_started(first, SOON, "run")
    assert await there.mark_started(second, SOON, "run")


async def test_what_is_changed_meanwhile_stays_changed(here: Schedules) -> None:
    made = await here.create(ANN, PLAN, PAST)
    (occurrence,) = await here.claim(10)
    await here.update(ANN, made.id, PLAN, None)
    assert not await here.mark_started(occurrence, SOON, "run")
    assert (await here.get(ANN, made.id)).next_at is None
