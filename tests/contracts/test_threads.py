import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import HumanMessage
from langgraph.graph import MessagesState, StateGraph
from sqlalchemy import func, insert, select, text, update

from observability.tracing import SpanRecord
from observability.tracing import TraceSubject as On
from storage.caller import Caller
from storage.checkpoints import Checkpoints, open_checkpoints
from storage.cursor import Cursor
from storage.database import Database, StorageFailed
from storage.reviews import NewReview, Reviews
from storage.runs import Runs, ThreadBusy
from storage.settings import StorageSettings
from storage.spans import SpanStore
from storage.tables import metadata as schema
from storage.tables import orphaned_threads
from storage.tables import runs as runs_table
from storage.tables import threads as table
from storage.threads import (
    Order,
    ThreadChange,
    ThreadExists,
    ThreadFilter,
    ThreadRecord,
    Threads,
    UnknownCheckpoint,
    UnknownThread,
)
from tests.contracts.plans import plans

ANN = Caller("acme", "ann")
OTHERS = [Caller("acme", "bob"), Caller("other", "ann")]

_GRAPH = StateGraph(MessagesState).add_node("hear", lambda _: {}).set_entry_point("hear")


@pytest.fixture
async def checkpoints(migrated: StorageSettings) -> AsyncIterator[Checkpoints]:
    async with open_checkpoints(migrated) as opened:
        yield opened


@pytest.fixture
def threads(database: Database, checkpoints: Checkpoints) -> Threads:
    return Threads(database, checkpoints, lease=5)


@pytest.fixture
def runs(database: Database) -> Runs:
    return Runs(database, owner="this", lease=5)


async def _ran(runs: Runs, checkpoints: Checkpoints, thread: str, *, caller: Caller = ANN, agent: str = "chat") -> str:
    """One run that said something; the internal id of its thread."""
    run = await runs.open(caller, thread=thread, run=uuid4().hex, agent=agent, model=None)
    graph = _GRAPH.compile(checkpointer=checkpoints.saver)
    await graph.ainvoke({"messages": [HumanMessage("Hi")]}, {"configurable": {"thread_id": run.thread}})
    await runs.end(caller, run, "success")
    return run.thread


async def _keys(threads: Threads, caller: Caller = ANN, **wanted: Any) -> list[str]:
    return [record.key for record in await threads.list_threads(caller, ThreadFilter(**{"limit": 100, **wanted}))]


async def test_a_thread_is_made_and_found_by_its_callers_id(threads: Threads) -> None:
    made = await threads.create(ANN, key="t", title="A title", metadata={"project": "x"})
    assert await threads.get(ANN, "t") == made
    assert (made.key, made.title, made.title_source, made.metadata, made.agent) == (
        "t",
        "A title",
        "user",
        {"project": "x"},
        None,
    )
    with pytest.raises(ThreadExists):
        await threads.create(ANN, key="t")


async def test_callers_never_meet(threads: Threads) -> None:
    mine = await threads.create(ANN, key="t", title="Mine")
    for caller in OTHERS:
        assert await _keys(threads, caller) == []
        for asked in (
            threads.get(caller, "t"),
            threads.update(caller, "t", ThreadChange(retitled=True, title="Theirs")),
            threads.fork(caller, "t", checkpoint="c", to="u"),
            threads.delete(caller, "t"),
        ):
            with pytest.raises(UnknownThread):
                await asked
        assert not await threads.has_no_title(caller, mine.id)
        assert not await threads.set_generated_title(caller, mine.id, "Theirs")
        assert (await threads.create(caller, key="t")).id != mine.id
    assert await threads.get(ANN, "t") == mine


async def test_a_thread_that_a_run_made_is_listed_with_its_agent(
    threads: Threads, runs: Runs, checkpoints: Checkpoints
) -> None:
    await _ran(runs, checkpoints, "t", agent="first")
    await _ran(runs, checkpoints, "t", agent="second")
    (listed,) = await threads.list_threads(ANN, ThreadFilter(limit=5))
    assert (listed.key, listed.agent, listed.title, listed.metadata) == ("t", "second", None, {})


async def test_what_is_changed_is_changed_and_nothing_else(threads: Threads) -> None:
    before = await threads.create(ANN, key="t", title="Old", metadata={"a": "1", "b": "2"})
    renamed = await threads.update(ANN, "t", ThreadChange(retitled=True, title="New"))
    assert (renamed.title, renamed.title_source, renamed.metadata) == ("New", "user", {"a": "1", "b": "2"})
    assert renamed.updated_at > before.updated_at
    merged = await threads.update(ANN, "t", ThreadChange(metadata={"a": None, "b": "", "c": "3"}))
    assert (merged.title, merged.metadata) == ("New", {"b": "", "c": "3"})
    assert await threads.get(ANN, "t") == merged


