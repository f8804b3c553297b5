"""What was found and what people said, on its way to Langfuse: an outbox in the database."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Protocol

from observability.logs import get_logger
from observability.metrics import Metrics
from observability.redaction import redact
from observability.settings import ObservabilitySettings
from storage.database import StorageFailed
from storage.reviews import PendingScore, Reviews

_log = get_logger(__name__)

_INTERVAL_SECONDS = 2.0
_MAX_WAIT_SECONDS = 300.0
_BATCH_SIZE = 50
# A run's trace is written right behind it; what has none after that long belongs to its thread, or to nothing.
_MAX_AGE = timedelta(seconds=5)
# What Langfuse did not take for so long is given up.
_ABANDONED = timedelta(days=7)


class ScoreSink(Protocol):
    async def send(self, scores: Sequence[object]) -> None: ...

    async def delete(self, score: str) -> None: ...

    async def aclose(self) -> None: ...


class ScoreOutbox:
    """One process at a time sends a score, or two do: its id makes them one."""

    def __init__(self, reviews: Reviews, settings: ObservabilitySettings, metrics: Metrics) -> None:
        self._reviews = reviews
        self._metrics = metrics
        # A comment is somebody's words.
        self._captures = settings.trace_content
        # Its client takes a quarter of a second to load: whoever has no Langfuse does not pay for it.
        self._module = import_module("observability.scores")
        key, secret = settings.langfuse_public_key, settings.langfuse_secret_key
        if key is None or secret is None:
            raise ValueError("an outbox to Langfuse needs its keys")
        self._client = self._module.LangfuseScores(
            settings.langfuse_base_url, key, secret.get_secret_value(), settings.environment
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._send_on(), name="scores")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._client.aclose()

    async def _send_on(self) -> None:
        wait = _INTERVAL_SECONDS
        while True:
            await asyncio.sleep(wait)
            wait = _INTERVAL_SECONDS if await self._send_batch() else min(wait * 2, _MAX_WAIT_SECONDS)

    async def _send_batch(self) -> bool:
        """Whether all went well, also where there was nothing to send."""
        try:
            now = datetime.now(UTC)
            waiting = await self._reviews.pending_scores(_BATCH_SIZE, before=now - _MAX_AGE)
            if not waiting or await self._send_all(waiting):
                return True
            await self._mark_exported(await self._reviews.count_overdue(now - _ABANDONED), "given_up")
        except StorageFailed as error:
            _log.warning("score_poll_failed", error=str(error))
        return False

    async def _send_all(self, waiting: Sequence[PendingScore]) -> bool:
        belonging = [each for each in waiting if _belongs(each)]
        await self._mark_exported([each for each in waiting if not _belongs(each)], "without_trace")
        if not belonging:
            return True
        try:
            await self._send(belonging)
        except self._module.Unsent as error:
            _log.warning("score_export_failed", error=str(error), scores=len(belonging))
            self._metrics.score_exports.labels("failed").inc(len(belonging))
            return await self._send_each(belonging) if error.final else False
        await self._mark_exported(belonging, "exported")
        return True

    async def _send_each(self, refused: Sequence[PendingScore]) -> bool:
        """One that cannot be taken does not take the others along."""
        for each in refused:
            try:
                await self._send([each])
            except self._module.Unsent as error:
                if not error.final:
                    return False
                await self._mark_exported([each], "given_up")
            else:
                await self._mark_exported([each], "exported")
        return True

    async def _send(self, scores: Sequence[PendingScore]) -> None:
        """Raises `Unsent`."""
        if there := [each for each in scores if each.value is not None]:
            await self._client.send([self._build_score(each) for each in there])
        for each in scores:
            if each.value is None:
                await self._client.delete(each.id)

    async def _mark_exported(self, settled: Sequence[PendingScore], what: str) -> None:
        if settled:
            await self._reviews.mark_exported(settled)
            self._metrics.score_exports.labels(what).inc(len(settled))

    def _build_score(self, waiting: PendingScore) -> object:
        return self._module.Score(
            id=waiting.id,
            name=waiting.name,
            value=waiting.value,
            at=waiting.at,
            trace=waiting.trace,
            session=waiting.thread,
            metadata=waiting.metadata,
            comment=redact(waiting.comment) if waiting.comment and self._captures else None,
        )


def _belongs(waiting: PendingScore) -> bool:
    """Whether there is something to send: a score needs a place, its deletion does not."""
    return waiting.value is None or bool(waiting.trace or waiting.thread)
