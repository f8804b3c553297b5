import json
from collections.abc import AsyncIterator
from typing import Any

from backend.runs.dialect import current
from backend.runs.fold import standing
from backend.runs.follow import frames
from storage.log import Batch, Entry, LogSettings, MemoryLog, merged


def _text(delta: str, message: str = "m") -> dict[str, Any]:
    return {"type": "TEXT_MESSAGE_CONTENT", "messageId": message, "delta": delta}


def _entries(*events: dict[str, Any]) -> list[Entry]:
    return [Entry(at, event) for at, event in enumerate(events, 1)]


def test_neighbouring_pieces_of_one_message_are_one_at_the_last_position() -> None:
    end = {"type": "TEXT_MESSAGE_END", "messageId": "m"}
    told = list(merged(_entries(_text("a"), _text("b"), _text("c"), end)))
    assert [(entry.number, entry.event) for entry in told] == [(3, _text("abc")), (4, end)]


def test_pieces_of_other_messages_and_kinds_stay_apart() -> None:
    call = {"type": "TOOL_CALL_ARGS", "toolCallId": "m", "delta": "d"}
    entries = _entries(_text("a"), _text("b", "n"), call, _text("c", "n"))
    assert list(merged(entries)) == entries


def test_events_that_are_no_pieces_are_never_merged() -> None:
    step = {"type": "STEP_STARTED", "stepName": "s"}
    assert list(merged(_entries(step, step))) == _entries(step, step)


async def _batches(*events: dict[str, Any]) -> AsyncIterator[Batch]:
    yield Batch("0123abcd", _entries(*events))


async def test_a_frame_has_its_position_and_ends_in_two_line_feeds() -> None:
    written = [frame async for frame in frames(_batches(_text('ü "x"\n')), current)]
    assert written == [
        b'id: 0123abcd-1\ndata: {"type":"TEXT_MESSAGE_CONTENT","messageId":"m","delta":"\xc3\xbc \\"x\\"\\n"}\n\n'
    ]


async def test_what_only_the_slower_writer_knows_is_written_too() -> None:
    odd = {"type": "STATE_SNAPSHOT", "snapshot": {"big": 10**20, "half": "\ud83d"}}
    (written,) = [frame async for frame in frames(_batches(odd), current)]
    assert json.loads(written.partition(b"data: ")[2]) == odd


async def test_a_slow_reader_gets_what_has_come_meanwhile_as_one_piece() -> None:
    log = MemoryLog(LogSettings(), standing)
    await log.open("r")
    reading = frames(log.read("r"), current)
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
        log = MemoryLog(LogSettings(), standing)
        await log.open("r")
        await log.append("r", [_text("a")])
        await log.end("r")
        positions += [position async for batch in log.read("r") for position, _ in batch.positions()]
    assert positions[0] != positions[1]
