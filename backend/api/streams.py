from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.background import BackgroundTask

from backend.resources import Resources
from backend.runs.compat import Converter
from backend.runs.sse import sse_frame
from backend.runs.subscriptions import Subscriber
from observability.metrics import Metrics


def sse_response(
    resources: Resources, metrics: Metrics, events: AsyncGenerator[Mapping[str, Any]]
) -> EventSourceResponse:
    """Events that no log keeps, as an answer: who leaves has nothing to come back to."""
    return _answer(resources, _sse_chunks(metrics, events))


def run_stream_response(resources: Resources, subscriber: Subscriber, converter: Converter) -> EventSourceResponse:
    """A run's log as an answer."""
    # For a client that is gone before the stream has begun: nothing would end a stream that never did.
    return _answer(
        resources,
        resources.run_service.stream(subscriber, converter),
        BackgroundTask(resources.run_service.unsubscribe, subscriber),
    )


def _answer(
    resources: Resources, frames: AsyncIterator[bytes], background: BackgroundTask | None = None
) -> EventSourceResponse:
    server = resources.settings.server
    return EventSourceResponse(
        frames,
        # The clients know no line end but LF.
        sep="\n",
        ping=server.keep_alive_seconds,
        ping_message_factory=_keep_alive,
        shutdown_event=resources.run_service.exit,
        # Long enough for the runs and readings to end in words by themselves.
        shutdown_grace_period=server.shutdown_grace_seconds + 2,
        background=background,
    )


async def _sse_chunks(metrics: Metrics, events: AsyncGenerator[Mapping[str, Any]]) -> AsyncIterator[bytes]:
    with metrics.sse_connections.track_inprogress():
        # What is only dropped is closed later, by the loop, when the request has ended.
        async with aclosing(events):
            async for event in events:
                yield sse_frame(None, event)


def _keep_alive() -> ServerSentEvent:
    return ServerSentEvent(comment="keep-alive", sep="\n")
