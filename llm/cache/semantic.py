"""Questions that mean the same, found by their vectors."""

import asyncio
from collections.abc import Sequence
from time import monotonic

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from llm.cache.store import CacheStore
from llm.errors import ModelError
from observability.logs import get_logger

_log = get_logger(__name__)

Vector = NDArray[np.float32]

# Of what is near enough, so many are looked for: the answer to the nearest may be gone.
_MAX_COMPARED = 3
_LOG_INTERVAL_SECONDS = 60.0


class SemanticCache:
    """Names of answers, each beside the vector of its question. A scope keeps the latest `entries` of them.

    An entry is 32 bytes of name and the vector, all of it compared with each question: a few hundred take less time
    than asking an index would.
    """

    _NAME_BYTES = 32

    def __init__(
        self,
        store: CacheStore,
        embeddings: Embeddings,
        *,
        name: str,
        threshold: float,
        entries: int,
        ttl: float,
        timeout: float = 2.0,
    ) -> None:
        self._store = store
        # Vectors of two models are not to be compared.
        self._place = f"near:{name}:"
        self._embeddings = embeddings
        self._threshold = threshold
        self._entries = entries
        self._ttl = ttl
        self._patience = timeout
        self._tells_again = 0.0

    async def vector(self, text: str) -> Vector | None:
        """Of length 1; `None` where the embedder does not make it soon."""
        try:
            async with asyncio.timeout(self._patience):
                vector = np.array(await self._embeddings.aembed_query(text), np.float32)
        except (ModelError, TimeoutError) as error:
            self._log_failure(error)
            return None
        length = float(np.linalg.norm(vector))
        return vector / np.float32(length) if length else None

    async def nearest(self, scope: str, vector: Vector) -> Sequence[str]:
        """The names of what is near enough, nearest first."""
        size = self._NAME_BYTES + vector.nbytes
        # Another version of a model may make them of another size.
        entries = [entry for entry in await self._store.get_list(self._place + scope) if len(entry) == size]
        if not entries:
            return ()
        numbers = np.frombuffer(b"".join(entry[self._NAME_BYTES :] for entry in entries), "<f4")
        near = numbers.reshape(len(entries), -1) @ vector
        order = np.argsort(-near, kind="stable")[:_MAX_COMPARED]
        return [entries[at][: self._NAME_BYTES].hex() for at in order if near[at] >= self._threshold]

    async def remember(self, scope: str, vector: Vector, name: str) -> None:
        entry = bytes.fromhex(name) + vector.astype("<f4").tobytes()
        await self._store.push(self._place + scope, entry, max_items=self._entries, ttl=self._ttl)

    def _log_failure(self, error: Exception) -> None:
        now = monotonic()
        if now >= self._tells_again:
            self._tells_again = now + _LOG_INTERVAL_SECONDS
            _log.warning("embedder_failed", error=error.code if isinstance(error, ModelError) else "timeout")
