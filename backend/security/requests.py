import asyncio
import re
from time import perf_counter
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import ShuttingDown, render
from observability.logs import bound_context, get_logger
from observability.metrics import Metrics
from observability.tracing import read_incoming, traceparent

_log = get_logger("backend.access")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# Asked every few seconds by machines; an operator who looks for them has the metrics.
_NOT_LOGGED = {"/health", "/health/live", "/health/ready", "/ready", "/metrics"}


class RequestLog:
    """Gives every request an id, a log line and its share of the metrics."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope)
        request_id = _request_id(given.get("x-request-id"))
        status, began = 0, perf_counter()

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                incoming.end(status, _route(scope))
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                if incoming.span_ref is not None:
                    headers["traceparent"] = traceparent(incoming.span_ref) or ""
            await send(message)

        with (
            bound_context(request_id=request_id),
            read_incoming(
                given.get("traceparent"),
                ",".join(given.getlist("tracestate")),
                {"http.request.method": scope["method"], "url.path": scope["path"]},
            ) as incoming,
        ):
            try:
                await self._app(scope, receive, marked)
            except asyncio.CancelledError:
                # The server ends what outlasts its grace.
                if status:
                    raise
                await render(ShuttingDown("Try again in a moment.", headers={"Retry-After": "5"}))(
                    scope, receive, marked
                )
            finally:
                # An error that nobody foresaw is answered further out, by a 500.
                incoming.end(status or 500, _route(scope))
                self._record(scope, status or 500, perf_counter() - began)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        endpoint = _route(scope)
        agent_id = scope.get("state", {}).get("agent_id", "")
        self._metrics.requests.labels(endpoint, agent_id, str(status)).inc()
        self._metrics.request_seconds.labels(endpoint, agent_id).observe(seconds)
        if scope["path"] not in _NOT_LOGGED:
            _log.info(
                "request", method=scope["method"], endpoint=endpoint, status=status, milliseconds=round(seconds * 1000)
            )


def _route(scope: Scope) -> str:
    # The template, not the path: what callers make up must not become series.
    return getattr(scope.get("route"), "path", "unmatched")


def _request_id(given: str | None) -> str:
    # What a caller sends is kept only if it can be printed anywhere.
    return given if given and _REQUEST_ID.fullmatch(given) else uuid4().hex
