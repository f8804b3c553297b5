import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from backend.runs.background_tasks import BackgroundTasks
from backend.runs.compat import keep_current
from backend.runs.local_runs import LocalRuns
from backend.runs.rebuild import rebuild_events
from backend.runs.recovered_requests import RecoveredRequests
from backend.runs.sse import sse_frames
from backend.runs.subscriptions import Subscriber, Subscriptions
from observability.metrics import Metrics
from storage.event_log import EventLogSettings, LogBatch, LogRecord, MemoryLog, merge_records


def _text(delta: str, message: str = "m") -> dict[str, Any]:
    return {"type": "TEXT_MESSAGE_CONTENT", "messageId": message, "delta": delta}


def _entries(*events: dict[str, Any]) -> list[LogRecord]:
    return [LogRecord(at, event) for at, event in enumerate(events, 1)]


def test_neighbouring_pieces_of_one_message_are_one_at_the_last_position() -> None:
    end = {"type": "TEXT_MESSAGE_END", "messageId": "m"}
    told = list(merge_records(_entries(_text("a"), _text("b"), _text("c"), end)))
    assert [(entry.number, entry.event) for entry in told] == [(3, _text("abc")), (4, end)]


def test_pieces_of_other_messages_and_kinds_stay_apart() -> None:
    call = {"type": "TOOL_CALL_ARGS", "toolCallId": "m", "delta": "d"}
    entries = _entries(_text("a"), _text("b", "n"), call, _text("c", "n"))
    assert list(merge_records(entries)) == entries


def test_events_that_are_no_pieces_are_never_merged() -> None:
    step = {"type": "STEP_STARTED", "stepName": "s"}
    assert list(merge_records(_entries(step, step))) == _entries(step, step)


async def _batches(*events: dict[str, Any]) -> AsyncGenerator[LogBatch]:
    yield LogBatch("0123abcd", _entries(*events))


async def test_a_frame_has_its_position_and_ends_in_two_line_feeds() -> None:
    written = [frame async for frame in sse_frames(_batches(_text('ü "x"\n')), keep_current)]
    assert written == [
        b'id: 0123abcd-1\ndata: {"type":"TEXT_MESSAGE_CONTENT","messageId":"m","delta":"\xc3\xbc \\"x\\"\\n"}\n\n'
    ]


async def test_what_only_the_slower_writer_knows_is_written_too() -> None:
    odd = {"type": "STATE_SNAPSHOT", "snapshot": {"big": 10**20, "half": "\ud83d"}}
    (written,) = [frame async for frame in sse_frames(_batches(odd), keep_current)]
    assert json.loads(written.partition(b"data: ")[2]) == odd


async def test_a_slow_reader_gets_what_has_come_meanwhile_as_one_piece() -> None:
    log = MemoryLog(EventLogSettings(), rebuild_events)
    await log.open("r")
    reading = sse_frames(log.read("r"), keep_current)
    await log.append("r", [_text("one ")])
    first = await anext(reading)
    for word in ("two ", "three ", "four "):
        await log.append("r", [_text(word)])
    await log.end("r")
    rest = [frame async for frame in reading]
    assert [json.loads(frame.partition(b"data: ")[2])["delta"] for frame in (first, *rest)] == [
        "one ",
        "two three four ",
    ]


async def test_a_log_of_the_same_run_made_anew_has_other_positions() -> None:
    positions = list[str]()
    for _ in range(2):
        log = MemoryLog(EventLogSettings(), rebuild_events)
        await log.open("r")
        await log.append("r", [_text("a")])
        await log.end("r")
        positions += [position async for batch in log.read("r") for position, _ in batch.positions()]
    assert positions[0] != positions[1]


async def test_a_reader_that_takes_nothing_more_until_it_is_dropped_is_measured_too() -> None:
    log, metrics = MemoryLog(EventLogSettings(), rebuild_events), Metrics()
    await log.open("r")
    await log.append("r", [_text("a")])
    # Of runs that are driven nowhere, and whose readers come to the log as it is.
    readers = Subscriptions(
        cast(LocalRuns, {}),
        log=log,
        recovered_requests=cast(RecoveredRequests, None),
        metrics=metrics,
        tasks=BackgroundTasks(),
    )
    value = metrics.registry.get_sample_value
    stream = readers.stream(Subscriber("r", is_owner=False), keep_current)
    async with aclosing(stream):  # type: ignore[type-var]  # an async generator
        await anext(stream)
        assert (value("agenkit_sse_connections"), value("agenkit_sse_write_stall_seconds_count")) == (1, 0)
    assert (value("agenkit_sse_connections"), value("agenkit_sse_write_stall_seconds_count")) == (0, 1)
