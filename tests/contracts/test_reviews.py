"""What was found of texts, and what people say of messages, as it is kept."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, text

from observability.tracing import SpanRecord
from observability.tracing import Who as On
from storage.caller import Caller
from storage.database import Database
from storage.place import Place
from storage.reviews import ReviewDraft, Reviews, UnknownFeedback, UnknownReview, Wanted
from storage.runs import Runs
from storage.spans import Spans
from storage.tables import reviews as table
from tests.contracts.plans import plans

ANN = Caller("acme", "ann")
OTHERS = [Caller("acme", "bob"), Caller("other", "ann")]
FOUND = ReviewDraft(
    outcome="failed",
    rubric="answer",
    rubric_version="0123456789ab",
    told={"findings": []},
    score=2.5,
    judge="openai:gpt-5-mini",
    run="r",
    message="m",
    agent="chat",
)


@pytest.fixture
def reviews(database: Database) -> Reviews:
    return Reviews(database)


async def test_a_review_is_kept_as_it_was_found_for_whom_it_was_made(reviews: Reviews) -> None:
    made = await reviews.add(ANN, FOUND)
    assert (made.draft, await reviews.get(ANN, made.id)) == (FOUND, made)
    for other in OTHERS:
        assert await reviews.listed(other, Wanted(limit=10)) == []
        with pytest.raises(UnknownReview):
            await reviews.get(other, made.id)


async def test_lists_are_filtered_and_come_in_parts_newest_first(reviews: Reviews) -> None:
    made = [await reviews.add(ANN, replace(FOUND, run=f"r{at % 2}", attempt=at + 1)) for at in range(4)]
    newest = made[::-1]
    first = await reviews.listed(ANN, Wanted(limit=2))
    place = Place(first[-1].created_at, first[-1].id)
    assert [*first, *await reviews.listed(ANN, Wanted(limit=9, after=place))] == newest
    assert await reviews.listed(ANN, Wanted(limit=9, run="r1")) == [newest[0], newest[2]]
    assert await reviews.listed(ANN, Wanted(limit=9, outcome="passed")) == []
    assert await reviews.listed(ANN, Wanted(limit=9, message="m", rubric="answer", agent="chat")) == newest


async def test_what_waits_for_export_knows_the_trace_of_its_run_also_a_shared_one(
    reviews: Reviews, database: Database
) -> None:
    def run(at: int, trace: str, name: str, who: Caller = ANN) -> SpanRecord:
        on = On(who.tenant, who.user, session="t", run=name, agent="chat")
        return SpanRecord(trace, f"{at:016x}", None, "run chat", "run", on, None, 1_000 * at, 1_000 * at + 1)

    one, both = "1" * 32, "2" * 32
    # A reading for a service has a request and no run.
    reading = replace(run(3, both, "r3"), kind="request")
    spans = [run(1, one, "r1"), run(2, both, "r2"), reading, run(4, "3" * 32, "r4", OTHERS[0])]
    await Spans(database).write(spans)
    for name in ("r1", "r2", "r3", "r4"):
        await reviews.add(ANN, replace(FOUND, run=name))
        await reviews.say(ANN, f"m-{name}", thumb=1, score=None, comment=None, run=name)
    waiting = await reviews.waiting(9, before=datetime.now(UTC) + timedelta(seconds=1))
    assert [each.trace for each in waiting] == [one, both, both, None] * 2


async def test_the_scores_of_a_draft_have_another_name_until_it_is_delivered(reviews: Reviews) -> None:
    told = {"levels": {"true": 2.0}, "findings": [{"by": "lints", "severity": "error"}]}
    first, second = [
        await reviews.add(ANN, replace(FOUND, told=told, message="m", attempt=attempt)) for attempt in (1, 2)
    ]
    soon = datetime.now(UTC) + timedelta(seconds=1)
    waiting = await reviews.waiting(9, before=soon)
    assert {each.name for each in waiting} == {
        "review answer draft",
        "review answer draft: true",
        "review answer draft: check lints",
    }
    await reviews.exported(waiting)
    assert await reviews.waiting(9, before=soon) == []
    await reviews.deliver(ANN, second.id, "redacted")
    again = await reviews.waiting(9, before=soon)
    assert [(each.name, each.metadata["attempt"]) for each in again] == [
        ("review answer", 2),
        ("review answer: true", 2),
        ("review answer: check lints", 2),
    ]
    assert {each.id for each in again} <= {each.id for each in waiting}
    assert again[0].metadata["failedChecks"] == ["lints"]
    kept = (await reviews.get(ANN, second.id)).draft.told
    assert (kept["delivered"], kept["delivery"]) == (True, "redacted")
    assert "delivered" not in (await reviews.get(ANN, first.id)).draft.told


async def test_failed_checks_are_told_also_where_nothing_was_scored(reviews: Reviews, database: Database) -> None:
    found = [
        {"by": "lints", "severity": "error"},
        {"by": "code_parses", "severity": "error"},
        {"by": "lints", "severity": "error"},
        {"by": "true", "severity": "warning"},
    ]
    unscored = replace(FOUND, score=None, judge=None, message=None, told={"findings": found})
    await reviews.add(ANN, unscored)
    await reviews.add(ANN, replace(unscored, outcome="not_judged", told={"findings": []}))
    soon = datetime.now(UTC) + timedelta(minutes=1)
    waiting = await reviews.waiting(9, before=soon)
    assert [(each.name, each.value) for each in waiting] == [
        ("review answer: check code_parses", 0.0),
        ("review answer: check lints", 0.0),
    ]
    assert waiting[1].metadata["check"] == "lints"
    await reviews.exported(waiting)
    assert await reviews.waiting(9, before=soon) == []


async def test_a_review_goes_with_its_thread_and_one_that_comes_too_late_is_not_kept(
    reviews: Reviews, database: Database
) -> None:
    run = await Runs(database, owner="this", lease=5).open(ANN, thread="t", run="r", agent="chat", model=None)
    of_thread = await reviews.add(ANN, replace(FOUND, thread=run.thread))
    async with database.writing() as connection:
        await connection.exec_driver_sql("DELETE FROM threads")
    with pytest.raises(UnknownReview):
        await reviews.get(ANN, of_thread.id)
    await reviews.add(ANN, replace(FOUND, thread=run.thread))
    assert await reviews.listed(ANN, Wanted(10)) == []


async def test_lists_go_by_an_index(reviews: Reviews, database: Database) -> None:
    async with database.writing() as connection:
        await connection.execute(insert(table), [_row(at) for at in range(3000)])
    async with database.writing() as connection:
        await connection.execute(text("ANALYZE"))
    for wanted in (Wanted(limit=9), Wanted(limit=9, run="r7")):
        (plan,) = await plans(database, reviews.listed(ANN, wanted))
        assert "ix_reviews" in plan
        assert not any(slow in plan for slow in ("SCAN reviews", "Seq Scan", "TEMP B-TREE")), plan


def _row(at: int) -> dict[str, Any]:
    return {
        "id": uuid4().hex,
        "tenant_id": ANN.tenant,
        "user_id": f"user-{at % 20}" if at % 3 else ANN.user,
        "run": f"r{at % 50}",
        "outcome": "failed",
        "rubric": "answer",
        "rubric_version": "0",
        "attempt": 1,
        "told": {},
        "created_at": datetime.now(UTC) - timedelta(seconds=at),
    }


async def test_each_says_one_thing_of_a_message_and_may_change_it(reviews: Reviews) -> None:
    first = await reviews.say(ANN, "m", thumb=1, score=None, comment="Good.")
    again = await reviews.say(ANN, "m", thumb=None, score=0.5, comment=None, run="r")
    assert (again.thumb, again.score, again.comment, again.run) == (None, 0.5, None, "r")
    assert (again.created_at, await reviews.said(ANN, "m")) == (first.created_at, again)
    for other in OTHERS:
        with pytest.raises(UnknownFeedback):
            await reviews.said(other, "m")
        with pytest.raises(UnknownFeedback):
            await reviews.unsay(other, "m")
    await reviews.unsay(ANN, "m")
    with pytest.raises(UnknownFeedback):
        await reviews.unsay(ANN, "m")


async def test_what_is_said_many_times_at_once_is_said_once(reviews: Reviews) -> None:
    said = await asyncio.gather(*(reviews.say(ANN, "m", thumb=1, score=None, comment=f"{at}") for at in range(8)))
    kept = await reviews.said(ANN, "m")
    assert kept.comment in {each.comment for each in said}


async def test_feedback_that_is_taken_back_is_gone_and_told_to_be_if_it_was_told(reviews: Reviews) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    for message in ("told", "untold"):
        await reviews.say(ANN, message, thumb=1, score=None, comment="Well.", run="r")
    told = [each for each in await reviews.waiting(9, before=soon) if each.key[-1] == "told"]
    await reviews.exported(told)
    for message in ("told", "untold"):
        await reviews.unsay(ANN, message)
        with pytest.raises(UnknownFeedback):
            await reviews.said(ANN, message)
        with pytest.raises(UnknownFeedback):
            await reviews.unsay(ANN, message)
    (waiting,) = await reviews.waiting(9, before=soon)
    assert (waiting.id, waiting.value, waiting.comment) == (told[0].id, None, None)
    again = await reviews.say(ANN, "told", thumb=None, score=0.5, comment=None, run="r")
    assert await reviews.said(ANN, "told") == again
    # Langfuse may still have what was said before.
    await reviews.unsay(ANN, "told")
    assert [each.value for each in await reviews.waiting(9, before=soon)] == [None]
    await reviews.exported(await reviews.waiting(9, before=soon))
    assert await reviews.waiting(9, before=soon) == []


async def test_what_is_old_is_swept_whoever_it_is_of(reviews: Reviews) -> None:
    for caller in (ANN, OTHERS[0]):
        await reviews.add(caller, FOUND)
        await reviews.say(caller, "m", thumb=1, score=None, comment=None, run="r")
    then = datetime.now(UTC)
    new = await reviews.add(ANN, FOUND)
    await reviews.say(ANN, "m", thumb=-1, score=None, comment=None, run="r")
    await reviews.sweep(then)
    assert [each.id for each in await reviews.listed(ANN, Wanted(10))] == [new.id]
    assert await reviews.listed(OTHERS[0], Wanted(10)) == []
    assert (await reviews.said(ANN, "m")).thumb == -1
    with pytest.raises(UnknownFeedback):
        await reviews.said(OTHERS[0], "m")
