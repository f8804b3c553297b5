from collections.abc import AsyncIterator, Mapping
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.background import BackgroundTask

from backend.resources import Resources
from backend.runs.dialect import Dialect
from backend.runs.follow import frame
from backend.runs.readers import Reader


def sent(has: Resources, events: AsyncIterator[Mapping[str, Any]]) -> EventSourceResponse:
    """Events that no log keeps, as an answer: who leaves has nothing to come back to."""
    return EventSourceResponse(
        (frame(None, event) async for event in events),
        sep="\n",
        ping=has.settings.server.keep_alive,
        ping_message_factory=_keep_alive,
    )


def streamed(has: Resources, reader: Reader, dialect: Dialect) -> EventSourceResponse:
    """A run's log as an answer."""
    server = has.settings.server
    return EventSourceResponse(
        has.live.stream(reader, dialect),
        # The clients know no line end but LF.
        sep="\n",
        ping=server.keep_alive,
        ping_message_factory=_keep_alive,
        shutdown_event=has.live.exit,
        # Long enough for the runs to end in words by themselves.
        shutdown_grace_period=server.shutdown_grace + 2,
        # For a client that is gone before the stream has begun: nothing would end a stream that never did.
        background=BackgroundTask(has.live.leave, reader),
    )


def _keep_alive() -> ServerSentEvent:
    return ServerSentEvent(comment="keep-alive", sep="\n")
