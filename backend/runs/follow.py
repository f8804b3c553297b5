"""A run's log as server-sent events, for one reader."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import aclosing
from typing import Any

from backend.runs.dialect import Dialect
from storage.log import Batch, merged, written


async def frames(batches: AsyncGenerator[Batch], dialect: Dialect) -> AsyncGenerator[bytes]:
    """One write for everything that has come since the last: a reader who is slow gets fewer, longer pieces."""
    async with aclosing(batches):
        async for batch in batches:
            said = list(Batch(batch.incarnation, list(merged(batch.entries))).positions())
            # Of events that together say how things stand, who has heard the last has heard all.
            named = len(said) - 1 if batch.folded else 0
            yield b"".join(
                frame(position if at >= named else None, dialect(event)) for at, (position, event) in enumerate(said)
            )


async def told(events: Iterable[Mapping[str, Any]], dialect: Dialect) -> AsyncIterator[bytes]:
    """Events that are of no log, and so have no position."""
    for event in events:
        yield frame(None, dialect(event))


def frame(position: str | None, event: Mapping[str, Any]) -> bytes:
    # Lines end in LF alone: the clients know no other.
    data = b"data: %b\n\n" % written(event)
    return data if position is None else b"id: %b\n%b" % (position.encode(), data)
