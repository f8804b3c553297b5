"""What readiness says of providers, exporters and Sentry."""

from pathlib import Path
from typing import Any

import pytest

from llm.factory import ModelFactory
from tests.loopback import Loopback, Status
from tests.server import Server, serving
from tests.sink import Sink

TESTS = Path(__file__).parent.parent
NOBODY = "http://127.0.0.1:1"


async def _ready(server: Server) -> tuple[int, dict[str, Any]]:
    async with server.client() as client:
        answer = await client.get("/health/ready")
    return answer.status_code, answer.json()


async def test_readiness_names_providers_sentry_and_exporters(tmp_path: Path) -> None:
    with Loopback() as model, Sink() as sink:
        to = {
            "OLLAMA_BASE_URL": NOBODY,
            "OPENAI_API_KEY": "a-key-for-tests",
            "OPENAI_BASE_URL": model.openai_url,
            "LANGFUSE_PUBLIC_KEY": "pk",
            "LANGFUSE_SECRET_KEY": "sk",
            "LANGFUSE_BASE_URL": sink.url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
            "SENTRY_DSN": f"{NOBODY.replace('//', '//key@')}/1",
        }
        with serving(tmp_path, **to) as server:
            status, told = await _ready(server)
    found = {name: each["status"] for name, each in told["dependencies"].items() if name != "embedded"}
    # Nothing has started Sentry here: the command does.
    assert found == {
        "database": "ok",
        "langfuse": "ok",
        "otlp": "ok",
        "sentry": "failed",
        "ollama": "failed",
        "openai": "ok",
    }
    assert (status, told["status"]) == (200, "degraded")
    assert told["dependencies"]["ollama"]["impact"]


@pytest.mark.parametrize(("alive", "status"), [(True, "ok"), (False, "degraded")])
async def test_without_any_provider_alive_it_is_degraded_and_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, alive: bool, status: str
) -> None:
    async def providers(_: ModelFactory) -> dict[str, bool]:
        return {"openai": False, "ollama": alive}

    monkeypatch.setattr(ModelFactory, "providers", providers)
    with serving(tmp_path) as server:
        code, told = await _ready(server)
    assert (code, told["status"]) == (200, status)
    assert told["dependencies"]["openai"]["status"] == "failed"


async def test_a_provider_whose_breakers_are_open_is_not_alive(tmp_path: Path) -> None:
    with Loopback() as model:
        model.answer(lambda _: Status(500))
        to = {
            "OPENAI_API_KEY": "a-key-for-tests",
            "OPENAI_BASE_URL": model.openai_url,
            "AGENKIT_CHAT_MODELS": "openai:loop",
            "AGENKIT_RETRY_MAX_ATTEMPTS": "1",
            "AGENKIT_BREAKER_FAILURES": "1",
            "AGENKIT_BREAKER_RESET_SECONDS": "3600",
        }
        with serving(tmp_path, **to) as server:
            before = (await _ready(server))[1]["dependencies"]["openai"]["status"]
            await server.run(text="Hello")
            after = (await _ready(server))[1]["dependencies"]["openai"]["status"]
    assert (before, after) == ("ok", "failed")
