import asyncio
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Protocol

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from llm.errors import UnknownModel
from llm.settings import ModelSettings
from llm.spec import ModelSpec

Vectors = NDArray[np.float32]

# Each is loaded with its first call: what is not used costs nothing.
VENDORS: Mapping[str, str] = {
    "openai": "llm.embedding.openai",
    "ollama": "llm.embedding.ollama",
    "embedded": "llm.embedding.minilm",
}


class Vendor(Protocol):
    """One model of one vendor. Its module has `vendor(name, settings)`, which is called in a thread."""

    # How many texts it takes at a time.
    batch: int

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text.

        Raises `llm.errors.ModelError`.
        """
        ...

    async def aclose(self) -> None: ...


def embedder(spec: str, settings: ModelSettings) -> "Embedder":
    """An embedding model: `openai:text-embedding-3-small`, `ollama:nomic-embed-text`, `embedded:minilm`.

    Raises `UnknownModel`.
    """
    try:
        parsed = ModelSpec.parse(spec)
    except ValueError:
        raise UnknownModel(spec, ()) from None
    if parsed.provider not in VENDORS:
        raise UnknownModel(spec, ())
    return Embedder(parsed, settings)


class Embedder(Embeddings):
    """What LangChain takes for an embedding model; asynchronous only."""

    def __init__(self, spec: ModelSpec, settings: ModelSettings) -> None:
        self.spec = spec
        self._settings = settings
        self._loading: asyncio.Task[Vendor] | None = None

    async def vectors(self, texts: Sequence[str]) -> Vectors:
        """One row per text.

        Raises `llm.errors.ModelError`.
        """
        if not texts:
            return np.zeros((0, 0), np.float32)
        vendor = await self._load()
        batches = [texts[at : at + vendor.batch] for at in range(0, len(texts), vendor.batch)]
        # One after the other: many at once would be a burst that a provider's limits refuse.
        return np.concatenate([await vendor.embed(batch) for batch in batches])

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        rows: list[list[float]] = (await self.vectors(texts)).tolist()
        return rows

    async def aembed_query(self, text: str) -> list[float]:
        return (await self.aembed_documents([text]))[0]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise NotImplementedError("Embedders are asynchronous only: await aembed_documents or aembed_query.")

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    async def _load(self) -> Vendor:
        if self._loading is None or _failed(self._loading):
            self._loading = asyncio.create_task(asyncio.to_thread(_vendor, self.spec, self._settings))
        # Who stops waiting does not stop the loading: the next has it sooner.
        return await asyncio.shield(self._loading)

    async def aclose(self) -> None:
        loading, self._loading = self._loading, None
        if loading is None:
            return
        await asyncio.wait({loading})
        if not _failed(loading):
            await loading.result().aclose()


def _failed(loading: asyncio.Task[Vendor]) -> bool:
    return loading.done() and (loading.cancelled() or loading.exception() is not None)


def _vendor(spec: ModelSpec, settings: ModelSettings) -> Vendor:
    built: Vendor = import_module(VENDORS[spec.provider]).vendor(spec.name, settings)
    return built
