"""Embeddings of whatever a server of Ollama has pulled."""

from typing import Any

import httpx

from llm.embedding.http import WireEmbedding
from llm.settings import ModelSettings

_BATCH = 64


def vendor(name: str, settings: ModelSettings) -> WireEmbedding:
    timeout = httpx.Timeout(settings.first_token_timeout_seconds, connect=settings.connect_timeout_seconds)
    return WireEmbedding(
        name,
        provider="ollama",
        url=f"{settings.ollama_base_url}/api/embed",
        client=httpx.AsyncClient(timeout=timeout),
        rows=_rows,
        batch=_BATCH,
    )


def _rows(document: Any) -> list[list[float]]:
    rows: list[list[float]] = document["embeddings"]
    return rows
