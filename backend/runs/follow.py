"""A run's log as server-sent events, for one reader."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from backend.runs.dialect import Dialect
from storage.log import Batch, merged, written


async def frames(batches: AsyncIterator[Batch], dialect: Dialect) -> AsyncIterator[bytes]:
    """One write for everything that has come since the last: a reader who is slow gets fewer, longer pieces."""
    async for batch in batches:
        told = Batch(batch.incarnation, list(merged(batch.entries)))
        yield b"".join(_frame(position, dialect(event)) for position, event in told.positions())


async def told(events: Iterable[Mapping[str, Any]], dialect: Dialect) -> AsyncIterator[bytes]:
    """Events that are of no log, and so have no position."""
    for event in events:
        yield b"data: %b\n\n" % written(dialect(event))


def _frame(position: str, event: Mapping[str, Any]) -> bytes:
    # Lines end in LF alone: the clients know no other.
    return b"id: %b\ndata: %b\n\n" % (position.encode(), written(event))
