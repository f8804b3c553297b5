from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.background import BackgroundTask

from backend.resources import Resources
from backend.runs.dialect import Dialect
from backend.runs.follow import frame
from backend.runs.readers import Reader
from observability.metrics import Metrics


def sent(has: Resources, measured: Metrics, events: AsyncGenerator[Mapping[str, Any]]) -> EventSourceResponse:
    """Events that no log keeps, as an answer: who leaves has nothing to come back to."""
    return _answer(has, _framed(measured, events))


def streamed(has: Resources, reader: Reader, dialect: Dialect) -> EventSourceResponse:
    """A run's log as an answer."""
    # For a client that is gone before the stream has begun: nothing would end a stream that never did.
    return _answer(has, has.live.stream(reader, dialect), BackgroundTask(has.live.leave, reader))


def _answer(
    has: Resources, frames: AsyncIterator[bytes], background: BackgroundTask | None = None
) -> EventSourceResponse:
    server = has.settings.server
    return EventSourceResponse(
        frames,
        # The clients know no line end but LF.
        sep="\n",
        ping=server.keep_alive,
        ping_message_factory=_keep_alive,
        shutdown_event=has.live.exit,
        # Long enough for the runs and readings to end in words by themselves.
        shutdown_grace_period=server.shutdown_grace + 2,
        background=background,
    )


async def _framed(measured: Metrics, events: AsyncGenerator[Mapping[str, Any]]) -> AsyncIterator[bytes]:
    with measured.streams.track_inprogress():
        # What is only dropped is closed later, by the loop, when the request has ended.
        async with aclosing(events):
            async for event in events:
                yield frame(None, event)


def _keep_alive() -> ServerSentEvent:
    return ServerSentEvent(comment="keep-alive", sep="\n")
