import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select, update

from storage.caller import Caller
from storage.database import Database, open_database
from storage.runs import CLAIM_BATCH, RunExists, RunRecord, Runs, ThreadBusy, UnknownMessage
from storage.settings import StorageSettings
from storage.tables import runs as table
from storage.tables import threads

ANN = Caller("acme", "ann")
OTHERS = [Caller("acme", "bob"), Caller("other", "ann")]


@pytest.fixture
def runs(database: Database) -> Runs:
    return Runs(database, owner="this", lease=5)


async def _open(runs: Runs, run: str, thread: str = "t", caller: Caller = ANN) -> RunRecord:
    return await runs.open(caller, thread=thread, run=run, agent="chat", model="a:b")


async def _row(database: Database, run: RunRecord) -> dict[str, object]:
    async with database.read() as connection:
        row = (await connection.execute(select(table).where(table.c.id == run.id))).one()
    return dict(row._mapping)


async def test_a_run_takes_its_thread_until_it_ends(runs: Runs, database: Database) -> None:
    first = await _open(runs, "r1")
    with pytest.raises(ThreadBusy):
        await _open(runs, "r2")
    await runs.end(ANN, first, "success", usage=[{"inputTokens": 3}])
    second = await _open(runs, "r2")
    assert second.thread == first.thread
    ended = await _row(database, first)
    assert (ended["status"], ended["usage"], ended["error_code"]) == ("success", [{"inputTokens": 3}], None)
    assert isinstance(ended["ended_at"], datetime)
    assert datetime.now(UTC) - ended["ended_at"] < timedelta(minutes=1)


async def test_a_run_id_is_taken_once_by_its_caller_and_by_others_too(runs: Runs) -> None:
    await _open(runs, "r1", "t1")
    with pytest.raises(RunExists):
        await _open(runs, "r1", "t2")
    opened = [await _open(runs, "r1", "t1", caller) for caller in OTHERS]
    assert len({record.thread for record in opened}) == 2


async def test_a_message_is_found_at_the_newest_run_that_answered_with_it(runs: Runs) -> None:
    strange = ["m" * 256, "m\x00", ""]
    first = await _open(runs, "r1")
    await runs.end(ANN, first, "interrupt", messages=["m", "n", *strange])
    second = await _open(runs, "r2")
    await runs.end(ANN, second, "cancelled", messages=["m"])
    # What is told of a run that has ended already is not told any more.
    await runs.end(ANN, first, "success", messages=["late"])
    assert (await runs.find_by_message(ANN, "m")).client_run_id == "r2"
    assert (await runs.find_by_message(ANN, "m", "r1")).client_run_id == "r1"
    assert (await runs.find_by_message(ANN, "n")).client_run_id == "r1"
    wrong: list[tuple[Caller, str, str | None]] = [
        *((ANN, message, None) for message in ("late", *strange)),
        *((ANN, "n", run) for run in ("r2", "r1\x00")),
        (OTHERS[0], "m", None),
    ]
    for caller, message, run in wrong:
        with pytest.raises(UnknownMessage):
            await runs.find_by_message(caller, message, run)


async def test_nobody_ends_a_run_of_somebody_elses(runs: Runs, database: Database) -> None:
    mine = await _open(runs, "r1")
    for caller in OTHERS:
        await runs.end(caller, mine, "cancelled")
    assert (await _row(database, mine))["status"] == "running"


async def test_of_many_at_once_one_gets_the_thread(runs: Runs) -> None:
    outcomes = await asyncio.gather(*(_open(runs, f"r{n}") for n in range(20)), return_exceptions=True)
    opened = [outcome for outcome in outcomes if isinstance(outcome, RunRecord)]
    assert len(opened) == 1
    assert all(isinstance(outcome, RunRecord | ThreadBusy) for outcome in outcomes)


async def test_expired_run_is_ended_for_another_and_live_one_is_not(runs: Runs, database: Database) -> None:
    lost, others = await _open(runs, "r1"), Runs(database, owner="other", lease=5)
    assert not await others.end_expired(lost.id)
    await _age(database, seconds=6)
    with pytest.raises(ThreadBusy):
        await _open(others, "r2")
    # A process that could not beat for a while does not take its own run away.
    assert not await runs.end_expired(lost.id)
    assert await others.end_expired(lost.id)
    row = await _row(database, lost)
    assert (row["status"], row["error_code"]) == ("error", "run_lost")
    assert (await _row(database, await _open(others, "r2")))["status"] == "running"


