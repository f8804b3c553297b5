"""What runs did, as it is kept: spans come in any order, and of each trace one row says what they say together."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import insert, text

from observability.tracing import SpanRecord
from observability.tracing import TraceSubject as On
from storage.caller import Caller
from storage.cursor import Cursor
from storage.database import Database
from storage.spans import MAX_SPANS, SpanStore, TraceFilter, TraceRecord, UnknownTrace
from storage.tables import traces as table
from tests.contracts.plans import plans

ANN = Caller("acme", "ann")
OTHERS = [Caller("acme", "bob"), Caller("other", "ann")]
ON = On("acme", "ann", session="t", run="r", agent="chat")
TRACE = "0af7651916cd43dd8448eb211c80319c"
# A nanosecond that neither a microsecond nor a float holds.
NOW = 1_795_000_000_123_456_789
AT = datetime(2026, 11, 18, 11, 6, 40, 123456, tzinfo=UTC)
SECOND = 1_000_000_000


@pytest.fixture
def spans(database: Database) -> SpanStore:
    return SpanStore(database)


def _span(at: int, *, began: int = 0, ended: int = SECOND, **more: Any) -> SpanRecord:
    """`began` and `ended` count from NOW."""
    told = {
        "trace_id": TRACE,
        "parent_id": None,
        "name": f"span {at}",
        "kind": "node",
        "subject": ON,
        "error": None,
        **more,
    }
    return SpanRecord(id=f"{at:016x}", started_ns=NOW + began, ended_ns=NOW + ended, **told)


def _trace(at: int, *, subject: On = ON, **more: Any) -> SpanRecord:
    """A trace of one span, that began so many seconds after NOW."""
    told = {"kind": "request", **more}
    return _span(at, trace_id=f"{at:032x}", subject=subject, began=at * SECOND, ended=at * SECOND + 1, **told)


async def _ids(spans: SpanStore, **wanted: Any) -> list[int]:
    return [int(record.id, 16) for record in await spans.list_traces(ANN, TraceFilter(limit=100, **wanted))]


REQUEST = _span(1, name="POST /chat", kind="request", subject=On("acme", "ann"), ended=5 * SECOND)
RUN = _span(2, parent_id=REQUEST.id, name="run", kind="run", began=100, ended=4 * SECOND, error="model_error")
TOOL = _span(3, parent_id=RUN.id, name="weather", kind="tool", began=200, ended=300, error="ValueError")
LATE = _span(4, parent_id=RUN.id, name="title", began=3 * SECOND, ended=7 * SECOND, error="late")
TOLD = TraceRecord(
    id=TRACE,
    name="POST /chat",
    agent="chat",
    thread="t",
    run="r",
    error="model_error",
    started_at=AT,
    duration_seconds=7.0,
    span_count=4,
)


@pytest.mark.parametrize("size", [1, 2, 4])
async def test_a_trace_is_told_the_same_in_whatever_parts_and_order_its_spans_come(spans: SpanStore, size: int) -> None:
    made = [REQUEST, RUN, TOOL, LATE]
    for number, order in enumerate(permutations(made)):
        trace = f"{number:032x}"
        given = [replace(span, trace_id=trace) for span in order]
        for at in range(0, len(given), size):
            await spans.write(given[at : at + size])
        assert await spans.get(ANN, trace) == (
            replace(TOLD, id=trace),
            [replace(span, trace_id=trace) for span in made],
        )


async def test_what_begins_within_the_same_microsecond_keeps_its_order(spans: SpanStore) -> None:
    first = _span(9, name="first", error="one", ended=1)
    for later in (3, 2, 1):
        await spans.write([_span(later, name="later", began=later, ended=10, error="two")])
    await spans.write([first])
    head, told = await spans.get(ANN, TRACE)
    assert (head.name, head.error, head.duration_seconds) == ("first", "one", 1e-8)
    assert [span.started_ns - NOW for span in told] == [0, 1, 2, 3]


async def test_what_is_written_again_is_there_once(spans: SpanStore) -> None:
    await spans.write([REQUEST, RUN])
    await spans.write([RUN, TOOL, LATE])
    await spans.write([])
    assert await spans.get(ANN, TRACE) == (TOLD, [REQUEST, RUN, TOOL, LATE])


async def test_processes_that_write_of_the_same_traces_at_once_lose_nothing(spans: SpanStore) -> None:
    batches = [
        [replace(_span(at), trace_id=f"{trace:032x}") for trace in (range(5) if at % 2 else range(4, -1, -1))]
        for at in range(12)
    ]
    await asyncio.gather(*(spans.write(batch) for batch in batches))
    assert [record.span_count for record in await spans.list_traces(ANN, TraceFilter(limit=10))] == [12] * 5


async def test_two_owners_of_one_trace_id_see_only_their_own(spans: SpanStore) -> None:
    bobs = replace(RUN, subject=On("acme", "bob"), error=None)
    await spans.write([REQUEST, bobs, replace(TOOL, subject=On("other", "ann"), error=None)])
    assert [(await spans.get(caller, TRACE))[1] for caller in (ANN, OTHERS[0])] == [[REQUEST], [bobs]]
    for caller, name in zip([ANN, *OTHERS], ["POST /chat", "run", "weather"], strict=True):
        assert [record.name for record in await spans.list_traces(caller, TraceFilter(limit=9))] == [name]
    for stranger in (Caller("other", "bob"), Caller("acme", "")):
        assert await spans.list_traces(stranger, TraceFilter(limit=9)) == []
        with pytest.raises(UnknownTrace):
            await spans.get(stranger, TRACE)


async def test_lists_come_in_parts_newest_first_and_none_is_lost_between_equals(spans: SpanStore) -> None:
    await spans.write([replace(_trace(at), started_ns=NOW, ended_ns=NOW) for at in range(3)])
    await spans.write([_trace(at) for at in range(3, 7)])
    found, after = list[TraceRecord](), None
    while part := await spans.list_traces(ANN, TraceFilter(limit=2, after=after)):
        found += part
        after = Cursor(part[-1].started_at, part[-1].id)
    assert [int(record.id, 16) for record in found] == [6, 5, 4, 3, 2, 1, 0]


FILTERS: Sequence[tuple[Mapping[str, Any], list[int]]] = [
    ({}, [3, 2, 1, 0]),
    ({"failed": True}, [2]),
    ({"failed": False}, [3, 1, 0]),
    ({"agent": "canvas"}, [1]),
    ({"thread": "other"}, [2]),
    ({"run": "r"}, [3, 2, 1, 0]),
    ({"run": "R"}, []),
    ({"name": "CHAT"}, [3]),
    ({"name": "span", "failed": False}, [1, 0]),
    ({"since": AT + timedelta(seconds=2)}, [3, 2]),
    ({"until": AT + timedelta(seconds=2)}, [1, 0]),
    ({"since": AT + timedelta(seconds=1), "until": AT + timedelta(seconds=3), "agent": "chat"}, [2]),
]


@pytest.mark.parametrize(("wanted", "found"), FILTERS)
async def test_lists_are_filtered(spans: SpanStore, wanted: Mapping[str, Any], found: list[int]) -> None:
    await spans.write(
        [
            _trace(0),
            _trace(1, subject=replace(ON, agent="canvas")),
            _trace(2, subject=replace(ON, session="other"), error="internal"),
            _trace(3, name="POST /api/v1/chat"),
        ]
    )
    assert await _ids(spans, **wanted) == found


async def test_a_search_takes_every_sign_for_itself(spans: SpanStore) -> None:
    names = ["100%", "1000", "a_b", "aXb", r"c\d", "c/d", "O'Neil; DROP TABLE spans --"]
    await spans.write([_trace(at, name=name) for at, name in enumerate(names)])
    for at, name in enumerate(names):
        assert await _ids(spans, name=name) == [at]
    assert await _ids(spans, name="%") == [0]
    assert await _ids(spans, name="_") == [2]


async def test_what_no_database_would_keep_is_kept_as_far_as_it_goes(spans: SpanStore) -> None:
    hostile = "a\x00b\ud800" + "ü" * 300
    odd = {"nan": float("nan"), "most": float("inf"), "nul": "\x00", "half": "\ud800", "list": [1, 2]}
    subject = replace(ON, session=hostile, run=hostile, agent=hostile)
    await spans.write([_span(1, name=hostile, error=hostile, subject=subject, attributes=odd)])
    short = "a\ufffdb?" + "ü" * 251
    head, (told,) = await spans.get(ANN, TRACE)
    assert (head.name, head.error, head.agent, head.thread, head.run) == (short, short[:64], short, short, short)
    assert told.attributes == {**odd, "nan": "nan", "most": "inf"}
    assert await spans.list_traces(ANN, TraceFilter(limit=1, name="ü" * 300)) == []


async def test_thousands_of_spans_in_one_write_are_all_there(spans: SpanStore) -> None:
    made = [_span(at, began=at, ended=at + 1, attributes={"text": "x" * 100}) for at in range(5000)]
    await spans.write(made[::-1])
    head, told = await spans.get(ANN, TRACE)
    assert (head.span_count, head.name, head.duration_seconds) == (5000, "span 0", 5000 / SECOND)
    assert told == made


async def test_a_trace_of_more_spans_is_told_by_its_first(spans: SpanStore) -> None:
    made = [_span(at, began=at, ended=at + 1) for at in range(MAX_SPANS + 1)]
    await spans.write(made[1:])
    await spans.write(made[:1])
    head, told = await spans.get(ANN, TRACE)
    assert (head.span_count, told) == (MAX_SPANS + 1, made[:MAX_SPANS])


async def test_what_is_old_is_swept_whoever_it_is_of(spans: SpanStore) -> None:
    await spans.write([_trace(at, subject=replace(ON, user=f"u{at}")) for at in range(4)])
    kept = [await spans.list_traces(Caller("acme", f"u{at}"), TraceFilter(limit=9)) for at in (2, 3)]
    assert await spans.sweep(AT + timedelta(seconds=2)) == 2
    assert await spans.sweep(AT + timedelta(seconds=2)) == 0
    for at in (0, 1):
        with pytest.raises(UnknownTrace):
            await spans.get(Caller("acme", f"u{at}"), f"{at:032x}")
    assert [await spans.list_traces(Caller("acme", f"u{at}"), TraceFilter(limit=9)) for at in (2, 3)] == kept


async def test_a_trace_that_was_going_when_it_was_swept_tells_what_is_left_of_it(spans: SpanStore) -> None:
    await spans.write([REQUEST, RUN, TOOL])
    await spans.sweep(AT + timedelta(seconds=2))
    with pytest.raises(UnknownTrace):
        await spans.get(ANN, TRACE)
    await spans.write([LATE])
    left = replace(
        TOLD, name="title", error="late", started_at=AT + timedelta(seconds=3), duration_seconds=4.0, span_count=1
    )
    assert await spans.get(ANN, TRACE) == (left, [LATE])


@pytest.mark.parametrize(
    "query",
    [
        TraceFilter(limit=9),
        TraceFilter(limit=9, after=Cursor(AT - timedelta(seconds=500), "f" * 32)),
        TraceFilter(limit=9, agent="chat"),
        TraceFilter(limit=9, since=AT - timedelta(seconds=900), until=AT - timedelta(seconds=100)),
        TraceFilter(limit=9, name="span"),
    ],
    ids=["all", "after", "agent", "range", "name"],
)
async def test_lists_go_by_an_index(spans: SpanStore, database: Database, query: TraceFilter) -> None:
    async with database.write() as connection:
        await connection.execute(insert(table), [_row(at * 7919 % 3000) for at in range(3000)])
    async with database.write() as connection:
        await connection.execute(text("ANALYZE"))
    (plan,) = await plans(database, spans.list_traces(ANN, query))
    assert "ix_traces_began" in plan
    assert not any(slow in plan for slow in ("SCAN traces", "Seq Scan on traces", "Sort", "TEMP B-TREE")), plan


async def test_a_trace_of_several_runs_is_found_by_each(spans: SpanStore) -> None:
    first, second = replace(ON, run="r1"), replace(ON, run="r2", session="t2", agent="canvas")
    await spans.write([_span(1, kind="run", subject=first), _span(2, kind="run", subject=second, began=9), _trace(7)])
    whole = int(TRACE, 16)
    for wanted in ({"run": "r1"}, {"run": "r2"}, {"thread": "t2"}, {"agent": "canvas"}):
        assert await _ids(spans, **wanted) == [whole]
    assert await _ids(spans, run="r2", agent="quality") == []
    assert await spans.list_traces(OTHERS[0], TraceFilter(limit=9, run="r2")) == []


@pytest.mark.parametrize("of", ["run", "thread"])
async def test_whoever_looks_for_a_run_or_a_thread_reads_no_table(
    spans: SpanStore, database: Database, of: str
) -> None:
    async with database.write() as connection:
        await connection.execute(insert(table), [_row(at) for at in range(3000)])
    whose = [replace(ON, run=f"r{at}", session=f"t{at}") for at in range(3000, 5000)]
    await spans.write([_trace(at, kind="run", subject=subject) for at, subject in enumerate(whose, 3000)])
    async with database.write() as connection:
        await connection.execute(text("ANALYZE"))
    query = TraceFilter(limit=9, run="r3100") if of == "run" else TraceFilter(limit=9, thread="t3100")
    (plan,) = await plans(database, spans.list_traces(ANN, query))
    assert f"ix_spans_{of}" in plan
    assert not any(slow in plan for slow in ("SCAN traces", "SCAN spans", "Seq Scan on")), plan


def _row(at: int) -> dict[str, Any]:
    return {
        "id": f"{at:032x}",
        "tenant_id": ANN.tenant,
        "user_id": f"user-{at % 200}" if at % 10 else ANN.user,
        "agent_id": "chat" if at % 2 else "canvas",
        "name": f"span {at}",
        "started_at": AT - timedelta(seconds=at),
        "duration_ns": 1,
        "span_count": 1,
    }
