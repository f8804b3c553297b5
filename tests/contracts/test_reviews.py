"""What was found of texts, and what people say of messages, as it is kept."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, text

from observability.tracing import SpanRecord
from observability.tracing import TraceSubject as On
from storage.caller import Caller
from storage.cursor import Cursor
from storage.database import Database
from storage.reviews import NewReview, ReviewFilter, Reviews, UnknownFeedback, UnknownReview
from storage.runs import Runs
from storage.spans import SpanStore
from storage.tables import reviews as table
from tests.contracts.plans import plans

ANN = Caller("acme", "ann")
OTHERS = [Caller("acme", "bob"), Caller("other", "ann")]
FOUND = NewReview(
    outcome="failed",
    rubric="answer",
    rubric_version="0123456789ab",
    verdict={"findings": []},
    score=2.5,
    judge="openai:gpt-5-mini",
    run_id="r",
    message_id="m",
    agent_id="chat",
)


@pytest.fixture
def reviews(database: Database) -> Reviews:
    return Reviews(database)


async def test_a_review_is_kept_as_it_was_found_for_whom_it_was_made(reviews: Reviews) -> None:
    made = await reviews.add(ANN, FOUND)
    assert (made.draft, await reviews.get(ANN, made.id)) == (FOUND, made)
    for other in OTHERS:
        assert await reviews.list_reviews(other, ReviewFilter(limit=10)) == []
        with pytest.raises(UnknownReview):
            await reviews.get(other, made.id)


async def test_lists_are_filtered_and_come_in_parts_newest_first(reviews: Reviews) -> None:
    made = [await reviews.add(ANN, replace(FOUND, run_id=f"r{at % 2}", attempt=at + 1)) for at in range(4)]
    newest = made[::-1]
    first = await reviews.list_reviews(ANN, ReviewFilter(limit=2))
    cursor = Cursor(first[-1].created_at, first[-1].id)
    assert [*first, *await reviews.list_reviews(ANN, ReviewFilter(limit=9, after=cursor))] == newest
    assert await reviews.list_reviews(ANN, ReviewFilter(limit=9, run_id="r1")) == [newest[0], newest[2]]
    assert await reviews.list_reviews(ANN, ReviewFilter(limit=9, outcome="passed")) == []
    assert (
        await reviews.list_reviews(ANN, ReviewFilter(limit=9, message_id="m", rubric="answer", agent_id="chat"))
        == newest
    )


async def test_what_waits_for_export_knows_the_trace_of_its_run_also_a_shared_one(
    reviews: Reviews, database: Database
) -> None:
    def run(at: int, trace: str, name: str, caller: Caller = ANN) -> SpanRecord:
        on = On(caller.tenant, caller.user, session="t", run=name, agent="chat")
        return SpanRecord(trace, f"{at:016x}", None, "run chat", "run", on, None, 1_000 * at, 1_000 * at + 1)

    one, both = "1" * 32, "2" * 32
    # A reading for a service has a request and no run.
    reading = replace(run(3, both, "r3"), kind="request")
    spans = [run(1, one, "r1"), run(2, both, "r2"), reading, run(4, "3" * 32, "r4", OTHERS[0])]
    await SpanStore(database).write(spans)
    for name in ("r1", "r2", "r3", "r4"):
        await reviews.add(ANN, replace(FOUND, run_id=name))
        await reviews.set_feedback(ANN, f"m-{name}", thumb=1, score=None, comment=None, run=name)
    waiting = await reviews.pending_scores(9, before=datetime.now(UTC) + timedelta(seconds=1))
    assert [each.trace for each in waiting] == [one, both, both, None] * 2


async def test_the_scores_of_a_draft_have_another_name_until_it_is_delivered(reviews: Reviews) -> None:
    told = {"dimensionScores": {"true": 2.0}, "findings": [{"source": "lints", "severity": "error"}]}
    first, second = [
        await reviews.add(ANN, replace(FOUND, verdict=told, message_id="m", attempt=attempt)) for attempt in (1, 2)
    ]
    soon = datetime.now(UTC) + timedelta(seconds=1)
    waiting = await reviews.pending_scores(9, before=soon)
    assert {each.name for each in waiting} == {
        "review answer draft",
        "review answer draft: true",
        "review answer draft: check lints",
    }
    await reviews.mark_exported(waiting)
    assert await reviews.pending_scores(9, before=soon) == []
    await reviews.mark_delivered(ANN, second.id, "redacted")
    again = await reviews.pending_scores(9, before=soon)
    assert [(each.name, each.metadata["attempt"]) for each in again] == [
        ("review answer", 2),
        ("review answer: true", 2),
        ("review answer: check lints", 2),
    ]
    assert {each.id for each in again} <= {each.id for each in waiting}
    assert again[0].metadata["failedChecks"] == ["lints"]
    kept = (await reviews.get(ANN, second.id)).draft.verdict
    assert (kept["delivered"], kept["delivery"]) == (True, "redacted")
    assert "delivered" not in (await reviews.get(ANN, first.id)).draft.verdict


async def test_failed_checks_are_told_also_where_nothing_was_scored(reviews: Reviews, database: Database) -> None:
    found = [
        {"source": "lints", "severity": "error"},
        {"source": "code_parses", "severity": "error"},
        {"source": "lints", "severity": "error"},
        {"source": "true", "severity": "warning"},
    ]
    unscored = replace(FOUND, score=None, judge=None, message_id=None, verdict={"findings": found})
    await reviews.add(ANN, unscored)
    await reviews.add(ANN, replace(unscored, outcome="not_judged", verdict={"findings": []}))
    soon = datetime.now(UTC) + timedelta(minutes=1)
    waiting = await reviews.pending_scores(9, before=soon)
    assert [(each.name, each.value) for each in waiting] == [
        ("review answer: check code_parses", 0.0),
        ("review answer: check lints", 0.0),
    ]
    assert waiting[1].metadata["check"] == "lints"
    await reviews.mark_exported(waiting)
    assert await reviews.pending_scores(9, before=soon) == []


async def test_a_review_goes_with_its_thread_and_one_that_comes_too_late_is_not_kept(
    reviews: Reviews, database: Database
) -> None:
    run = await Runs(database, owner="this", lease=5).open(ANN, thread="t", run="r", agent="chat", model=None)
    of_thread = await reviews.add(ANN, replace(FOUND, thread_id=run.thread))
    async with database.write() as connection:
        await connection.exec_driver_sql("DELETE FROM threads")
    with pytest.raises(UnknownReview):
        await reviews.get(ANN, of_thread.id)
    await reviews.add(ANN, replace(FOUND, thread_id=run.thread))
    assert await reviews.list_reviews(ANN, ReviewFilter(10)) == []


async def test_lists_go_by_an_index(reviews: Reviews, database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(insert(table), [_row(at) for at in range(3000)])
    async with database.write() as connection:
        await connection.execute(text("ANALYZE"))
    for query in (ReviewFilter(limit=9), ReviewFilter(limit=9, run_id="r7")):
        (plan,) = await plans(database, reviews.list_reviews(ANN, query))
        assert "ix_reviews" in plan
        assert not any(slow in plan for slow in ("SCAN reviews", "Seq Scan", "TEMP B-TREE")), plan


def _row(at: int) -> dict[str, Any]:
    return {
        "id": uuid4().hex,
        "tenant_id": ANN.tenant,
        "user_id": f"user-{at % 20}" if at % 3 else ANN.user,
        "client_run_id": f"r{at % 50}",
        "outcome": "failed",
        "rubric": "answer",
        "rubric_version": "0",
        "attempt": 1,
        "verdict": {},
        "created_at": datetime.now(UTC) - timedelta(seconds=at),
    }


async def test_each_says_one_thing_of_a_message_and_may_change_it(reviews: Reviews) -> None:
    first = await reviews.set_feedback(ANN, "m", thumb=1, score=None, comment="Good.")
    again = await reviews.set_feedback(ANN, "m", thumb=None, score=0.5, comment=None, run="r")
    assert (again.thumb, again.score, again.comment, again.run_id) == (None, 0.5, None, "r")
    assert (again.created_at, await reviews.get_feedback(ANN, "m")) == (first.created_at, again)
    for other in OTHERS:
        with pytest.raises(UnknownFeedback):
            await reviews.get_feedback(other, "m")
        with pytest.raises(UnknownFeedback):
            await reviews.delete_feedback(other, "m")
    await reviews.delete_feedback(ANN, "m")
    with pytest.raises(UnknownFeedback):
        await reviews.delete_feedback(ANN, "m")


async def test_what_is_said_many_times_at_once_is_said_once(reviews: Reviews) -> None:
    said = await asyncio.gather(
        *(reviews.set_feedback(ANN, "m", thumb=1, score=None, comment=f"{at}") for at in range(8))
    )
    kept = await reviews.get_feedback(ANN, "m")
    assert kept.comment in {each.comment for each in said}


async def test_feedback_that_is_taken_back_is_gone_and_told_to_be_if_it_was_told(reviews: Reviews) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    for message in ("told", "untold"):
        await reviews.set_feedback(ANN, message, thumb=1, score=None, comment="Well.", run="r")
    told = [each for each in await reviews.pending_scores(9, before=soon) if each.key[-1] == "told"]
    await reviews.mark_exported(told)
    for message in ("told", "untold"):
        await reviews.delete_feedback(ANN, message)
        with pytest.raises(UnknownFeedback):
            await reviews.get_feedback(ANN, message)
        with pytest.raises(UnknownFeedback):
            await reviews.delete_feedback(ANN, message)
    (waiting,) = await reviews.pending_scores(9, before=soon)
    assert (waiting.id, waiting.value, waiting.comment) == (told[0].id, None, None)
    again = await reviews.set_feedback(ANN, "told", thumb=None, score=0.5, comment=None, run="r")
    assert await reviews.get_feedback(ANN, "told") == again
    # Langfuse may still have what was said before.
    await reviews.delete_feedback(ANN, "told")
    assert [each.value for each in await reviews.pending_scores(9, before=soon)] == [None]
    await reviews.mark_exported(await reviews.pending_scores(9, before=soon))
    assert await reviews.pending_scores(9, before=soon) == []


async def test_what_is_old_is_swept_whoever_it_is_of(reviews: Reviews) -> None:
    for caller in (ANN, OTHERS[0]):
        await reviews.add(caller, FOUND)
        await reviews.set_feedback(caller, "m", thumb=1, score=None, comment=None, run="r")
    then = datetime.now(UTC)
    new = await reviews.add(ANN, FOUND)
    await reviews.set_feedback(ANN, "m", thumb=-1, score=None, comment=None, run="r")
    await reviews.sweep(then)
    assert [each.id for each in await reviews.list_reviews(ANN, ReviewFilter(10))] == [new.id]
    assert await reviews.list_reviews(OTHERS[0], ReviewFilter(10)) == []
    assert (await reviews.get_feedback(ANN, "m")).thumb == -1
    with pytest.raises(UnknownFeedback):
        await reviews.get_feedback(OTHERS[0], "m")