async def test_leases_and_queues_hold_no_moment_of_this_process(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("one machine, one clock")
    given = list[object]()
    event.listen(
        database.engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _cursor, _statement, parameters, _context, _many: given.extend(dict(parameters or {}).values()),
    )
    here = Runs(database, owner="here", lease=5)
    first = await here.open(ANN, thread="t", run="r", agent="chat", model=None, request_json={"input": {}})
    queued = await here.open(
        ANN, thread="t", run="q", agent="chat", model=None, request_json={"input": {}}, queued=True
    )
    await here.heartbeat([first.id])
    await here.release([first.id, queued.id])
    other = Runs(database, owner="other", lease=5)
    assert len(await other.claim_expired(2)) == 2
    await other.end_expired_runs()
    await other.end_expired(first.id)
    await other.end(ANN, first, "success")
    await other.begin(queued)
    assert given
    assert not [value for value in given if isinstance(value, datetime)]


async def test_heartbeat_waits_for_no_connection_of_a_busy_pool(database: Database, migrated: StorageSettings) -> None:
    if migrated.embedded:
        pytest.skip("SQLite has one writer, whoever that is")
    busy, own = open_database(migrated, connections=1), open_database(migrated, connections=1)
    here = Runs(busy, owner="here", lease=5, heartbeats=own)
    run = await _open(here, "r")
    async with busy.read():
        assert await here.heartbeat([run.id]) == [run.id]
    await busy.aclose()
    await own.aclose()


async def test_own_runs_are_neither_claimed_nor_ended(runs: Runs, database: Database) -> None:
    local_runs = await runs.open(ANN, thread="t", run="r", agent="chat", model=None, request_json={"input": {}})
    await _age(database, seconds=6)
    assert await runs.claim_expired(2, except_ids=[local_runs.id]) == []
    assert await runs.end_expired_runs(except_ids=[local_runs.id]) == []
    # What it drives no more it may take up again like anybody.
    assert [lost.row.id for lost in await runs.claim_expired(2)] == [local_runs.id]


async def test_queued_run_of_a_dead_process_is_claimed_and_waits_on(runs: Runs, database: Database) -> None:
    asked: dict[str, object] = {"input": {}}
    first = await runs.open(ANN, thread="t", run="r1", agent="chat", model=None, request_json=asked)
    queued = await runs.open(ANN, thread="t", run="r2", agent="chat", model=None, request_json=asked, queued=True)
    await _age(database, seconds=6)
    other = Runs(database, owner="other", lease=5)
    # Nobody passes over the run before it: that one is recovered too.
    assert not await runs.begin(queued)
    claimed = await other.claim_expired(2)
    assert [(lost.row.id, lost.row.status, lost.attempt) for lost in claimed] == [
        (first.id, "running", 2),
        (queued.id, "queued", 1),
    ]
    assert not await other.begin(queued)
    await other.end(ANN, first, "success")
    assert not await runs.begin(queued)
    assert await other.begin(queued)


async def test_lost_runs_are_ended_and_those_that_beat_are_not(database: Database) -> None:
    here, gone = Runs(database, owner="here", lease=5), Runs(database, owner="gone", lease=5)
    mine, lost = await _open(here, "r1", "t1"), await _open(gone, "r2", "t2")
    await _age(database, seconds=6)
    await here.heartbeat([mine.id])
    assert await here.end_expired_runs() == [lost.id]
    assert [(await _row(database, run))["status"] for run in (mine, lost)] == ["running", "error"]


async def test_a_thread_remembers_when_it_was_used(runs: Runs, database: Database) -> None:
    first = await _open(runs, "r1")
    await runs.end(ANN, first, "success")
    before = await _touched(database)
    await _open(runs, "r2")
    assert await _touched(database) > before


async def _age(database: Database, *, seconds: int) -> None:
    async with database.write() as connection:
        await connection.execute(update(table).values(heartbeat_at=datetime.now(UTC) - timedelta(seconds=seconds)))


async def _touched(database: Database) -> datetime:
    async with database.read() as connection:
        touched: datetime = (await connection.execute(select(threads.c.updated_at))).scalar_one()
    return touched


async def test_a_lost_run_is_claimed_by_one_and_as_often_as_it_may_be(database: Database) -> None:
    here, there = (Runs(database, owner=name, lease=5) for name in ("here", "there"))
    gone = Runs(database, owner="gone", lease=5)
    lost = await gone.open(ANN, thread="t1", run="r1", agent="chat", model=None, request_json={"a": 1})
    await _open(gone, "r2", "t2")
    assert await here.claim_expired(2) == []
    await _age(database, seconds=6)
    (claimed,) = await here.claim_expired(2)
    assert (claimed.row.id, claimed.row.client_run_id, claimed.attempt, claimed.request_json) == (
        lost.id,
        "r1",
        2,
        {"a": 1},
    )
    assert claimed.caller == Caller(ANN.tenant, ANN.user)
    # Once claimed it is its own, and who had it before is told so.
    assert await there.claim_expired(2) == []
    assert await here.heartbeat([lost.id]) == [lost.id]
    assert await gone.heartbeat([lost.id]) == []
    await gone.end(ANN, lost, "success")
    assert (await _row(database, lost))["status"] == "running"
    # One that cannot be gone on with, or was often enough, is ended.
    await _age(database, seconds=6)
    assert await there.claim_expired(2) == []
    assert len(await there.end_expired_runs()) == 2


async def test_a_queue_has_its_order(runs: Runs) -> None:
    first = await _open(runs, "r1")
    second = await runs.open(ANN, thread="t", run="r2", agent="chat", model=None, queued=True)
    third = await runs.open(ANN, thread="t", run="r3", agent="chat", model=None, queued=True)
    assert [await runs.begin(run) for run in (second, third)] == [False, False]
    await runs.end(ANN, first, "success")
    # Nobody overtakes those who wait.
    with pytest.raises(ThreadBusy):
        await _open(runs, "r4")
    assert [await runs.begin(run) for run in (third, second, third)] == [False, True, False]
    await runs.end(ANN, second, "success")
    assert await runs.begin(third)


async def test_a_request_that_races_with_itself_is_known_and_not_busy(runs: Runs) -> None:
    opened = await asyncio.gather(*(_open(runs, "r") for _ in range(8)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in opened) == ["RunExists"] * 7 + ["RunRecord"]


async def test_runs_that_nobody_drives_any_more_are_ended_also_those_of_ones_own(
    runs: Runs, database: Database
) -> None:
    local_runs, forgotten = await _open(runs, "r1", "t1"), await _open(runs, "r2", "t2")
    await _age(database, seconds=6)
    assert await runs.end_expired_runs(except_ids=[local_runs.id]) == [forgotten.id]


async def test_a_run_that_was_withdrawn_can_be_asked_for_again(runs: Runs) -> None:
    await runs.withdraw(await _open(runs, "r"))
    await _open(runs, "r")
    first = await runs.find(ANN, "r")
    assert first is not None
    assert await runs.is_first(first)
    assert await runs.count_queued(ANN, "t") == 0


async def test_a_run_that_was_left_is_taken_up_at_once_and_its_try_does_not_count(
    runs: Runs, database: Database
) -> None:
    left = await runs.open(ANN, thread="t", run="r1", agent="chat", model="a:b", request_json={"model": None})
    queued = await runs.open(
        ANN, thread="t", run="r2", agent="chat", model="a:b", request_json={"model": None}, queued=True
    )
    others = Runs(database, owner="other", lease=5)
    assert await others.claim_expired(1) == []
    await others.release([left.id])
    assert await others.claim_expired(1) == []
    await runs.release([left.id, queued.id])
    taken = await others.claim_expired(1)
    assert [(lost.row.id, lost.attempt, lost.caller) for lost in taken] == [(left.id, 1, ANN), (queued.id, 1, ANN)]
    assert await runs.heartbeat([left.id, queued.id]) == []


async def test_runs_that_some_process_may_still_claim_are_not_ended(runs: Runs, database: Database) -> None:
    opened = [
        await runs.open(ANN, thread=f"t{at}", run=f"r{at}", agent="chat", model="a:b", request_json={})
        for at in range(CLAIM_BATCH + 4)
    ]
    await runs.release([run.id for run in opened])
    other = Runs(database, owner="other", lease=5)
    first = await other.claim_expired(2)
    assert await other.end_expired_runs(except_ids=[lost.row.id for lost in first], max_attempts=2) == []
    rest = await other.claim_expired(2)
    assert {lost.row.id for lost in (*first, *rest)} == {run.id for run in opened}
