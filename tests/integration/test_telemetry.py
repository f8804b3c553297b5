"""Every kind of span and every attribute on one is in docs/telemetry.md, and what is there is to be had."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.loopback import Loopback, Reply, Status
from tests.server import Server, serving
from tests.waiting import LIMIT_SECONDS

TESTS = Path(__file__).parent.parent
DOCS = TESTS.parent / "docs" / "telemetry.md"
LISTED = re.compile(r"^\| `([\w.]+)` \| ([^|]*) \|", re.MULTILINE)

# What nothing of these tests brings about: a limit, a temperature, a price; a broken tool, a reading that is stopped;
# a vendor's id of an answer, an answer to a question, a request that fails after it was accepted.
SELDOM = {
    *(("tool", name) for name in ("agenkit.cancelled", "error.type")),
    *(("tool", f"langfuse.observation.{name}") for name in ("level", "status_message")),
    ("review", "agenkit.cancelled"),
    ("retriever", "agenkit.cancelled"),
    ("model", "gen_ai.request.temperature"),
    ("model", "gen_ai.request.max_tokens"),
    ("run", "agenkit.cost_usd"),
    ("run", "agenkit.interrupted_run"),
    ("model", "gen_ai.response.id"),
    *(("request", name) for name in ("error.type", "langfuse.observation.level")),
}

Seen = dict[str, set[str]]


def _flat(entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield entry
    for child in entry["children"]:
        yield from _flat(child)


async def _seen(server: Server, runs: int) -> Seen:
    """The attributes of each kind, once so many runs are written."""
    seen: Seen = defaultdict(set)
    async with server.client() as client, asyncio.timeout(LIMIT_SECONDS):
        while True:
            items = (await client.get("/api/v1/traces?limit=100")).json()["items"]
            traces = [(await client.get(f"/api/v1/traces/{item['traceId']}")).json() for item in items]
            spans = [span for told in traces for top in told["spans"] for span in _flat(top)]
            if sum(span["kind"] in {"run", "review"} and span["name"] != "verdict" for span in spans) >= runs:
                break
            await asyncio.sleep(0.2)
    for span in spans:
        seen[span["kind"]] |= set(span["attributes"])
    return seen


async def test_what_the_docs_list_is_what_spans_hold(tmp_path: Path) -> None:
    seen: Seen = defaultdict(set)
    scripted = {
        "AGENKIT_SCRIPTED_MODEL_FILE": str(TESTS / "quality.json"),
        "AGENKIT_CHAT_MODELS": "scripted:author",
        "AGENKIT_CANVAS_MODELS": "scripted:author",
        "AGENKIT_JUDGE_MODELS": "scripted:judge",
        "AGENKIT_RELEASE": "1.2.3",
    }
    with serving(tmp_path / "scripted", **scripted) as server:
        props = {"reviewMode": "enforce", "canvas": {"kind": "markdown"}}
        await server.run("canvas", text="Write", forwardedProps=props)
        async with server.client() as client:
            (artifact,) = (await client.get("/api/v1/artifacts")).json()["items"]
        await server.run("canvas", text="Change", forwardedProps={"canvas": {"artifactId": artifact["artifactId"]}})
        async with server.client() as client:
            await client.post("/api/v1/reviews", json={"text": "Lyon is the capital of France."})
        _merge(seen, await _seen(server, 3))
    actor = {
        "AGENKIT_SCRIPTED_MODEL_FILE": str(TESTS / "script.json"),
        "AGENKIT_CHAT_MODELS": "scripted:actor",
        "AGENKIT_RETRY_MAX_ATTEMPTS": "1",
        "AGENKIT_GRAPH_FILES": f"notes={TESTS / 'graphs' / 'notes.py'}:graph",
    }
    with serving(tmp_path / "actor", **actor) as server:
        await server.run(text="Work out the sum")
        await server.run(text="Break off")
        await server.run("notes", text="When is high tide?")
        await server.run("notes", text="A broken one")
        async with server.client() as client, server.opened(client, text="Count slowly", run="stopped") as events:
            async for event in events:
                if event["type"] == "TEXT_MESSAGE_CONTENT":
                    await client.post("/api/v1/runs/stopped/cancel")
        _merge(seen, await _seen(server, 5))
    with Loopback() as first, Loopback() as second:
        first.answer(lambda _: Status(503))
        second.answer(lambda _: Reply("one two three four"))
        over = {
            "OPENAI_API_KEY": "a-key-for-tests",
            "OPENAI_BASE_URL": first.openai_url,
            "OLLAMA_BASE_URL": second.ollama_url,
            "AGENKIT_CHAT_MODELS": "openai:loop,ollama:loop",
            "AGENKIT_RETRY_MAX_ATTEMPTS": "2",
            "AGENKIT_RETRY_WAIT_MIN_SECONDS": "0",
            "AGENKIT_RETRY_WAIT_MAX_SECONDS": "0.1",
            "AGENKIT_CACHE_EXACT": "all",
        }
        with serving(tmp_path / "over", **over) as server:
            await server.run(text="Hello")
            # The second one is remembered.
            await server.run(text="Hello")
            _merge(seen, await _seen(server, 2))
    told = DOCS.read_text()
    assert set(seen) == set(re.findall(r"^\| (\w+) \| `", told, re.MULTILINE))
    listed = {
        (kind, attribute)
        for attribute, kinds in LISTED.findall(told)
        for kind in (seen if kinds == "all" else re.findall(r"`(\w+)`", kinds))
    }
    found = {(kind, attribute) for kind, attributes in seen.items() for attribute in attributes}
    # `langfuse.release` stands where it is set, which is not in each of these servers.
    assert found | {(kind, "langfuse.release") for kind in seen} | SELDOM == listed
    assert found.isdisjoint(SELDOM)


def _merge(into: Seen, more: Seen) -> None:
    for kind, names in more.items():
        into[kind] |= names
