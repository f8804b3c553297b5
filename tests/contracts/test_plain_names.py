"""A filled database of the revision before the names of docs/glossary.md is upgraded, and read by the code of today."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import JSON, Connection, NullPool, bindparam, create_engine, text

from storage import migrations
from storage.artifacts import Artifacts
from storage.blobs import open_blobs
from storage.caller import Caller
from storage.database import open_database
from storage.memories import Memories
from storage.reviews import Reviews
from storage.runs import Runs
from storage.schedules import Schedules
from storage.settings import StorageSettings
from storage.spans import SpanStore
from storage.threads import Threads

ANN = Caller("acme", "ann")
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DIGEST = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
VERDICT = {
    "outcome": "failed",
    "score": 2.5,
    "spread": 0.5,
    "levels": {"correct": 2.0},
    "notJudged": None,
    "findings": [{"by": "code_parses", "severity": "error", "message": "It does not parse."}],
}
_OWNED: dict[str, Any] = {"tenant_id": "acme", "user_id": "ann"}
_ROWS: list[tuple[str, dict[str, Any]]] = [
    (
        "threads",
        {"id": "t" * 32, "key": "thread", "title": "Tides", "title_by": "person", "created_at": NOW, "updated_at": NOW},
    ),
    ("strays", {"id": "s" * 32, "since": NOW}),
    (
        "runs",
        {
            "id": "r" * 32,
            "key": "run",
            "thread_id": "t" * 32,
            "agent_id": "chat",
            "status": "error",
            "error_code": "interrupted",
            "owner": "gone",
            "attempt": 1,
            "request": "digest",
            "stop_asked": False,
            "beat_at": NOW,
            "created_at": NOW,
            "ended_at": NOW,
        },
    ),
    (
        "runs",
        {
            "id": "q" * 32,
            "key": "queued",
            "thread_id": "t" * 32,
            "agent_id": "chat",
            "status": "queued",
            "owner": "gone",
            "attempt": 1,
            "stop_asked": False,
            "beat_at": NOW,
            "created_at": NOW,
            "asked": {"input": {}, "model": None, "profile": None, "quality": "advise", "wishes": {"kind": "code"}},
        },
    ),
    ("run_messages", {"run_id": "r" * 32, "message": "answer"}),
    (
        "schedules",
        {
            "id": "c" * 32,
            "agent_id": "chat",
            "cron": "0 0 1 1 *",
            "timezone": "UTC",
            "input": {},
            "thread": "thread",
            "last_run": "run",
            "last_error": "thread_waits",
            "skipped": 0,
            "created_at": NOW,
            "updated_at": NOW,
        },
    ),
    (
        "artifacts",
        {
            "id": "a" * 32,
            "thread_id": "t" * 32,
            "name": "a.md",
            "name_folded": "a.md",
            "kind": "markdown",
            "versions": 1,
            "tip": 1,
            "size": 3,
            "created_at": NOW,
            "updated_at": NOW,
        },
    ),
    ("contents", {"digest": DIGEST, "size": 3, "text": "abc"}),
    (
        "artifact_versions",
        {
            "artifact_id": "a" * 32,
            "number": 1,
            "digest": DIGEST,
            "size": 3,
            "author": "agent",
            "run": "run",
            "note": "",
            "conflicts": 0,
            "created_at": NOW,
        },
    ),
    (
        "memories",
        {"id": "m" * 32, "kind": "fact", "text": "Sails.", "source": "run", "created_at": NOW, "updated_at": NOW},
    ),
    (
        "reviews",
        {
            "id": "v" * 32,
            "thread_id": "t" * 32,
            "run": "run",
            "message": "answer",
            "outcome": "failed",
            "score": 2.5,
            "rubric": "answer",
            "rubric_version": "0",
            "attempt": 1,
            "told": VERDICT,
            "created_at": NOW,
        },
    ),
    ("feedback", {"message": "answer", "run": "run", "thumb": 1, "created_at": NOW, "updated_at": NOW}),
    (
        "traces",
        {
            "id": "0" * 32,
            "agent_id": "chat",
            "thread": "thread",
            "run": "run",
            "name": "run chat",
            "error": "model_refused",
            "began_at": NOW,
            "nanoseconds": 5,
            "spans": 1,
        },
    ),
    (
        "spans",
        {
            "trace_id": "0" * 32,
            "id": "1" * 16,
            "name": "run chat",
            "kind": "run",
            "agent_id": "chat",
            "thread": "thread",
            "run": "run",
            "error": "model_refused",
            "began": 1,
            "ended": 6,
            "attributes": {},
        },
    ),
]


def _fill(connection: Connection) -> None:
    for table, row in _ROWS:
        values = row | _OWNED
        names = ", ".join(f'"{name}"' for name in values)
        statement = text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})")
        json = [bindparam(name, type_=JSON) for name, value in values.items() if isinstance(value, dict)]
        connection.execute(statement.bindparams(*json), values)


@pytest.fixture
def upgraded(settings: StorageSettings) -> StorageSettings:
    migrations.upgrade(settings.database, "0011")
    engine = create_engine(migrations.blocking(settings.database), poolclass=NullPool)
    with engine.begin() as connection:
        _fill(connection)
    migrations.upgrade(settings.database)
    return settings


async def test_filled_database_of_the_revision_before_is_read(upgraded: StorageSettings) -> None:
    database = open_database(upgraded)
    runs = Runs(database, owner="this", lease=1)
    async with open_blobs(upgraded) as blobs:
        thread = await Threads(database, None, lease=1).get(ANN, "thread")  # type: ignore[arg-type]  # reads no checkpoint
        assert (thread.title, thread.title_source, thread.agent) == ("Tides", "user", "chat")
        run = await runs.find(ANN, "run")
        assert run is not None
        assert (run.error_code, run.request) == ("run_lost", "digest")
        assert (await runs.find_by_message(ANN, "answer")).client_run_id == "run"
        (lost,) = await runs.claim_expired(3)
        assert lost.row.client_run_id == "queued"
        assert (lost.request_json["reviewMode"], lost.request_json["options"]) == ("advise", {"kind": "code"})
        (schedule,) = await Schedules(database, owner="this").list_schedules(ANN, 9)
        assert (schedule.plan.thread, schedule.last_run, schedule.last_error) == (
            "thread",
            "run",
            "thread_awaiting_input",
        )
        artifacts = Artifacts(database, blobs, inline=100)
        artifact, version = await artifacts.find(ANN, "a" * 32)
        assert (artifact.head_version, version.client_run_id, await artifacts.text(ANN, DIGEST)) == (1, "run", "abc")
        (memory,) = await Memories(database).list_memories(ANN, 9)
        assert (memory.text, memory.run_id) == ("Sails.", "run")
        reviews = Reviews(database)
        review = await reviews.get(ANN, "v" * 32)
        assert (review.draft.run_id, review.draft.message_id) == ("run", "answer")
        assert review.draft.verdict["dimensionScores"] == {"correct": 2.0}
        assert review.draft.verdict["scoreStdDev"] == 0.5
        assert review.draft.verdict["findings"][0]["source"] == "code_parses"
        assert (await reviews.get_feedback(ANN, "answer")).run_id == "run"
        trace, (span,) = await SpanStore(database).get(ANN, "0" * 32)
        assert (trace.run, trace.thread, trace.error, trace.span_count) == ("run", "thread", "provider_rejected", 1)
        assert (span.started_ns, span.ended_ns, span.subject.run) == (1, 6, "run")
    await database.aclose()


def test_names_of_before_come_back_with_their_values(upgraded: StorageSettings) -> None:
    migrations.downgrade(upgraded.database)
    engine = create_engine(migrations.blocking(upgraded.database), poolclass=NullPool)
    with engine.begin() as connection:
        told = text("SELECT told FROM reviews").columns(told=JSON)
        assert connection.execute(told).scalar_one() == VERDICT
        found = connection.execute(text("SELECT title_by, error_code FROM threads JOIN runs ON thread_id = threads.id"))
        assert sorted(map(tuple, found), key=str) == [("person", "interrupted"), ("person", None)]
