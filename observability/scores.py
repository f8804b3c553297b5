"""Scores to Langfuse, under ids of our own: said twice they are one. Loaded only where Langfuse is named."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
from langfuse.api import AsyncLangfuseAPI
from langfuse.api.core.api_error import ApiError
from langfuse.api.scores.types.create_score_request import CreateScoreRequest

_TIMEOUT = 10


@dataclass(frozen=True, slots=True)
class Score:
    """`trace` is where it belongs; what has no trace belongs to its `session`, the thread."""

    id: str
    name: str
    value: float
    at: datetime
    trace: str | None = None
    session: str | None = None
    comment: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


class ScoreNotSent(Exception):
    """Langfuse did not take them. `final` is whether it would not take them another time either."""

    def __init__(self, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.final = final


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except ApiError as error:
        status = error.status_code or 500
        raise ScoreNotSent(f"Langfuse answered {status}", final=status in {400, 413, 422}) from None
    except (httpx.HTTPError, ValueError) as error:
        raise ScoreNotSent(f"Langfuse cannot be reached: {type(error).__name__}", final=False) from None


class LangfuseScores:
    def __init__(self, url: str, public_key: str, secret_key: str, environment: str) -> None:
        self._environment = environment
        self._client = httpx.AsyncClient(timeout=_TIMEOUT)
        self._api = AsyncLangfuseAPI(
            base_url=url, username=public_key, password=secret_key, httpx_client=self._client, timeout=_TIMEOUT
        )

    async def send(self, scores: Sequence[Score]) -> None:
        """Raises `Unsent`."""
        with _translate_errors():
            await self._api.scores.create(
                request=[self._request(score) for score in scores], request_options={"max_retries": 0}
            )

    async def delete(self, score: str) -> None:
        """Delete a score, by our id of it; one that is not there is deleted. Raises `Unsent`."""
        with _translate_errors():
            try:
                await self._api.scores.delete(score, request_options={"max_retries": 0})
            except ApiError as error:
                if error.status_code != 404:
                    raise

    async def aclose(self) -> None:
        await self._client.aclose()

    def _request(self, score: Score) -> CreateScoreRequest:
        return CreateScoreRequest(
            id=score.id,
            name=score.name,
            value=score.value,
            trace_id=score.trace,
            session_id=None if score.trace else score.session,
            comment=score.comment,
            metadata=dict(score.metadata) or None,
            environment=self._environment,
            timestamp=score.at,
        )
