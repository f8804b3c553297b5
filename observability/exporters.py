"""Where spans go that leave this process. Nothing on a request's way waits for any of it."""

import base64
import gzip
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from ssl import SSLContext, create_default_context
from time import monotonic
from typing import Any, Literal

import httpx
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags, TraceState
from opentelemetry.util.re import parse_env_headers

from observability.conventions import otel_kind
from observability.logs import get_logger
from observability.settings import ObservabilitySettings
from observability.tracing import SpanRecord, read_traceparent

_log = get_logger(__name__)

# Spans that wait, in one request, and seconds between requests.
_MAX_BUFFERED = 16_384
_BATCH_SIZE = 512
_INTERVAL_SECONDS = 1.0
_TIMEOUT = 5.0
# After a failure it is tried again later, and later still.
_RETRY_SECONDS, _MAX_WAIT_SECONDS = 1.0, 60.0

_MAX_SINGLE_ATTEMPTS = 5
# Characters of what a collector says of a refusal.
_MAX_REASON_LENGTH = 300

OnExport = Callable[[str, int], None]
AttributesOf = Callable[[SpanRecord], Mapping[str, Any]]


class ExportFailed(Exception):
    """Spans did not get to where they were sent; the message says why."""


class SpanSender:
    """Sends spans from a thread of its own. Past `most` that wait, the newest are dropped, and counted.

    `happened` is told `exported`, `dropped` and `failed` with how many spans.
    """

    def __init__(
        self,
        name: str,
        exporter: SpanExporter,
        on_export: OnExport,
        *,
        resource: Resource | None = None,
        attributes_of: AttributesOf = lambda record: {},
        max_spans: int = _MAX_BUFFERED,
        interval: float = _INTERVAL_SECONDS,
    ) -> None:
        self.name = name
        # What it reads beyond what every span says.
        self._attributes_of = attributes_of
        self._resource = resource or Resource.get_empty()
        self._exporter = exporter
        self._happened = on_export
        self._most = max_spans
        self._every = interval
        self._held: deque[SpanRecord] = deque()
        self._wake = threading.Event()
        self._closing = False
        # Why the last spans did not get there.
        self.reason: str | None = None
        # How many are sent at once: fewer after a failure, which may be for their size.
        self._size = _BATCH_SIZE
        self._alone = 0
        # Seconds before it is tried again.
        self.again = _RETRY_SECONDS
        self._thread = threading.Thread(target=self._send_forever, name="spans", daemon=True)
        self._thread.start()

    @property
    def failing(self) -> bool:
        return self.reason is not None

    def on_end(self, record: SpanRecord) -> None:
        if len(self._held) >= self._most:
            self._happened("dropped", 1)
            return
        self._held.append(record)
        if len(self._held) >= _BATCH_SIZE:
            self._wake.set()

    def shutdown(self, timeout: float = 3.0) -> None:
        """What waits is tried once more, for so many seconds; a server that hangs holds nobody up."""
        self._closing = True
        self._wake.set()
        self._thread.join(timeout)
        if self._held:
            self._happened("dropped", len(self._held))

    def flush(self, timeout: float) -> bool:
        """Whether all was sent in so many seconds."""
        until = monotonic() + timeout
        self._wake.set()
        while self._held and monotonic() < until:
            self._wake.set()
            threading.Event().wait(0.01)
        return not self._held

    def _send_forever(self) -> None:
        wait = self._every
        while not self._closing:
            self._wake.wait(wait)
            self._wake.clear()
            wait = self._every if self._send_all() else self._wait(wait)
        self._send_all()
        self._exporter.shutdown()

    def _wait(self, before: float) -> float:
        """Smaller batches are tried soon; if one span alone is not taken, later and later."""
        return self.again if self._size > 1 else min(max(before, self.again) * 2, _MAX_WAIT_SECONDS)

    def _send_all(self) -> bool:
        while self._held:
            batch = [self._held[at] for at in range(min(self._size, len(self._held)))]
            if not self._send(batch):
                self._shrink_batch()
                return False
            self._size, self._alone = min(_BATCH_SIZE, self._size * 2), 0
            for _ in batch:
                self._held.popleft()
        return True

    def _shrink_batch(self) -> None:
        """One that is refused again and again, alone, is let go: those behind it may be taken."""
        if self._size > 1:
            self._size //= 2
            return
        self._alone += 1
        if self._alone >= _MAX_SINGLE_ATTEMPTS:
            self._held.popleft()
            self._alone = 0
            self._happened("dropped", 1)

    def _send(self, batch: Sequence[SpanRecord]) -> bool:
        try:
            result = self._exporter.export([self._to_readable_span(record) for record in batch])
            reason = None if result is SpanExportResult.SUCCESS else "the exporter does not say why"
        except ExportFailed as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001  # whatever it dies of, spans are not what a process dies of
            reason = f"{type(error).__name__}: {error}"
        self._log_failure(reason)
        self._happened("failed" if reason else "exported", len(batch))
        return reason is None

    def _to_readable_span(self, record: SpanRecord) -> ReadableSpan:
        return _to_readable_span(record, self._attributes_of(record), self._resource)

    def _log_failure(self, reason: str | None) -> None:
        """Logs what is new: the next tries fail for the same reason as a rule."""
        if reason == self.reason:
            return
        if reason is None:
            _log.info("span_export_recovered", exporter=self.name)
        else:
            _log.warning("span_export_failed", exporter=self.name, reason=reason)
        self.reason = reason