async def test_a_made_title_never_takes_the_place_of_another(threads: Threads) -> None:
    thread = await threads.create(ANN, key="t")
    assert await threads.has_no_title(ANN, thread.id)
    assert [await threads.set_generated_title(ANN, thread.id, title) for title in ("Made", "Made again")] == [
        True,
        False,
    ]
    made = await threads.get(ANN, "t")
    assert (made.title, made.title_source, made.updated_at) == ("Made", "model", thread.updated_at)
    await threads.update(ANN, "t", ThreadChange(retitled=True, title="Own"))
    assert not await threads.set_generated_title(ANN, thread.id, "Made")
    taken = await threads.update(ANN, "t", ThreadChange(retitled=True))
    assert (taken.title, taken.title_source) == (None, None)
    assert await threads.set_generated_title(ANN, thread.id, "Made")


async def _pages(threads: Threads, order: Order, meanwhile: Any) -> list[str]:
    """Every page of three, with something happening after each."""
    seen = list[str]()
    after: Cursor | None = None
    while page := await threads.list_threads(ANN, ThreadFilter(limit=3, after=after, order=order)):
        seen += [record.key for record in page]
        after = Cursor(page[-1].updated_at if order == "updated" else page[-1].created_at, page[-1].id)
        await meanwhile(len(seen))
    return seen


async def test_pages_lose_nothing_and_repeat_nothing_while_threads_are_written(threads: Threads) -> None:
    keys = [f"t{at}" for at in range(10)]
    for key in keys:
        await threads.create(ANN, key=key)

    async def meanwhile(seen: int) -> None:
        await threads.create(ANN, key=f"new {seen}")
        for key in ("t9", "t4", "t0"):
            await threads.update(ANN, key, ThreadChange(metadata={"seen": str(seen)}))

    assert await _pages(threads, "created", meanwhile) == keys[::-1]


async def test_by_last_use_what_is_written_meanwhile_moves_to_the_front_and_is_never_told_twice(
    threads: Threads,
) -> None:
    for at in range(10):
        await threads.create(ANN, key=f"t{at}")

    async def meanwhile(seen: int) -> None:
        if seen == 3:
            await threads.update(ANN, "t8", ThreadChange(metadata={"a": "seen before"}))
            await threads.update(ANN, "t2", ThreadChange(metadata={"a": "not seen yet"}))

    assert await _pages(threads, "updated", meanwhile) == ["t9", "t8", "t7", "t6", "t5", "t4", "t3", "t1", "t0"]
    assert (await _keys(threads))[:2] == ["t2", "t8"]


async def test_threads_of_one_moment_are_told_once_each(threads: Threads, database: Database) -> None:
    for at in range(8):
        await threads.create(ANN, key=f"t{at}")
    async with database.write() as connection:
        await connection.execute(update(table).values(updated_at=datetime.now(UTC)))

    async def nothing(seen: int) -> None:
        pass

    seen = await _pages(threads, "updated", nothing)
    assert sorted(seen) == [f"t{at}" for at in range(8)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["lisbon"], ["trip"]),
        (["LIS", "trip"], ["trip"]),
        (["lisbon", "porto"], []),
        (["straße"], ["street"]),
        (["STRASSE"], ["street"]),
        (["ﬁne"], ["fine"]),
        (["100%"], ["share"]),
        (["%"], ["share"]),
        (["_"], ["under"]),
        (["\\"], []),
        (["東京"], ["tokyo"]),
        (["'"], []),
    ],
)
async def test_words_are_found_in_titles(threads: Threads, words: Sequence[str], found: list[str]) -> None:
    titles = {
        "trip": "A Trip to Lisbon",
        "street": "Straße",
        "fine": "All is fine",
        "share": "100% of it",
        "under": "snake_case",
        "tokyo": "東京の天気",
        "none": None,
    }
    for key, title in titles.items():
        await threads.create(ANN, key=key, title=title)
    assert await _keys(threads, words=words) == found


