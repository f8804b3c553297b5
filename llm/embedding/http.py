"""An embedding model behind HTTP: what the formats of its vendors have in common."""

from collections.abc import Callable, Sequence
from typing import Any

import httpx
import numpy as np

from llm.embedding.embedder import Vectors
from llm.errors import ContextTooLong, ModelError, ModelOverloaded, ModelUnavailable, ProviderRejected
from observability.tracing import trace_headers


class WireEmbedding:
    """Posts texts and reads rows. `rows` takes them out of the document that an answer is."""

    def __init__(
        self,
        model: str,
        *,
        provider: str,
        url: str,
        client: httpx.AsyncClient,
        rows: Callable[[Any], Sequence[Sequence[float]]],
        batch: int,
        also: dict[str, Any] | None = None,
    ) -> None:
        self.batch = batch
        self._model = model
        self._provider = provider
        self._url = url
        self._client = client
        self._rows = rows
        self._also = also or {}

    async def embed(self, texts: Sequence[str]) -> Vectors:
        asked = {"model": self._model, "input": list(texts), **self._also}
        # Tells the provider whose work it is.
        headers = dict(trace_headers())
        try:
            answer = await self._client.post(self._url, json=asked, headers=headers)
        except httpx.HTTPError as error:
            raise self._error(ModelUnavailable, "stopped before its answer was complete") from error
        if answer.status_code != 200:
            raise self._of_status(answer)
        try:
            vectors = np.array(self._rows(answer.json()), np.float32)
        except (ValueError, KeyError, TypeError) as error:
            raise self._error(ModelUnavailable, "is not readable") from error
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise self._error(ModelUnavailable, "is not readable")
        return vectors

    def _of_status(self, answer: httpx.Response) -> ModelError:
        status = answer.status_code
        if status == 429:
            return self._error(ModelOverloaded, "is overloaded")
        if status >= 500 or status == 408:
            return self._error(ModelUnavailable, "is not well")
        if "context" in answer.text and ("length" in answer.text or "exceed" in answer.text):
            return self._error(ContextTooLong, "does not take a text of this length")
        return self._error(ProviderRejected, f"does not take this call (status {status})")

    def _error(self, kind: type[ModelError], what: str) -> ModelError:
        return kind(f"The model {self._model!r} {what}.", provider=self._provider, model=self._model)

    async def aclose(self) -> None:
        await self._client.aclose()
