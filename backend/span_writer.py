"""Where spans go: into our own store always, to Langfuse and a collector where those are named."""

import asyncio
from collections.abc import Callable, Sequence
from time import time_ns

from observability.conventions import genai_attributes, langfuse_attributes
from observability.exporters import OnExport, SpanSender, langfuse, otlp, resource_of
from observability.logs import get_logger
from observability.metrics import Metrics
from observability.redaction import redact
from observability.settings import ObservabilitySettings
from observability.tracing import SpanBuffer, SpanRecord, Tracing
from storage.caller import Caller
from storage.database import StorageFailed
from storage.spans import SpanStore

_log = get_logger(__name__)

# Spans that wait for the database, how many are written at once, and seconds between.
_MAX_BUFFERED = 20_000
_BATCH_SIZE = 300
_INTERVAL_SECONDS = 1.0
# Until every process has written what it had of a thread that was deleted.
_SETTLED_SECONDS = 60.0


class SpanWriter:
    """Writes spans to our own store, beside everything else."""

    def __init__(
        self,
        spans: SpanStore,
        kept: SpanBuffer,
        dropped: Callable[[int], None],
        settled_seconds: float = _SETTLED_SECONDS,
    ) -> None:
        self._settled_seconds = settled_seconds
        # Threads that were deleted, and when: spans of theirs may end after that, here or in another process.
        self._deleted: dict[tuple[Caller, str], int] = {}
        self._dropped = dropped
        self._spans = spans
        self._kept = kept
        self._tasks: list[asyncio.Task[None]] = []
        self._behind = False

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._write_on(), name="spans")]

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.flush()

    async def flush(self) -> None:
        """Writes all that waits, unless the database is away."""
        while len(self._kept) and await self._write(self._kept.take(_BATCH_SIZE)):
            pass

    def forget(self, caller: Caller, thread: str) -> None:
        """Keeps no more spans of a thread, by the client's id, that has just been deleted."""
        self._deleted[Caller(caller.tenant, caller.user), thread] = time_ns()

    async def _write_on(self) -> None:
        while True:
            await asyncio.sleep(_INTERVAL_SECONDS)
            await self.flush()
            await self.flush_settled()

    async def flush_settled(self) -> None:
        """Deletes what other processes have written since of threads that were deleted a while ago."""
        due = time_ns() - int(self._settled_seconds * 1e9)
        for (caller, thread), at in [each for each in self._deleted.items() if each[1] <= due]:
            try:
                await self._spans.delete_of_thread(caller, thread, at)
            except StorageFailed as error:
                _log.warning("spans_not_deleted", error=str(error))
                return
            del self._deleted[caller, thread]

    def _is_deleted(self, record: SpanRecord) -> bool:
        subject = record.subject
        return record.started_ns < self._deleted.get((Caller(subject.tenant, subject.user), subject.session), 0)

    async def _write(self, records: Sequence[SpanRecord]) -> bool:
        try:
            if full := await self._spans.write([each for each in records if not self._is_deleted(each)]):
                self._dropped(full)
        except StorageFailed as error:
            self._kept.give_back(records)
            if not self._behind:
                _log.warning("span_store_unavailable", error=str(error), spans=len(self._kept))
            self._behind = True
            return False
        except asyncio.CancelledError:
            self._kept.give_back(records)
            raise
        self._behind = False
        return True


def open_tracing(settings: ObservabilitySettings, metrics: Metrics) -> tuple[Tracing, SpanBuffer, Sequence[SpanSender]]:
    """Decided once, and said in one line."""
    kept = SpanBuffer(_MAX_BUFFERED, lambda count: metrics.spans.labels("store", "dropped").inc(count))
    outlets, resource = list[SpanSender](), resource_of(settings)
    if settings.langfuse_public_key is not None and settings.langfuse_secret_key is not None:
        secret = settings.langfuse_secret_key.get_secret_value()
        exporter = langfuse(settings.langfuse_base_url, settings.langfuse_public_key, secret)
        outlets.append(
            SpanSender(
                "langfuse",
                exporter,
                _count_spans(metrics, "langfuse"),
                resource=resource,
                attributes_of=langfuse_attributes,
            )
        )
    if (endpoint := settings.traces_endpoint) is not None:
        exporter = otlp(settings, endpoint)
        outlets.append(
            SpanSender(
                "otlp", exporter, _count_spans(metrics, "otlp"), resource=resource, attributes_of=genai_attributes
            )
        )
    _log.info(
        "tracing",
        store="on",
        langfuse=settings.langfuse_base_url if settings.langfuse_public_key else "off",
        otlp=endpoint or "off",
        content=settings.trace_content,
    )
    tracing = Tracing(
        [kept, *outlets],
        redact=redact,
        capture_content=settings.trace_content,
        environment=settings.environment,
        release=settings.release,
        sample_rate=settings.trace_sample_rate,
        on_event=lambda what: metrics.spans.labels("values", what).inc(),
    )
    return tracing, kept, outlets


def _count_spans(metrics: Metrics, outlet: str) -> OnExport:
    return lambda what, count: metrics.spans.labels(outlet, what).inc(count)