async def test_metadata_is_found_by_what_it_is(threads: Threads) -> None:
    await threads.create(ANN, key="a", metadata={"project": "x", "a.b-c_d": "1"})
    await threads.create(ANN, key="b", metadata={"project": "x", "kind": 'it\'s "so"'})
    await threads.create(ANN, key="c", metadata={"project": "true"})
    asked: list[tuple[dict[str, str], list[str]]] = [
        ({"project": "x"}, ["b", "a"]),
        ({"project": "x", "a.b-c_d": "1"}, ["a"]),
        ({"kind": 'it\'s "so"'}, ["b"]),
        ({"project": "true"}, ["c"]),
        ({"project": "X"}, []),
        ({"nothing": ""}, []),
    ]
    assert [await _keys(threads, metadata=metadata) for metadata, _ in asked] == [found for _, found in asked]


async def _left(database: Database, checkpoints: Checkpoints) -> dict[str, int]:
    """How many rows each table has, ours and the checkpointer's."""
    counted = {}
    async with database.read() as connection:
        for each in schema.sorted_tables:
            counted[each.name] = await connection.scalar(select(func.count()).select_from(each)) or 0
        if database.engine.dialect.name == "postgresql":
            for name in ("checkpoints", "checkpoint_writes", "checkpoint_blobs"):
                counted[name] = (await connection.execute(text(f"SELECT count(*) FROM {name}"))).scalar_one()
            return counted
    saver: Any = checkpoints.saver
    for name in ("checkpoints", "writes"):
        ((counted[name],),) = await saver.conn.execute_fetchall(f"SELECT count(*) FROM {name}")
    return counted


async def test_a_deleted_thread_leaves_nothing(
    threads: Threads, runs: Runs, checkpoints: Checkpoints, database: Database
) -> None:
    await _ran(runs, checkpoints, "other")
    before = await _left(database, checkpoints)
    for _ in range(3):
        await _ran(runs, checkpoints, "t")
    assert len(await threads.delete(ANN, "t")) == 3
    assert await _left(database, checkpoints) == before
    with pytest.raises(UnknownThread):
        await threads.get(ANN, "t")


async def test_a_deleted_thread_takes_its_spans_reviews_and_feedback_along(
    threads: Threads, runs: Runs, checkpoints: Checkpoints, database: Database
) -> None:
    spans, reviews = SpanStore(database), Reviews(database)

    async def said(caller: Caller, thread: str, at: int) -> None:
        run = await runs.open(caller, thread=thread, run=f"r{at}", agent="chat", model=None)
        review = NewReview(
            "passed", "answer", "1", {}, thread_id=run.thread, run_id=f"r{at}", message_id=f"reviewed{at}"
        )
        await reviews.add(caller, review)
        for message, of in ((f"m{at}", f"r{at}"), (f"reviewed{at}", None)):
            await reviews.set_feedback(caller, message, thumb=1, score=None, comment="Good", run=of)
        subject = On(caller.tenant, caller.user, thread, f"r{at}", "chat")
        own, shared = f"{at:032x}", "f" * 32
        await spans.write(
            [
                SpanRecord(own, f"{at:016x}", None, "run chat", "run", subject, None, at, at + 1),
                SpanRecord(own, f"{at + 100:016x}", f"{at:016x}", "chat", "agent", subject, None, at, at + 1),
                SpanRecord(shared, f"{at:016x}", None, f"run {at}", "run", subject, "late", at, at + 1),
            ]
        )
        await runs.end(caller, run, "success")

    await said(ANN, "stays", 2)
    await said(OTHERS[0], "t", 3)
    before = await _left(database, checkpoints)
    await said(ANN, "t", 1)
    await threads.delete(ANN, "t")
    assert await _left(database, checkpoints) == before
    # A trace that a client gave to two threads is told by what is left of it.
    trace, left = await spans.get(ANN, "f" * 32)
    assert (trace.name, trace.thread, trace.span_count, len(left)) == ("run 2", "stays", 1, 1)


