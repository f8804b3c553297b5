"""The ways in of the first generation of clients."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server import Server, run_input, serving

SETTINGS = {
    "AGENKIT_SCRIPTED_MODEL_FILE": str(Path(__file__).parent.parent / "canvas.json"),
    "AGENKIT_CHAT_MODELS": "scripted:writer",
    "AGENKIT_CANVAS_MODELS": "scripted:writer",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("data"), **SETTINGS) as running:
        yield running


async def _post(server: Server, path: str, body: dict[str, Any]) -> httpx.Response:
    async with server.client() as client:
        return await client.post(path, json=body)


@pytest.mark.parametrize("path", ["/api/chat", "/api/canvas/stream"])
async def test_they_answer_and_say_that_they_will_go(server: Server, path: str) -> None:
    first = await _post(server, path, {"message": "What are tides?", "thread_id": f"t{len(path)}"})
    today = await _post(server, path, run_input("What are tides?"))
    for answer in (first, today):
        assert answer.status_code == 200
        assert "RUN_FINISHED" in answer.text
        assert answer.headers["Deprecation"] == "@1795132800"
        assert answer.headers["Sunset"] == "Sat, 20 Nov 2027 00:00:00 GMT"
        assert 'rel="deprecation"' in answer.headers["Link"]
    assert f'"threadId":"t{len(path)}"' in first.text


async def test_an_artifact_is_written_and_acted_upon(server: Server) -> None:
    await _post(server, "/api/canvas/stream", {"message": "Write about the tides", "thread_id": "c"})
    async with server.client() as client:
        (made,) = (await client.get("/api/v1/artifacts?threadId=c")).json()["items"]
        asked = {
            "message": "Please",
            "thread_id": "c",
            "artifact_id": made["artifactId"],
            "action": {"name": "translate", "value": "German"},
        }
        await client.post("/api/canvas/stream", json=asked)
        told = (await client.get(f"/api/v1/artifacts/{made['artifactId']}")).json()
    assert (told["version"], told["text"]) == (2, "# Die Gezeiten\n\nDer Mond zieht am Meer.\n")


async def test_the_address_without_a_version_is_the_same_as_with_it(server: Server) -> None:
    answer = await _post(server, "/api/chat/chat", run_input("What are tides?"))
    assert (answer.status_code, "Deprecation" in answer.headers) == (200, False)
    assert (await _post(server, "/api/chat/nobody", run_input("Hi"))).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"message": ""}, {"message": "Hi", "action": {"name": "paint"}}, {"message": "Hi", "selection": 3}]
)
async def test_what_cannot_be_read_is_refused(server: Server, body: dict[str, Any]) -> None:
    answer = await _post(server, "/api/canvas/stream", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


async def test_each_client_is_logged_once_a_day_and_every_request_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path, **SETTINGS) as server:
        async with server.client() as client:
            for _ in range(3):
                await client.post("/api/chat", json={"message": "What are tides?"})
            metrics = (await client.get("/metrics")).text
    assert 'agenkit_legacy_requests_total{route="/api/chat"} 3.0' in metrics
    assert capsys.readouterr().out.count("legacy_route_used ") == 1


async def test_a_setting_closes_them(tmp_path: Path) -> None:
    with serving(tmp_path, **SETTINGS, AGENKIT_LEGACY_ROUTES="false") as server:
        answer = await _post(server, "/api/chat", {"message": "Hi"})
        assert (answer.status_code, answer.json()["code"]) == (410, "gone")
        assert 'rel="deprecation"' in answer.headers["Link"]
        assert (await _post(server, "/api/chat/chat", run_input("What are tides?"))).status_code == 200
