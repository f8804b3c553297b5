"""A run's log as server-sent events, for one reader."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

import orjson

from backend.runs.dialect import Dialect
from storage.log import Entry

# What a delta belongs to, by its type: pieces of the same thing may travel as one.
_DELTAS: Mapping[str, str] = {
    "TEXT_MESSAGE_CONTENT": "messageId",
    "REASONING_MESSAGE_CONTENT": "messageId",
    "TOOL_CALL_ARGS": "toolCallId",
}


async def frames(batches: AsyncIterator[Sequence[Entry]], dialect: Dialect) -> AsyncIterator[bytes]:
    """One write for everything that has come since the last: a reader who is slow gets fewer, longer pieces."""
    async for batch in batches:
        yield b"".join(map(_frame, _told(merged(batch), dialect)))


def _told(entries: Iterator[Entry], dialect: Dialect) -> Iterator[Entry]:
    return (Entry(entry.position, dialect(entry.event)) for entry in entries)


def merged(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Neighbouring deltas of one message or tool call as one, at the position of the last of them."""
    waiting: list[Entry] = []
    for entry in entries:
        if waiting and not _continues(waiting[-1].event, entry.event):
            yield _joined(waiting)
            waiting = []
        waiting.append(entry)
    if waiting:
        yield _joined(waiting)


def _continues(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    key = _DELTAS.get(other["type"])
    return key is not None and one["type"] == other["type"] and one[key] == other[key]


def _joined(entries: Sequence[Entry]) -> Entry:
    if len(entries) == 1:
        return entries[0]
    delta = "".join(entry.event["delta"] for entry in entries)
    return Entry(entries[-1].position, {**entries[-1].event, "delta": delta})


def _frame(entry: Entry) -> bytes:
    # Lines end in LF alone: the clients know no other.
    return b"id: %b\ndata: %b\n\n" % (entry.position.encode(), _written(entry.event))


def _written(event: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(event)
    except orjson.JSONEncodeError:
        # Integers beyond 64 bits and halves of characters, which agents may well say: the slower writer knows both.
        return json.dumps(event, ensure_ascii=True, separators=(",", ":")).encode()