def resource_of(settings: ObservabilitySettings) -> Resource:
    """The service, for every span. `OTEL_RESOURCE_ATTRIBUTES` may add to it."""
    return Resource.create(
        {
            "service.name": settings.service_name,
            "service.version": settings.release or version("agenkit"),
            "deployment.environment.name": settings.environment,
        }
    )


_SCOPE = InstrumentationScope("agenkit")


def _to_readable_span(record: SpanRecord, more: Mapping[str, Any], resource: Resource) -> ReadableSpan:
    """As OpenTelemetry's exporters take them."""
    subject, trace = record.subject, int(record.trace_id, 16)
    whose = {
        "agenkit.kind": record.kind,
        "agenkit.tenant": subject.tenant,
        "user.id": subject.user,
        "session.id": subject.session,
        "agenkit.run": subject.run,
        "gen_ai.agent.id": subject.agent,
    }
    message = record.attributes.get("langfuse.observation.status_message")
    return ReadableSpan(
        name=record.name,
        context=_context(trace, record.id, record.state),
        parent=None if record.parent_id is None else _context(trace, record.parent_id, record.state),
        resource=resource,
        attributes={**{name: value for name, value in whose.items() if value}, **record.attributes, **more},
        kind=otel_kind(record),
        status=Status(StatusCode.UNSET if record.error is None else StatusCode.ERROR, message),
        start_time=record.started_ns,
        end_time=record.ended_ns,
        instrumentation_scope=_SCOPE,
        links=_links(record),
    )


def _links(record: SpanRecord) -> Sequence[Link]:
    """A run that was resumed is linked to the one that was interrupted."""
    interrupted = read_traceparent(record.attributes.get("agenkit.interrupted_run"))
    if interrupted is None:
        return ()
    return [Link(_context(interrupted.trace_id, f"{interrupted.span_id:016x}", ""))]


def _context(trace: int, span: str, state: str) -> SpanContext:
    return SpanContext(
        trace,
        int(span, 16),
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
        trace_state=TraceState.from_header([state]) if state else None,
    )


class OtlpExporter(SpanExporter):
    """Spans to one collector, over HTTP. OpenTelemetry's own takes headers and keys from the process's environment, for
    whichever collector it sends to; this one has what it is given.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str], verify: SSLContext | Literal[True] = True) -> None:
        self._endpoint = endpoint
        # A proxy of the environment's is used; a redirect is not followed, as it would take the headers along.
        self._client = httpx.Client(
            headers={**headers, "Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"},
            timeout=_TIMEOUT,
            verify=verify,
        )

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Raises `ExportFailed`."""
        body = gzip.compress(encode_spans(spans).SerializeToString())
        try:
            answer = self._client.post(self._endpoint, content=body)
        except httpx.HTTPError as error:
            raise ExportFailed(f"{type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise ExportFailed(f"status {answer.status_code}: {answer.text[:_MAX_REASON_LENGTH]}")
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self._client.close()


def otlp(settings: ObservabilitySettings, endpoint: str) -> SpanExporter:
    """Any collector, at its full address."""
    headers = settings.otlp_headers.get_secret_value() if settings.otlp_headers else ""
    return OtlpExporter(endpoint, parse_env_headers(headers, liberal=True), _verification(settings))


def _verification(settings: ObservabilitySettings) -> SSLContext | Literal[True]:
    if settings.otlp_certificate is None and settings.otlp_client_certificate is None:
        return True
    context = create_default_context(cafile=settings.otlp_certificate)
    if settings.otlp_client_certificate is not None:
        context.load_cert_chain(settings.otlp_client_certificate, settings.otlp_client_key)
    return context


def langfuse(url: str, public_key: str, secret_key: str) -> SpanExporter:
    """Langfuse's own OTLP endpoint, as its SDK from version 5 on speaks to it."""
    credentials = base64.b64encode(f"{public_key}:{secret_key}".encode()).decode()
    headers = {
        "Authorization": f"Basic {credentials}",
        "x-langfuse-ingestion-version": "4",
        "x-langfuse-public-key": public_key,
    }
    return OtlpExporter(f"{url.rstrip('/')}/api/public/otel/v1/traces", headers)
