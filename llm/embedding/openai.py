"""Embeddings of OpenAI, and of every server that speaks its API."""

from typing import Any

import httpx

from llm.embedding.http import WireEmbedding
from llm.errors import ProviderRejected
from llm.settings import ModelSettings

# The API takes 2,048 texts and 300,000 tokens at a time; texts of some length reach the second first.
_BATCH = 128


def vendor(name: str, settings: ModelSettings) -> WireEmbedding:
    if settings.openai_api_key is None:
        raise ProviderRejected("OpenAI is no provider without a key.", provider="openai", model=name)
    key = settings.openai_api_key.get_secret_value()
    timeout = httpx.Timeout(settings.first_token_timeout_seconds, connect=settings.connect_timeout_seconds)
    return WireEmbedding(
        name,
        provider="openai",
        url=f"{settings.openai_base_url}/embeddings",
        client=httpx.AsyncClient(timeout=timeout, headers={"Authorization": f"Bearer {key}"}),
        rows=_rows,
        batch=_BATCH,
        # Not every server that speaks this API packs numbers as OpenAI's does.
        also={"encoding_format": "float"},
    )


def _rows(document: Any) -> list[list[float]]:
    entries = sorted(document["data"], key=lambda entry: int(entry["index"]))
    return [entry["embedding"] for entry in entries]