async def test_scores_that_were_sent_of_a_deleted_thread_are_deleted_there_too(
    threads: Threads, runs: Runs, database: Database
) -> None:
    reviews, soon = Reviews(database), datetime.now(UTC) + timedelta(minutes=1)
    run = await runs.open(ANN, thread="t", run="r", agent="chat", model=None)
    told = {"dimensionScores": {"true": 2}, "findings": [{"source": "lints", "severity": "error"}]}
    review = NewReview("failed", "answer", "1", told, score=2.0, thread_id=run.thread, run_id="r", message_id="m")
    for draft in (review, replace(review, thread_id=None)):
        await reviews.add(ANN, draft)
    await reviews.set_feedback(ANN, "m", thumb=1, score=None, comment=None, run="r")
    sent = await reviews.pending_scores(9, before=soon)
    await reviews.mark_exported(sent)
    # What was never sent needs nothing, but for what is on its way.
    for attempt in (2, 3):
        await reviews.add(ANN, replace(review, attempt=attempt, verdict={}))
    (on_its_way,) = [each for each in await reviews.pending_scores(9, before=soon) if each.metadata["attempt"] == 3]
    await runs.end(ANN, run, "success")
    await threads.delete(ANN, "t")
    await reviews.mark_exported([on_its_way])
    gone = await reviews.pending_scores(9, before=soon)
    with_thread = [each for each in sent if each.thread or each.table == "feedback"]
    assert len(with_thread) == 4
    assert {(each.id, each.value) for each in gone} == {(each.id, None) for each in (*with_thread, on_its_way)}
    # What is said anew of a message is not deleted any more.
    await reviews.set_feedback(ANN, "m", thumb=1, score=None, comment=None, run="r")
    again = await reviews.pending_scores(9, before=soon)
    assert [each.value for each in again if each.table == "feedback"] == [1.0]
    assert {each.id for each in again} == {each.id for each in gone}
    assert len(again) == len(gone)
    await reviews.mark_exported(again)
    assert await reviews.pending_scores(9, before=soon) == []


async def test_a_thread_is_not_deleted_under_a_run(threads: Threads, runs: Runs, database: Database) -> None:
    run = await runs.open(ANN, thread="t", run="r", agent="chat", model=None)
    with pytest.raises(ThreadBusy):
        await threads.delete(ANN, "t")
    async with database.write() as connection:
        await connection.execute(update(runs_table).values(heartbeat_at=datetime.now(UTC) - timedelta(seconds=6)))
    assert await threads.delete(ANN, "t") == [run.id]


async def test_a_thread_is_deleted_or_run_on_never_both(threads: Threads, runs: Runs) -> None:
    for at in range(10):
        old = await threads.create(ANN, key=f"t{at}")
        opened, deleted = await asyncio.gather(
            runs.open(ANN, thread=f"t{at}", run=f"r{at}", agent="chat", model=None),
            threads.delete(ANN, f"t{at}"),
            return_exceptions=True,
        )
        assert not isinstance(opened, BaseException)
        # Either the run was first, and the thread stays, or it came after and has a thread of its own.
        assert isinstance(deleted, ThreadBusy) == (opened.thread == old.id)


