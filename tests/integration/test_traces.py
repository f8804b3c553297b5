"""What runs did, as it is asked for over HTTP."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from backend.api import traces
from backend.errors import install_errors
from backend.security.callers import caller
from observability.tracing import SpanRecord, TraceSubject
from storage import migrations
from storage.caller import Caller
from storage.database import open_database
from storage.settings import StorageSettings
from storage.spans import MAX_SPANS, SpanStore

TRACE = "0af7651916cd43dd8448eb211c80319c"
ANN = TraceSubject("acme", "ann", session="thread-1", run="run-1", agent="chat")
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW = int(AT.timestamp()) * 10**9
SECOND = 10**9


@dataclass(frozen=True)
class _Has:
    spans: SpanStore


@pytest.fixture
def settings(tmp_path: Path) -> StorageSettings:
    settings = StorageSettings(data_dir=tmp_path)
    migrations.upgrade(settings.database)
    return settings


@pytest.fixture
async def spans(settings: StorageSettings) -> AsyncIterator[SpanStore]:
    database = open_database(settings)
    yield SpanStore(database)
    await database.aclose()


@pytest.fixture
async def client(spans: SpanStore) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(traces.router)
    install_errors(app)
    app.state.resources = _Has(spans)

    async def by_header(request: Request) -> Caller:
        return Caller("acme", request.headers.get("X-Test-User", "ann"))

    app.dependency_overrides[caller] = by_header
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as opened:
        yield opened


def _span(at: int, parent: int | None = None, **more: Any) -> SpanRecord:
    told: dict[str, Any] = {"trace_id": TRACE, "name": f"span {at}", "kind": "run", "subject": ANN, "error": None}
    told |= {"started_ns": NOW + at * 1000, "ended_ns": NOW + SECOND, **more}
    return SpanRecord(id=f"{at:016x}", parent_id=None if parent is None else f"{parent:016x}", **told)


def _trace(at: int, **more: Any) -> SpanRecord:
    return _span(at, trace_id=f"{at:032x}", started_ns=NOW + at * SECOND, ended_ns=NOW + (at + 1) * SECOND, **more)


def _named(told: list[dict[str, Any]]) -> list[Any]:
    return [[int(span["spanId"], 16), *_named(span["children"])] for span in told]


async def test_a_trace_is_told_with_its_spans_beneath_each_other(client: httpx.AsyncClient, spans: SpanStore) -> None:
    tool = _span(2, 1, name="weather", kind="tool", error="ValueError", attributes={"agenkit.tokens": 7, "b": "é"})
    await spans.write([tool, _span(1, kind="run", attributes={})])
    answer = await client.get(f"/api/v1/traces/{TRACE}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {
        "traceId": TRACE,
        "name": "span 1",
        "status": "error",
        "error": "ValueError",
        "agentId": "chat",
        "threadId": "thread-1",
        "runId": "run-1",
        "startedAt": "2026-11-20T12:00:00.000001Z",
        "durationSeconds": 0.999999,
        "spanCount": 2,
        "truncated": False,
        "spans": [
            {
                "spanId": "0000000000000001",
                "name": "span 1",
                "kind": "run",
                "startedAt": "2026-11-20T12:00:00.000001Z",
                "durationSeconds": 0.999999,
                "status": "ok",
                "error": None,
                "attributes": {},
                "children": [
                    {
                        "spanId": "0000000000000002",
                        "name": "weather",
                        "kind": "tool",
                        "startedAt": "2026-11-20T12:00:00.000002Z",
                        "durationSeconds": 0.999998,
                        "status": "error",
                        "error": "ValueError",
                        "attributes": {"agenkit.tokens": 7, "b": "é"},
                        "children": [],
                    }
                ],
            }
        ],
    }


async def test_children_come_as_they_began_and_who_has_no_known_parent_hangs_at_the_top(
    client: httpx.AsyncClient, spans: SpanStore
) -> None:
    await spans.write([_span(5, 99), _span(4, 1), _span(2, 1), _span(1), _span(3, 2)])
    told = (await client.get(f"/api/v1/traces/{TRACE}")).json()
    assert _named(told["spans"]) == [[1, [2, [3]], [4]], [5]]


async def test_a_trace_may_be_as_deep_as_it_has_spans(client: httpx.AsyncClient, spans: SpanStore) -> None:
    await spans.write([_span(at, at - 1) for at in range(MAX_SPANS + 1)])
    told = (await client.get(f"/api/v1/traces/{TRACE}")).text
    assert told.count('"spanId":') == told.count('"children":[{') + 1 == MAX_SPANS
    assert '"spanCount":5001,"truncated":true,' in told
    # Python's own reader gives up at such a depth: what is cut out of the middle is still whole.
    inner = told[told.index(f'{{"spanId":"{MAX_SPANS - 3:016x}"') : -(MAX_SPANS - 3) * 2 - 2]
    assert _named([json.loads(inner)]) == [[MAX_SPANS - 3, [MAX_SPANS - 2, [MAX_SPANS - 1]]]]


async def test_lists_come_in_parts(client: httpx.AsyncClient, spans: SpanStore) -> None:
    await spans.write([_trace(at) for at in range(5)])
    found, cursor = list[int](), None
    for size in (2, 2, 1):
        asked = {"limit": "2"} if cursor is None else {"limit": "2", "cursor": cursor}
        told = (await client.get("/api/v1/traces", params=asked)).json()
        assert len(told["items"]) == size
        found += [int(trace["traceId"], 16) for trace in told["items"]]
        cursor = told["nextCursor"]
    assert (found, cursor) == ([4, 3, 2, 1, 0], None)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"status": "error"}, [1]),
        ({"status": "ok"}, [2, 0]),
        ({"agentId": "canvas"}, [2]),
        ({"threadId": "thread-1", "runId": "run-1"}, [2, 1, 0]),
        ({"threadId": "thread-2"}, []),
        ({"runId": "run-2"}, []),
        ({"q": "50%"}, [0]),
        ({"since": "2026-11-20T12:00:01Z"}, [2, 1]),
        ({"since": "2026-11-20T13:00:01+01:00", "until": "2026-11-20T12:00:02Z"}, [1]),
    ],
)
async def test_lists_are_filtered(
    client: httpx.AsyncClient, spans: SpanStore, asked: dict[str, str], found: list[int]
) -> None:
    others = replace(ANN, agent="canvas")
    await spans.write([_trace(0, name="at 50%"), _trace(1, error="internal"), _trace(2, subject=others)])
    told = (await client.get("/api/v1/traces", params=asked)).json()
    assert [int(trace["traceId"], 16) for trace in told["items"]] == found


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"since": "2026-11-20T12:00:00Z", "until": "2026-11-20T12:00:00Z"}, "since"),
        ({"since": "2026-11-20T12:00:00Z", "until": "2026-11-20T12:30:00+01:00"}, "since"),
        ({"since": "2026-11-20T12:00:00"}, "since"),
        ({"until": "0001-01-01T00:00:00+14:00"}, "until"),
        ({"until": "tomorrow"}, "until"),
        ({"cursor": "x"}, "cursor"),
        ({"status": "failed"}, "status"),
        ({"agentId": ""}, "agentId"),
        ({"q": "a\x00b"}, "q"),
        ({"q": "x" * 256}, "q"),
        ({"limit": "101"}, "limit"),
        ({"agent": "chat"}, "agent"),
    ],
)
async def test_what_cannot_be_asked_is_said(client: httpx.AsyncClient, asked: dict[str, str], field: str) -> None:
    answer = await client.get("/api/v1/traces", params=asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert [wrong["field"] for wrong in answer.json()["errors"]] == [field]


async def test_a_trace_that_is_not_yours_is_unknown_as_one_that_cannot_be(
    client: httpx.AsyncClient, spans: SpanStore
) -> None:
    await spans.write([_span(1)])
    told = [
        await client.get(f"/api/v1/traces/{TRACE}", headers={"X-Test-User": "bob"}),
        *[await client.get(f"/api/v1/traces/{trace}") for trace in ("0" * 32, TRACE[:-1], TRACE.upper(), "a%00b")],
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in told] == [(404, "trace_not_found")] * 5
    theirs = await client.get("/api/v1/traces", headers={"X-Test-User": "bob"})
    assert theirs.json() == {"items": [], "nextCursor": None}
