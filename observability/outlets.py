"""Where spans go that leave this process. Nothing on a request's way waits for any of it."""

import base64
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from observability.tracing import SpanRecord

# Spans that wait, in one request, and seconds between requests.
_MOST = 16_384
_BATCH = 512
_EVERY = 1.0
_TIMEOUT = 5.0
# After a failure it is tried again later, and later still.
_AGAIN, _LONGEST_WAIT = 1.0, 60.0

_TRIES_ALONE = 5

Happened = Callable[[str, int], None]


class Outlet:
    """Sends spans from a thread of its own. Past `most` that wait, the newest are dropped, and counted.

    `happened` is told `exported`, `dropped` and `failed` with how many spans.
    """

    def __init__(
        self, name: str, exporter: SpanExporter, happened: Happened, *, most: int = _MOST, every: float = _EVERY
    ) -> None:
        self.name = name
        self._exporter = exporter
        self._happened = happened
        self._most = most
        self._every = every
        self._held: deque[SpanRecord] = deque()
        self._wake = threading.Event()
        self._closing = False
        self.failing = False
        # How many are sent at once: fewer after a failure, which may be for their size.
        self._size = _BATCH
        self._alone = 0
        # Seconds before it is tried again.
        self.again = _AGAIN
        self._thread = threading.Thread(target=self._send_on, name="spans", daemon=True)
        self._thread.start()

    def on_end(self, record: SpanRecord) -> None:
        if len(self._held) >= self._most:
            self._happened("dropped", 1)
            return
        self._held.append(record)
        if len(self._held) >= _BATCH:
            self._wake.set()

    def shutdown(self, within: float = 3.0) -> None:
        """What waits is tried once more, for so many seconds; a server that hangs holds nobody up."""
        self._closing = True
        self._wake.set()
        self._thread.join(within)
        if self._held:
            self._happened("dropped", len(self._held))

    def flush(self, within: float) -> bool:
        """Whether all was sent in so many seconds."""
        until = monotonic() + within
        self._wake.set()
        while self._held and monotonic() < until:
            self._wake.set()
            threading.Event().wait(0.01)
        return not self._held

    def _send_on(self) -> None:
        wait = self._every
        while not self._closing:
            self._wake.wait(wait)
            self._wake.clear()
            wait = self._every if self._send_all() else self._waits(wait)
        self._send_all()

    def _waits(self, before: float) -> float:
        """Smaller batches are tried soon; if one span alone is not taken, later and later."""
        return self.again if self._size > 1 else min(max(before, self.again) * 2, _LONGEST_WAIT)

    def _send_all(self) -> bool:
        while self._held:
            batch = [self._held[at] for at in range(min(self._size, len(self._held)))]
            if not self._sent(batch):
                self._smaller()
                return False
            self._size, self._alone = min(_BATCH, self._size * 2), 0
            for _ in batch:
                self._held.popleft()
        return True

    def _smaller(self) -> None:
        """One that is refused again and again, alone, is let go: those behind it may be taken."""
        if self._size > 1:
            self._size //= 2
            return
        self._alone += 1
        if self._alone >= _TRIES_ALONE:
            self._held.popleft()
            self._alone = 0
            self._happened("dropped", 1)

    def _sent(self, batch: Sequence[SpanRecord]) -> bool:
        try:
            good = self._exporter.export([_readable(record) for record in batch]) is SpanExportResult.SUCCESS
        except Exception:  # noqa: BLE001  # whatever an exporter dies of, spans are not what a process dies of
            good = False
        self.failing = not good
        self._happened("exported" if good else "failed", len(batch))
        return good


_RESOURCE = Resource.create({"service.name": "agenkit"})
_SCOPE = InstrumentationScope("agenkit")


def _readable(record: SpanRecord) -> ReadableSpan:
    """As OpenTelemetry's exporters take them."""
    who, trace = record.who, int(record.trace, 16)
    whose = {
        "agenkit.kind": record.kind,
        "agenkit.tenant": who.tenant,
        "user.id": who.user,
        "session.id": who.session,
        "agenkit.run": who.run,
        "gen_ai.agent.id": who.agent,
    }
    message = record.attributes.get("langfuse.observation.status_message")
    return ReadableSpan(
        name=record.name,
        context=_context(trace, record.id),
        parent=None if record.parent is None else _context(trace, record.parent),
        resource=_RESOURCE,
        attributes={**{name: value for name, value in whose.items() if value}, **record.attributes},
        status=Status(StatusCode.UNSET if record.error is None else StatusCode.ERROR, message),
        start_time=record.began,
        end_time=record.ended,
        instrumentation_scope=_SCOPE,
    )


def _context(trace: int, span: str) -> SpanContext:
    return SpanContext(trace, int(span, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def otlp(endpoint: str) -> SpanExporter:
    """Any collector, at its full address."""
    return _quiet(OTLPSpanExporter(endpoint=endpoint, timeout=_TIMEOUT, compression=Compression.Gzip))


def langfuse(url: str, public_key: str, secret_key: str) -> SpanExporter:
    """Langfuse's own OTLP endpoint, as its SDK from version 5 on speaks to it."""
    told = base64.b64encode(f"{public_key}:{secret_key}".encode()).decode()
    headers = {
        "Authorization": f"Basic {told}",
        "x-langfuse-ingestion-version": "4",
        "x-langfuse-public-key": public_key,
    }
    endpoint = f"{url.rstrip('/')}/api/public/otel/v1/traces"
    return _quiet(OTLPSpanExporter(endpoint=endpoint, headers=headers, timeout=_TIMEOUT, compression=Compression.Gzip))


def _quiet(exporter: OTLPSpanExporter) -> OTLPSpanExporter:
    # It says each failure itself, in its own words; ours are counted, and said once.
    logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter").setLevel(logging.CRITICAL)
    return exporter
