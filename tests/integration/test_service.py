"""What the service says of itself."""

import json
from pathlib import Path

from llm.settings import PROFILES
from storage import migrations
from tests.server import Server, run_input

ROOT = Path(__file__).parents[2]

NEWEST = migrations.head()


async def test_the_agents_are_listed(server: Server) -> None:
    async with server.client() as client:
        everybody = (await client.get("/api/v1/agents")).json()
        missing = (await client.get("/api/v1/agents", params={"available": False})).json()
    assert [agent["id"] for agent in everybody["items"]] == [
        "chat",
        "canvas",
        "quality",
        "approval",
        "exits",
        "odd",
        "own_types",
        "strict",
        "typed",
        "data",
    ]
    assert everybody["items"][0] == {
        "id": "chat",
        "name": "Chat",
        "description": "Ask anything. I can calculate exactly and work with dates.",
        "version": "1.0.0",
        "available": True,
        "reviewMode": "off",
    }
    # One that does nothing but read cannot be told how, nor can a graph that has no step for it.
    assert [agent["id"] for agent in everybody["items"] if "reviewMode" in agent] == ["chat", "canvas"]
    assert missing["items"] == []


async def test_an_agent_tells_what_it_can_do_and_how_to_begin(server: Server) -> None:
    async with server.client() as client:
        agent = (await client.get("/api/v1/agents/chat")).json()
        stranger = await client.get("/api/v1/agents/nobody")
        begun = await client.post("/api/v1/chat/chat", json=agent["examples"][0])
    assert [tool["name"] for tool in agent["capabilities"]["tools"]["items"]] == ["calculate", "date_shift"]
    assert agent["capabilities"]["humanInTheLoop"] == {"supported": False, "interrupts": False}
    assert stranger.status_code == 404
    assert '"type":"RUN_FINISHED"' in begun.text


async def test_the_models_are_listed_with_what_they_can_do(server: Server) -> None:
    async with server.client() as client:
        told = (await client.get("/api/v1/models")).json()
    assert {model["id"]: model["capabilities"]["tools"] for model in told["items"]} == {
        "embedded:smollm2": False,
        "scripted:actor": True,
        "scripted:toolless": False,
    }
    profiles = {profile["name"]: profile["models"] for profile in told["profiles"]}
    assert profiles == {name: ["scripted:actor"] for name in PROFILES}


async def test_it_says_that_it_is_live_and_ready(server: Server) -> None:
    async with server.client() as client:
        live = (await client.get("/health/live")).json()
        ready = [(await client.get(path)).json() for path in ("/health/ready", "/health", "/ready")]
    assert live == {"status": "ok"}
    for told in ready:
        assert (told["status"], told["dependencies"]["database"]["status"]) == ("ok", "ok")
        assert told["schemaRevision"] == NEWEST


async def test_every_request_has_an_id_that_comes_back(server: Server) -> None:
    async with server.client() as client:
        own = await client.get("/health/live", headers={"X-Request-ID": "trace-me.1:2_3"})
        made = await client.get("/health/live")
        hostile = await client.get("/health/live", headers={"X-Request-ID": "x" * 129})
    assert own.headers["x-request-id"] == "trace-me.1:2_3"
    assert len(made.headers["x-request-id"]) == 32
    assert hostile.headers["x-request-id"] != "x" * 129


async def test_metrics_count_what_happened_in_bounded_series(server: Server) -> None:
    async with server.client() as client:
        await client.get("/api/v1/agents/made-up-1")
        await client.get("/made-up-2")
        await client.post("/api/v1/chat/made-up-3", json=run_input("Hi"))
        await server.run(text="Hi")
        told = (await client.get("/metrics")).text
    assert "made-up" not in told
    assert 'request_count_total{agent_id="chat",endpoint="/api/v1/chat/{agent_id}",status="200"}' in told
    assert 'request_count_total{agent_id="",endpoint="unmatched",status="404"}' in told
    assert 'agenkit_runs_total{agent_id="chat",status="success"}' in told
    assert 'llm_token_count_total{model="scripted:actor",operation="output"}' in told
    assert 'llm_token_count_total{model="scripted:actor",operation="input"}' in told
    assert 'agenkit_run_time_to_first_token_seconds_count{agent_id="chat"}' in told
    assert "agenkit_sse_connections 0.0" in told
    assert 'agenkit_llm_queue_depth{provider="scripted"} 0.0' in told
    for counted in ('agenkit_event_log_writes_total{result="kept"} ', "agenkit_sse_write_stall_seconds_count "):
        assert float(told.partition(f"\n{counted}")[2].partition("\n")[0]) >= 1


async def test_openapi_is_the_one_in_the_docs(server: Server) -> None:
    async with server.client() as client:
        served = (await client.get("/openapi.json")).json()
    written = json.loads((ROOT / "docs" / "openapi.json").read_text())
    assert served == written, "make docs writes it anew"


async def test_every_route_has_an_example(server: Server) -> None:
    async with server.client() as client:
        served = (await client.get("/openapi.json")).json()
    without = [
        f"{method} {path}"
        for path, methods in served["paths"].items()
        for method, route in methods.items()
        for status, answer in route["responses"].items()
        if status.startswith("2") and not all("example" in content for content in answer.get("content", {}).values())
    ]
    assert without == []


async def test_the_page_and_the_docs_load_nothing_from_elsewhere(server: Server) -> None:
    async with server.client() as client:
        pages = [await client.get("/"), await client.get("/docs")]
        missing = await client.get("/assets/nothing.js")
    for page in pages:
        assert page.status_code == 200, "make page builds it"
        assert "https://" not in page.text
        assert "script-src 'self'" in page.headers["content-security-policy"]
    assert missing.status_code == 404
