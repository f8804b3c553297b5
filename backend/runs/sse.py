"""A run's log as server-sent events, for one reader."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import aclosing
from typing import Any

from backend.runs.compat import Converter
from storage.event_log import LogBatch, merge_records, serialize_event


async def sse_frames(batches: AsyncGenerator[LogBatch], converter: Converter) -> AsyncGenerator[bytes]:
    """One write for everything that has come since the last: a reader who is slow gets fewer, longer pieces."""
    async with aclosing(batches):
        async for batch in batches:
            said = list(LogBatch(batch.incarnation, list(merge_records(batch.records))).positions())
            # Of events that together say how things stand, who has heard the last has heard all.
            named = len(said) - 1 if batch.is_rebuilt else 0
            yield b"".join(
                sse_frame(position if at >= named else None, converter(event))
                for at, (position, event) in enumerate(said)
            )


async def sse_frame_of(events: Iterable[Mapping[str, Any]], converter: Converter) -> AsyncIterator[bytes]:
    """Events that are of no log, and so have no position."""
    for event in events:
        yield sse_frame(None, converter(event))


def sse_frame(position: str | None, event: Mapping[str, Any]) -> bytes:
    # Lines end in LF alone: the clients know no other.
    data = b"data: %b\n\n" % serialize_event(event)
    return data if position is None else b"id: %b\n%b" % (position.encode(), data)
