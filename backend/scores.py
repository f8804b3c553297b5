"""What was found and what people said, on its way to Langfuse: an outbox in the database."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Protocol

from observability.logs import get_logger
from observability.metrics import Metrics
from observability.redaction import redacted
from observability.settings import ObservabilitySettings
from storage.database import StorageFailed
from storage.reviews import Reviews, Waiting

_log = get_logger(__name__)

_EVERY = 2.0
_LONGEST_WAIT = 300.0
_AT_ONCE = 50
# A run's trace is written right behind it; what has none after that long belongs to its thread, or to nothing.
_PATIENCE = timedelta(seconds=5)
# What Langfuse did not take for so long is given up.
_GIVEN_UP = timedelta(days=7)


class Scores(Protocol):
    async def send(self, scores: Sequence[object]) -> None: ...

    async def delete(self, score: str) -> None: ...

    async def aclose(self) -> None: ...


class Outbox:
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
        wait = _EVERY
        while True:
            await asyncio.sleep(wait)
            wait = _EVERY if await self._sent() else min(wait * 2, _LONGEST_WAIT)

    async def _sent(self) -> bool:
        """Whether all went well, also where there was nothing to send."""
        try:
            now = datetime.now(UTC)
            waiting = await self._reviews.waiting(_AT_ONCE, before=now - _PATIENCE)
            if not waiting or await self._all_sent(waiting):
                return True
            await self._settle(await self._reviews.overdue(now - _GIVEN_UP), "given_up")
        except StorageFailed as error:
            _log.warning("scores_not_read", error=str(error))
        return False

    async def _all_sent(self, waiting: Sequence[Waiting]) -> bool:
        belonging = [each for each in waiting if _belongs(each)]
        await self._settle([each for each in waiting if not _belongs(each)], "without_trace")
        if not belonging:
            return True
        try:
            await self._tell(belonging)
        except self._module.Unsent as error:
            _log.warning("scores_not_sent", error=str(error), scores=len(belonging))
            self._metrics.scores.labels("failed").inc(len(belonging))
            return await self._one_by_one(belonging) if error.final else False
        await self._settle(belonging, "exported")
        return True

    async def _one_by_one(self, refused: Sequence[Waiting]) -> bool:
        """One that cannot be taken does not take the others along."""
        for each in refused:
            try:
                await self._tell([each])
            except self._module.Unsent as error:
                if not error.final:
                    return False
                await self._settle([each], "given_up")
            else:
                await self._settle([each], "exported")
        return True

    async def _tell(self, scores: Sequence[Waiting]) -> None:
        """Raises `Unsent`."""
        if there := [each for each in scores if each.value is not None]:
            await self._client.send([self._score(each) for each in there])
        for each in scores:
            if each.value is None:
                await self._client.delete(each.id)

    async def _settle(self, settled: Sequence[Waiting], what: str) -> None:
        if settled:
            await self._reviews.exported(settled)
            self._metrics.scores.labels(what).inc(len(settled))

    def _score(self, waiting: Waiting) -> object:
        return self._module.Score(
            id=waiting.id,
            name=waiting.name,
            value=waiting.value,
            at=waiting.at,
            trace=waiting.trace,
            session=waiting.thread,
            metadata=waiting.metadata,
            comment=redacted(waiting.comment) if waiting.comment and self._captures else None,
        )


def _belongs(waiting: Waiting) -> bool:
    """Whether there is something to send: a score needs a place, its deletion does not."""
    return waiting.value is None or bool(waiting.trace or waiting.thread)
