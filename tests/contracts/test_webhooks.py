"""Who is to be told of a run's end, in both databases."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from storage.caller import Caller
from storage.database import Database
from storage.runs import RunRecord, Runs
from storage.tables import runs as runs_table
from storage.tables import threads, webhooks
from storage.webhooks import Webhooks

ANN = Caller("acme", "ann")
URL = "https://example.com/hook"


@pytest.fixture
def here(database: Database) -> Webhooks:
    return Webhooks(database, owner="here", lease=5)


@pytest.fixture
def there(database: Database) -> Webhooks:
    return Webhooks(database, owner="there", lease=5)


@pytest.fixture
def runs(database: Database) -> Runs:
    return Runs(database, owner="here", lease=5)


async def _opened(runs: Runs, run: str = "r1") -> RunRecord:
    return await runs.open(ANN, thread=f"thread of {run}", run=run, agent="chat", model=None)


async def _row(database: Database) -> dict[str, Any]:
    async with database.read() as connection:
        return dict((await connection.execute(select(webhooks))).one()._mapping)


async def _set(database: Database, table: Any, **values: Any) -> None:
    async with database.write() as connection:
        await connection.execute(update(table).values(**values))


async def test_nothing_is_due_until_the_run_has_ended(here: Webhooks, runs: Runs) -> None:
    run = await _opened(runs)
    await here.create(ANN, run.id, URL)
    assert await here.claim(10) == []
    await runs.end(ANN, run, "success")
    (delivery,) = await here.claim(10)
    assert (delivery.caller, delivery.run, delivery.run_key) == (ANN, run.id, "r1")
    assert (delivery.url, delivery.body, delivery.attempt) == (URL, None, 1)


async def test_asked_twice_is_asked_once(here: Webhooks, runs: Runs, database: Database) -> None:
    run = await _opened(runs)
    await here.create(ANN, run.id, URL)
    await here.create(ANN, run.id, "https://example.com/other")
    assert (await _row(database))["url"] == URL


async def test_a_run_that_was_deleted_has_nobody_to_tell(here: Webhooks, runs: Runs, database: Database) -> None:
    run = await _opened(runs)
    await here.create(ANN, run.id, URL)
    async with database.write() as connection:
        await connection.execute(delete(threads))
    async with database.read() as connection:
        assert (await connection.execute(select(webhooks))).all() == []
    await here.create(ANN, run.id, URL)


async def test_the_result_is_left_to_who_drove_the_run_until_its_lease_has_run_out(
    here: Webhooks, there: Webhooks, runs: Runs, database: Database
) -> None:
    run = await _opened(runs)
    await here.create(ANN, run.id, URL)
    await runs.end(ANN, run, "success")
    assert await there.claim(10) == []
    await _set(database, runs_table, ended_at=datetime.now(UTC) - timedelta(seconds=6))
    assert len(await there.claim(10)) == 1
    assert await here.claim(10) == []


async def test_an_attempt_whose_process_has_died_is_made_by_another(
    here: Webhooks, there: Webhooks, runs: Runs, database: Database
) -> None:
    run = await _opened(runs)
    await here.create(ANN, run.id, URL)
    await runs.end(ANN, run, "success")
    (first,) = await here.claim(10)
    assert await here.store_body(first, "{}")
    assert await there.claim(10) == []
    await _set(database, webhooks, next_at=datetime.now(UTC) - timedelta(seconds=1))
    (second,) = await there.claim(10)
    assert (second.body, second.attempt) == ("{}", 2)
    # Who was thought dead says nothing any more.
    assert not await here.store_body(first, "[]")
    await here.settle(first, "given_up")
    await here.retry_in(first, 0)
    row = await _row(database)
    assert (row["status"], row["owner"], row["body"]) == ("waiting", "there", "{}")
    await there.settle(second, "delivered")
    row = await _row(database)
    assert (row["status"], row["body"]) == ("delivered", None)
    assert isinstance(row["ended_at"], datetime)


async def test_what_failed_is_due_again_later(here: Webhooks, runs: Runs, database: Database) -> None:
    run = await _opened(runs)
    await here.create(ANN, run.id, URL)
    await runs.end(ANN, run, "error", error_code="run_lost")
    (delivery,) = await here.claim(10)
    await here.retry_in(delivery, 30)
    assert await here.claim(10) == []
    due = (await _row(database))["next_at"] - datetime.now(UTC)
    assert timedelta(seconds=20) < due < timedelta(seconds=31)
    await _set(database, webhooks, next_at=datetime.now(UTC))
    assert [delivery.attempt for delivery in await here.claim(10)] == [2]