class _Gone:
    """Checkpoints that cannot be reached when they are to be forgotten."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints
        self.saver = checkpoints.saver
        self.copy = checkpoints.copy
        self.prune = checkpoints.prune

    async def delete_thread(self, thread: str) -> None:
        raise StorageFailed("gone")


async def test_what_a_crash_has_left_of_a_deleted_thread_is_swept(
    threads: Threads, runs: Runs, checkpoints: Checkpoints, database: Database
) -> None:
    before = await _left(database, checkpoints)
    await _ran(runs, checkpoints, "t")
    with pytest.raises(StorageFailed):
        await Threads(database, _Gone(checkpoints), lease=5).delete(ANN, "t")
    with pytest.raises(UnknownThread):
        await threads.get(ANN, "t")
    assert await threads.sweep() == 0
    async with database.write() as connection:
        await connection.execute(update(orphaned_threads).values(since=datetime.now(UTC) - timedelta(hours=2)))
    assert [await threads.sweep(), await threads.sweep()] == [1, 0]
    assert await _left(database, checkpoints) == before


async def test_a_fork_has_what_its_origin_had_and_is_another(
    threads: Threads, runs: Runs, checkpoints: Checkpoints
) -> None:
    origin = await _ran(runs, checkpoints, "t", agent="painter")
    await threads.update(ANN, "t", ThreadChange(retitled=True, title="Own", metadata={"a": "1"}))
    (tip, *_) = [each async for each in checkpoints.saver.alist({"configurable": {"thread_id": origin}})]
    checkpoint = tip.config["configurable"]["checkpoint_id"]
    fork = await threads.fork(ANN, "t", checkpoint=checkpoint, to="u")
    assert fork == await threads.get(ANN, "u")
    assert (fork.title, fork.title_source, fork.metadata, fork.agent) == ("Own", "user", {"a": "1"}, "painter")
    await threads.delete(ANN, "t")
    assert [each async for each in checkpoints.saver.alist({"configurable": {"thread_id": fork.id}})] != []


async def test_a_fork_that_cannot_be_leaves_nothing(
    threads: Threads, runs: Runs, checkpoints: Checkpoints, database: Database
) -> None:
    origin = await _ran(runs, checkpoints, "t")
    await threads.create(ANN, key="taken")
    (tip, *_) = [each async for each in checkpoints.saver.alist({"configurable": {"thread_id": origin}})]
    checkpoint = tip.config["configurable"]["checkpoint_id"]
    before = await _left(database, checkpoints)
    with pytest.raises(ThreadExists):
        await threads.fork(ANN, "t", checkpoint=checkpoint, to="taken")
    with pytest.raises(UnknownCheckpoint):
        await threads.fork(ANN, "t", checkpoint="nothing", to="u")
    assert await _left(database, checkpoints) == before
    outcomes = await asyncio.gather(
        *(threads.fork(ANN, "t", checkpoint=checkpoint, to="u") for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(outcome, ThreadRecord) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, ThreadExists) for outcome in outcomes) == 4
    after = await _left(database, checkpoints)
    assert (after["threads"], after["orphaned_threads"]) == (before["threads"] + 1, 0)
    # One copy of the one thread, with everything that the origin has.
    assert after["checkpoints"] == 2 * before["checkpoints"]


@pytest.fixture
async def crowded(database: Database) -> None:
    """Forty people with a hundred threads each, and two runs on every thread."""
    now = datetime.now(UTC)
    people = [f"user {at}" for at in range(39)] + [ANN.user]
    rows = [
        {
            "id": uuid4().hex,
            "tenant_id": ANN.tenant,
            "user_id": person,
            "client_thread_id": f"t{at}",
            "title": f"Thread {at}",
            "title_folded": f"thread {at}",
            "metadata": {"number": str(at)},
            "created_at": now - timedelta(minutes=at),
            "updated_at": now - timedelta(seconds=at * 7 % 100),
        }
        for person in people
        for at in range(100)
    ]
    ran = [
        {
            "id": uuid4().hex,
            "tenant_id": row["tenant_id"],
            "user_id": row["user_id"],
            "client_run_id": f"{row['client_thread_id']} {at}",
            "thread_id": row["id"],
            "agent_id": "chat",
            "status": "success",
            "owner": "this",
            "attempt": 1,
            "heartbeat_at": now,
            "created_at": now + timedelta(seconds=at),
        }
        for row in rows
        for at in range(2)
    ]
    async with database.write() as connection:
        await connection.execute(insert(table), rows)
        await connection.execute(insert(runs_table), ran)
    async with database.write() as connection:
        await connection.execute(text("ANALYZE"))


def _assert_indexed(plan: str, *indexes: str) -> None:
    for index in indexes:
        assert index in plan, plan
    for slow in ("SCAN threads", "SCAN runs", "Seq Scan on threads", "Seq Scan on runs"):
        assert slow not in plan, plan


@pytest.mark.parametrize("order", ["updated", "created"])
@pytest.mark.usefixtures("crowded")
async def test_lists_are_read_in_the_order_of_their_index(threads: Threads, database: Database, order: Order) -> None:
    first = await threads.list_threads(ANN, ThreadFilter(limit=21, order=order))
    after = Cursor(first[-1].updated_at if order == "updated" else first[-1].created_at, first[-1].id)
    for cursor in (None, after):
        (plan,) = await plans(database, threads.list_threads(ANN, ThreadFilter(limit=21, after=cursor, order=order)))
        _assert_indexed(plan, f"ix_threads_{order}", "ix_runs_thread_id_created_at")
        assert "Sort" not in plan
        assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize(
    "narrowed", [{"words": ["thread 4"]}, {"metadata": {"number": "42"}}], ids=["words", "metadata"]
)
@pytest.mark.usefixtures("crowded")
async def test_a_search_reads_its_callers_threads_and_nobody_elses(
    threads: Threads, database: Database, narrowed: dict[str, Any]
) -> None:
    (plan,) = await plans(database, threads.list_threads(ANN, ThreadFilter(limit=21, **narrowed)))
    _assert_indexed(plan, "ix_runs_thread_id_created_at")
    owned = (
        "tenant_id=? AND user_id=?",
        f"((tenant_id)::text = '{ANN.tenant}'::text) AND ((user_id)::text = '{ANN.user}'",
    )
    assert any(condition in plan for condition in owned), plan


@pytest.mark.usefixtures("crowded")
async def test_one_thread_is_found_by_its_index(threads: Threads, database: Database) -> None:
    (plan,) = await plans(database, threads.get(ANN, "t5"))
    _assert_indexed(plan, "ix_runs_thread_id_created_at")
    thread = await threads.get(ANN, "t5")
    for asked in (threads.has_no_title(ANN, thread.id), threads.delete(ANN, "t5"), threads.sweep()):
        for plan in await plans(database, asked):
            _assert_indexed(plan)
