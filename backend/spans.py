"""Where spans go: into our own store always, to Langfuse and a collector where those are named."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from observability.logs import get_logger
from observability.metrics import Metrics
from observability.outlets import Happened, Outlet, langfuse, otlp, resource_of
from observability.redaction import redacted
from observability.settings import ObservabilitySettings
from observability.tracing import Kept, SpanRecord, Tracing
from storage.database import StorageFailed
from storage.spans import Spans

_log = get_logger(__name__)

# Spans that wait for the database, how many are written at once, and seconds between.
_MOST = 20_000
_AT_ONCE = 300
_EVERY = 1.0
_SWEEP_SECONDS = 3600.0


class Keeper:
    """Writes spans to our own store, beside everything else."""

    def __init__(self, spans: Spans, kept: Kept, days: float, dropped: Callable[[int], None]) -> None:
        self._dropped = dropped
        self._spans = spans
        self._kept = kept
        self._days = days
        self._tasks: list[asyncio.Task[None]] = []
        self._behind = False

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._write_on(), name="spans")]
        if self._days:
            self._tasks.append(asyncio.create_task(self._sweep_on(), name="old spans"))

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.flush()

    async def flush(self) -> None:
        """Writes all that waits, unless the database is away."""
        while len(self._kept) and await self._written(self._kept.take(_AT_ONCE)):
            pass

    async def _write_on(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            await self.flush()

    async def _written(self, records: Sequence[SpanRecord]) -> bool:
        try:
            if full := await self._spans.write(records):
                self._dropped(full)
        except StorageFailed as error:
            self._kept.give_back(records)
            if not self._behind:
                _log.warning("spans_behind", error=str(error), spans=len(self._kept))
            self._behind = True
            return False
        except asyncio.CancelledError:
            self._kept.give_back(records)
            raise
        self._behind = False
        return True

    async def _sweep_on(self) -> None:
        while True:
            try:
                await self._spans.sweep(datetime.now(UTC) - timedelta(days=self._days))
            except StorageFailed as error:
                _log.warning("spans_not_swept", error=str(error))
            await asyncio.sleep(_SWEEP_SECONDS)


def open_tracing(settings: ObservabilitySettings, metrics: Metrics) -> tuple[Tracing, Kept, Sequence[Outlet]]:
    """Decided once, and said in one line."""
    kept = Kept(_MOST, lambda count: metrics.spans.labels("store", "dropped").inc(count))
    outlets, resource = list[Outlet](), resource_of(settings)
    if settings.langfuse_public_key is not None and settings.langfuse_secret_key is not None:
        secret = settings.langfuse_secret_key.get_secret_value()
        exporter = langfuse(settings.langfuse_base_url, settings.langfuse_public_key, secret)
        outlets.append(Outlet("langfuse", exporter, _counted(metrics, "langfuse"), resource=resource))
    if (endpoint := settings.traces_endpoint) is not None:
        exporter = otlp(settings, endpoint)
        outlets.append(Outlet("otlp", exporter, _counted(metrics, "otlp"), resource=resource))
    _log.info(
        "tracing",
        store="on",
        langfuse=settings.langfuse_base_url if settings.langfuse_public_key else "off",
        otlp=endpoint or "off",
        content=settings.trace_content,
    )
    tracing = Tracing(
        [kept, *outlets],
        redact=redacted,
        captures=settings.trace_content,
        environment=settings.environment,
        release=settings.release,
        share=settings.trace_share,
        noted=lambda what: metrics.spans.labels("values", what).inc(),
    )
    return tracing, kept, outlets


def _counted(metrics: Metrics, outlet: str) -> Happened:
    return lambda what, count: metrics.spans.labels(outlet, what).inc(count)
