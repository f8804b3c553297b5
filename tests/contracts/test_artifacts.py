import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, func, insert, select, text, update

from storage.artifacts import (
    ArtifactFilter,
    ArtifactRecord,
    Artifacts,
    Draft,
    StaleVersion,
    UnknownArtifact,
    UnknownVersion,
    VersionRecord,
)
from storage.blobs import BlobLost, Blobs, open_blobs
from storage.caller import Caller
from storage.content_store import UnknownContent
from storage.cursor import Cursor
from storage.database import Database
from storage.memories import (
    MAX_LENGTH,
    MAX_MEMORIES,
    InvalidMemory,
    Memories,
    TooManyMemories,
    UnknownMemory,
)
from storage.reviews import NewReview, Reviews
from storage.settings import StorageSettings
from storage.shares import MAX_SHARES, Shares, TooManyShares, UnknownShare
from storage.tables import artifact_shares, artifact_versions, contents
from storage.tables import artifacts as table
from storage.tables import memories as memories_table
from storage.tables import threads as threads_table
from storage.threads import UnknownThread
from tests.contracts.plans import plans

ANN = Caller("acme", "ann")
OTHERS = [Caller("acme", "bob"), Caller("other", "ann")]
INLINE = 20
LONG = "A text that is longer than what goes into a row.\n"
NOW = datetime.now(UTC)


@pytest.fixture
async def blobs(migrated: StorageSettings) -> AsyncIterator[Blobs]:
    async with open_blobs(migrated) as opened:
        yield opened


@pytest.fixture
def artifacts(database: Database, blobs: Blobs) -> Artifacts:
    return Artifacts(database, blobs, inline=INLINE)


@pytest.fixture
def shares(database: Database) -> Shares:
    return Shares(database)


@pytest.fixture
def memories(database: Database) -> Memories:
    return Memories(database)


def _files(settings: StorageSettings) -> list[Path]:
    return [path for path in (settings.data_dir / "blobs").rglob("*") if path.is_file()]


async def _count(database: Database, of: Any) -> int:
    async with database.read() as connection:
        return await connection.scalar(select(func.count()).select_from(of)) or 0


async def _made(artifacts: Artifacts, said: str = "one", *, caller: Caller = ANN, **more: Any) -> ArtifactRecord:
    named = {"name": "Notes", "kind": "markdown", **more}
    record, _ = await artifacts.create(caller, Draft(said, "person"), **named)
    return record


async def _thread(database: Database, caller: Caller = ANN) -> str:
    row = {"id": uuid4().hex, "tenant_id": caller.tenant, "user_id": caller.user, "client_thread_id": uuid4().hex}
    async with database.write() as connection:
        await connection.execute(insert(threads_table).values(**row, created_at=NOW, updated_at=NOW))
    return row["id"]


async def test_an_artifact_is_made_with_its_first_version(artifacts: Artifacts, database: Database) -> None:
    thread = await _thread(database)
    made, version = await artifacts.create(
        ANN,
        Draft("Größe", "agent", client_run_id="r", note="first"),
        name="Notes",
        kind="code",
        language="python",
        thread=thread,
    )
    assert await artifacts.find(ANN, made.id) == (made, version)
    assert await artifacts.find(ANN, made.id, 1) == (made, version)
    assert made == ArtifactRecord(made.id, thread, "Notes", "code", "python", 1, 1, 7, made.created_at, made.created_at)
    digest = sha256("Größe".encode()).hexdigest()
    assert version == VersionRecord(1, None, digest, 7, "agent", "r", "first", 0, made.created_at, "python")
    assert await artifacts.text(ANN, digest) == "Größe"


async def test_versions_are_added_behind_their_parents_and_the_last_is_the_tip(artifacts: Artifacts) -> None:
    made = await _made(artifacts)
    second, _ = await artifacts.add(ANN, made.id, [Draft("two", "agent", parent=1)], head_version=1)
    drafts = [Draft("mine", "person", parent=1), Draft("both", "person", parent=2, conflicts=1, note="merged")]
    third, versions = await artifacts.add(ANN, made.id, drafts, head_version=2)
    assert [(each.number, each.parent, each.conflicts, each.note) for each in versions] == [
        (3, 1, 0, ""),
        (4, 2, 1, "merged"),
    ]
    assert (second.head_version, third.head_version, third.versions, third.size) == (2, 4, 4, 4)
    assert third.updated_at >= second.updated_at > made.updated_at
    assert await artifacts.find(ANN, made.id) == (third, versions[-1])
    assert [each.number for each in await artifacts.versions(ANN, made.id, limit=9)] == [4, 3, 2, 1]
    assert [each.number for each in await artifacts.versions(ANN, made.id, limit=2, before=4)] == [3, 2]
    assert await artifacts.has_content(ANN, made.id, versions[0].digest)
    assert not await artifacts.has_content(ANN, made.id, "nothing")


async def test_who_saw_an_older_tip_is_stale_and_leaves_nothing(
    artifacts: Artifacts, migrated: StorageSettings, database: Database
) -> None:
    made = await _made(artifacts)
    await artifacts.add(ANN, made.id, [Draft("two", "agent", parent=1)], head_version=1)
    with pytest.raises(StaleVersion, match="version 2") as stale:
        await artifacts.add(ANN, made.id, [Draft(LONG, "person", parent=1)], head_version=1)
    assert stale.value.head_version == 2
    assert _files(migrated) == []
    assert await _count(database, contents) == 2


async def test_of_many_who_write_at_once_one_is_heard_and_the_others_are_stale(
    artifacts: Artifacts, migrated: StorageSettings
) -> None:
    made = await _made(artifacts)
    told = await asyncio.gather(
        *(artifacts.add(ANN, made.id, [Draft(f"{LONG}{n}", "agent", parent=1)], head_version=1) for n in range(10)),
        return_exceptions=True,
    )
    assert [type(each) for each in told if isinstance(each, BaseException)] == [StaleVersion] * 9
    assert (await artifacts.find(ANN, made.id))[0].versions == 2
    assert len(_files(migrated)) == 1


@pytest.mark.parametrize("parent", [None, 0, -1, 2, 3])
async def test_a_parent_is_an_older_version(artifacts: Artifacts, parent: int | None) -> None:
    made = await _made(artifacts)
    with pytest.raises(UnknownVersion):
        await artifacts.add(ANN, made.id, [Draft("two", "person", parent=parent)], head_version=1)
    assert (await artifacts.find(ANN, made.id))[0] == made


async def test_what_there_is_not_is_said(artifacts: Artifacts) -> None:
    made = await _made(artifacts)
    for asked in (artifacts.find(ANN, "none"), artifacts.versions(ANN, "none", limit=1), artifacts.delete(ANN, "none")):
        with pytest.raises(UnknownArtifact, match="'none'"):
            await asked
    for number in (0, 2):
        with pytest.raises(UnknownVersion):
            await artifacts.find(ANN, made.id, number)
    with pytest.raises(UnknownContent):
        await artifacts.text(ANN, "none")
    with pytest.raises(UnknownThread):
        await _made(artifacts, thread="none")


async def test_callers_never_meet(artifacts: Artifacts, shares: Shares, database: Database) -> None:
    thread = await _thread(database)
    made = await _made(artifacts, LONG, thread=thread)
    share, _ = await shares.create(ANN, made.id)
    tip = (await artifacts.find(ANN, made.id))[1]
    for caller in OTHERS:
        assert await artifacts.list_artifacts(caller, ArtifactFilter(limit=9)) == []
        assert await artifacts.list_artifacts(caller, ArtifactFilter(limit=9, thread=thread)) == []
        assert not await artifacts.has_content(caller, made.id, tip.digest)
        refused: list[tuple[Any, type[Exception]]] = [
            (artifacts.find(caller, made.id), UnknownArtifact),
            (artifacts.find(caller, made.id, 1), UnknownArtifact),
            (artifacts.add(caller, made.id, [Draft("two", "person", parent=1)], head_version=1), UnknownArtifact),
            (artifacts.versions(caller, made.id, limit=9), UnknownArtifact),
            (artifacts.text(caller, tip.digest), UnknownContent),
            (artifacts.rename(caller, made.id, "Theirs"), UnknownArtifact),
            (artifacts.delete(caller, made.id), UnknownArtifact),
            (_made(artifacts, caller=caller, thread=thread), UnknownThread),
            (shares.create(caller, made.id), UnknownArtifact),
            (shares.list_shares(caller, made.id), UnknownArtifact),
            (shares.revoke(caller, made.id, share.id), UnknownShare),
        ]
        for asked, why in refused:
            with pytest.raises(why):
                await asked
    assert await artifacts.find(ANN, made.id) == (made, tip)
    assert await shares.list_shares(ANN, made.id) == [share]


async def test_one_text_is_kept_once_for_each_user(
    artifacts: Artifacts, migrated: StorageSettings, database: Database
) -> None:
    for caller in (ANN, ANN, *OTHERS):
        made = await _made(artifacts, LONG, caller=caller)
        await artifacts.add(caller, made.id, [Draft(LONG, "agent", parent=1)], head_version=1)
    assert await _count(database, contents) == len(_files(migrated)) == 3


async def test_short_texts_are_rows_and_long_ones_are_blobs(artifacts: Artifacts, migrated: StorageSettings) -> None:
    said = ["", "x" * INLINE, "ü" * INLINE, LONG]
    made = [await artifacts.find(ANN, (await _made(artifacts, each)).id) for each in said]
    assert [await artifacts.text(ANN, version.digest) for _, version in made] == said
    assert len(_files(migrated)) == 2


async def test_a_blob_that_is_gone_is_said(artifacts: Artifacts, migrated: StorageSettings) -> None:
    made = await _made(artifacts, LONG)
    for file in _files(migrated):
        file.unlink()
    with pytest.raises(BlobLost):
        await artifacts.text(ANN, (await artifacts.find(ANN, made.id))[1].digest)


async def test_a_renamed_artifact_is_what_it_was(artifacts: Artifacts) -> None:
    made = await _made(artifacts)
    renamed = await artifacts.rename(ANN, made.id, "Straße")
    assert renamed == replace(made, name="Straße", updated_at=renamed.updated_at)
    assert renamed.updated_at > made.updated_at
    assert await artifacts.list_artifacts(ANN, ArtifactFilter(limit=9, words=["STRASSE"])) == [renamed]


async def test_a_deleted_artifact_takes_what_only_it_says(
    artifacts: Artifacts, shares: Shares, migrated: StorageSettings, database: Database
) -> None:
    kept = await _made(artifacts, f"{LONG}shared")
    theirs = await _made(artifacts, f"{LONG}own", caller=OTHERS[0])
    made = await _made(artifacts, f"{LONG}shared")
    _, versions = await artifacts.add(
        ANN, made.id, [Draft(f"{LONG}own", "agent", parent=1), Draft("short", "agent", parent=1)], head_version=1
    )
    await shares.create(ANN, made.id)
    assert sorted(await artifacts.delete(ANN, made.id)) == sorted(each.digest for each in versions)
    for each in versions:
        with pytest.raises(UnknownContent):
            await artifacts.text(ANN, each.digest)
    counted = [await _count(database, each) for each in (table, artifact_versions, contents, artifact_shares)]
    assert (counted, len(_files(migrated))) == ([2, 2, 2, 0], 2)
    for caller, left in ((ANN, kept), (OTHERS[0], theirs)):
        assert (await artifacts.text(caller, (await artifacts.find(caller, left.id))[1].digest)).startswith(LONG)


async def test_a_text_that_is_written_while_another_lets_it_go_is_there(artifacts: Artifacts) -> None:
    for _ in range(15):
        old = await _made(artifacts, LONG)
        _, new = await asyncio.gather(artifacts.delete(ANN, old.id), _made(artifacts, LONG))
        assert await artifacts.text(ANN, (await artifacts.find(ANN, new.id))[1].digest) == LONG
        await artifacts.delete(ANN, new.id)


async def test_those_who_write_and_delete_the_same_texts_never_wait_in_a_circle(artifacts: Artifacts) -> None:
    said = [f"{LONG}{n}" for n in range(6)]
    for _ in range(8):
        made = [await _made(artifacts, said[0]) for _ in range(6)]
        for each in made[3:]:
            await artifacts.add(ANN, each.id, [Draft(text, "agent", parent=1) for text in said], head_version=1)
        orders = (said, said[::-1], said[3:] + said[:3])
        await asyncio.gather(
            *(
                artifacts.add(ANN, each.id, [Draft(text, "agent", parent=1) for text in order], head_version=1)
                for each, order in zip(made, orders, strict=False)
            ),
            *(artifacts.delete(ANN, each.id) for each in made[3:]),
        )
        for each in made[:3]:
            assert {
                await artifacts.text(ANN, version.digest) for version in await artifacts.versions(ANN, each.id, limit=9)
            } == {*said}
            await artifacts.delete(ANN, each.id)


async def test_an_artifact_is_deleted_or_written_never_half(artifacts: Artifacts, database: Database) -> None:
    for _ in range(10):
        made = await _made(artifacts)
        added, deleted = await asyncio.gather(
            artifacts.add(ANN, made.id, [Draft("two", "agent", parent=1)], head_version=1),
            artifacts.delete(ANN, made.id),
            return_exceptions=True,
        )
        assert not isinstance(deleted, BaseException)
        assert isinstance(added, tuple | UnknownArtifact)
        assert await _count(database, contents) == 0


def _age(settings: StorageSettings, seconds: float) -> None:
    for file in _files(settings):
        os.utime(file, (NOW.timestamp() - seconds,) * 2)


async def test_what_a_deleted_thread_or_a_crash_has_left_is_swept(
    artifacts: Artifacts, blobs: Blobs, migrated: StorageSettings, database: Database
) -> None:
    kept = await _made(artifacts, f"{LONG}kept")
    thread = await _thread(database)
    await _made(artifacts, f"{LONG}gone", thread=thread)
    await _made(artifacts, "short", thread=thread)
    async with database.write() as connection:
        await connection.execute(delete(threads_table))
    assert await artifacts.sweep() == 2
    await blobs.put(ANN, "0" * 64, b"put, and then the process died")
    assert [await artifacts.sweep(), len(_files(migrated))] == [0, 2]
    await asyncio.to_thread(_age, migrated, 3700)
    assert [await artifacts.sweep(), await artifacts.sweep(), len(_files(migrated))] == [1, 0, 1]
    assert await artifacts.text(ANN, (await artifacts.find(ANN, kept.id))[1].digest) == f"{LONG}kept"


async def test_a_sweep_looks_at_all_there_is(artifacts: Artifacts, database: Database) -> None:
    kept = await _made(artifacts)
    rows = [
        {"tenant_id": "acme", "user_id": f"user {n % 7}", "digest": f"{n:064}", "size": 1, "text": "x"}
        for n in range(1234)
    ]
    async with database.write() as connection:
        await connection.execute(insert(contents), rows)
    assert [await artifacts.sweep(), await _count(database, contents)] == [1234, 1]
    assert await artifacts.text(ANN, (await artifacts.find(ANN, kept.id))[1].digest) == "one"


async def _pages(artifacts: Artifacts, meanwhile: Any = None, **wanted: Any) -> list[str]:
    seen = list[str]()
    after: Cursor | None = None
    while page := await artifacts.list_artifacts(ANN, ArtifactFilter(limit=3, after=after, **wanted)):
        seen += [record.name for record in page]
        after = Cursor(page[-1].updated_at, page[-1].id)
        if meanwhile is not None:
            await meanwhile(len(seen))
    return seen


async def test_pages_lose_nothing_and_repeat_nothing_while_artifacts_are_written(artifacts: Artifacts) -> None:
    made = [await _made(artifacts, name=f"a{at}") for at in range(10)]

    async def meanwhile(seen: int) -> None:
        await _made(artifacts, name=f"new {seen}")
        await artifacts.rename(ANN, made[9].id, f"seen before {seen}")

    assert await _pages(artifacts, meanwhile) == [f"a{at}" for at in reversed(range(10))]


async def test_artifacts_of_one_moment_are_told_once_each(artifacts: Artifacts, database: Database) -> None:
    for at in range(8):
        await _made(artifacts, name=f"a{at}")
    async with database.write() as connection:
        await connection.execute(update(table).values(updated_at=NOW))
    assert sorted(await _pages(artifacts)) == [f"a{at}" for at in range(8)]


async def test_lists_are_narrowed_by_thread_kind_and_words(artifacts: Artifacts, database: Database) -> None:
    thread, other = await _thread(database), await _thread(database)
    await _made(artifacts, name="Trip to Lisbon", kind="markdown", thread=thread)
    await _made(artifacts, name="Trip: 100%", kind="csv", thread=thread)
    await _made(artifacts, name="Lisbon_map", kind="svg", thread=other)
    await _made(artifacts, name="alone", kind="csv")
    asked: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["alone", "Lisbon_map", "Trip: 100%", "Trip to Lisbon"]),
        ({"thread": thread}, ["Trip: 100%", "Trip to Lisbon"]),
        ({"kind": "csv"}, ["alone", "Trip: 100%"]),
        ({"kind": "csv", "thread": thread}, ["Trip: 100%"]),
        ({"words": ["LISBON"]}, ["Lisbon_map", "Trip to Lisbon"]),
        ({"words": ["lisbon", "trip"]}, ["Trip to Lisbon"]),
        ({"words": ["%"]}, ["Trip: 100%"]),
        ({"words": ["_"]}, ["Lisbon_map"]),
        ({"thread": "none"}, []),
    ]
    assert [await _pages(artifacts, **wanted) for wanted, _ in asked] == [found for _, found in asked]


async def test_a_token_gives_leave_to_read_until_it_is_taken_back(
    artifacts: Artifacts, shares: Shares, database: Database
) -> None:
    made = await _made(artifacts)
    always, token = await shares.create(ANN, made.id)
    later = datetime.now(UTC) + timedelta(hours=1)
    first, other = await shares.create(ANN, made.id, version=1, expires_at=later)
    assert (await shares.find(token), await shares.find(other)) == (always, first)
    assert (always.caller, always.artifact, always.version, always.expires_at) == (ANN, made.id, None, None)
    assert (first.version, first.expires_at) == (1, later)
    assert await shares.list_shares(ANN, made.id) == [first, always]
    await shares.revoke(ANN, made.id, always.id)
    for gone in (token, f"{other}x", "", "\ud800"):
        with pytest.raises(UnknownShare):
            await shares.find(gone)
    with pytest.raises(UnknownShare):
        await shares.revoke(ANN, made.id, always.id)
    assert await shares.list_shares(ANN, made.id) == [first]
    async with database.read() as connection:
        rows = (await connection.execute(select(artifact_shares))).all()
    assert not any(each in str(row) for row in rows for each in (token, other))


async def test_a_share_ends_at_its_time(artifacts: Artifacts, shares: Shares) -> None:
    made = await _made(artifacts)
    _, token = await shares.create(ANN, made.id, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(UnknownShare):
        await shares.find(token)
    assert await shares.list_shares(ANN, made.id) == []


async def test_shares_are_of_versions_that_are_there_and_not_too_many(artifacts: Artifacts, shares: Shares) -> None:
    made = await _made(artifacts)
    for version in (0, 2):
        with pytest.raises(UnknownVersion):
            await shares.create(ANN, made.id, version=version)
    with pytest.raises(UnknownArtifact):
        await shares.create(ANN, "none")
    made_all = [await shares.create(ANN, made.id) for _ in range(MAX_SHARES)]
    with pytest.raises(TooManyShares):
        await shares.create(ANN, made.id)
    await shares.revoke(ANN, made.id, made_all[0][0].id)
    await shares.create(ANN, made.id)


async def test_memories_are_added_changed_and_forgotten(memories: Memories) -> None:
    style = await memories.add(ANN, "style", "Short sentences.", run_id="r")
    fact = await memories.add(ANN, "fact", "Lives in Graz.")
    assert (style.kind, style.text, style.run_id) == ("style", "Short sentences.", "r")
    assert await memories.recall(ANN) == [style, fact]
    assert await memories.recall(ANN, limit=1) == [fact]
    moved = await memories.update(ANN, fact.id, kind="fact", text="Lives in Linz.")
    assert moved == replace(fact, text="Lives in Linz.", updated_at=moved.updated_at)
    await memories.delete(ANN, style.id)
    assert await memories.list_memories(ANN, 9) == [moved]
    for asked in (memories.delete(ANN, style.id), memories.update(ANN, style.id, kind="fact", text="x")):
        with pytest.raises(UnknownMemory):
            await asked


async def test_memories_are_told_in_parts(memories: Memories) -> None:
    made = [await memories.add(ANN, "fact", str(at)) for at in range(7)]
    seen = list[str]()
    after: Cursor | None = None
    while page := await memories.list_memories(ANN, 3, after):
        seen += [each.text for each in page]
        after = Cursor(page[-1].created_at, page[-1].id)
    assert seen == [each.text for each in reversed(made)]


async def test_memories_of_callers_never_meet(memories: Memories) -> None:
    made = await memories.add(ANN, "fact", "Lives in Graz.")
    for caller in OTHERS:
        assert await memories.recall(caller) == []
        for asked in (memories.delete(caller, made.id), memories.update(caller, made.id, kind="fact", text="x")):
            with pytest.raises(UnknownMemory):
                await asked
    assert await memories.recall(ANN) == [made]


@pytest.mark.parametrize("said", ["", " \n", "x" * (MAX_LENGTH + 1), "a\0b", "a\ud800"])
async def test_what_is_no_memory_is_refused(memories: Memories, said: str) -> None:
    made = await memories.add(ANN, "fact", "x" * MAX_LENGTH)
    for asked in (memories.add(ANN, "fact", said), memories.update(ANN, made.id, kind="fact", text=said)):
        with pytest.raises(InvalidMemory):
            await asked
    assert await memories.recall(ANN) == [made]


async def test_nobody_is_remembered_without_end(memories: Memories, database: Database) -> None:
    row = {"tenant_id": "acme", "user_id": "ann", "kind": "fact", "text": "x", "created_at": NOW, "updated_at": NOW}
    async with database.write() as connection:
        await connection.execute(insert(memories_table), [{**row, "id": f"{at:032}"} for at in range(MAX_MEMORIES)])
    with pytest.raises(TooManyMemories):
        await memories.add(ANN, "fact", "one more")
    await memories.add(OTHERS[0], "fact", "one")


VERSIONS = 10_000


@pytest.fixture
async def crowded(database: Database) -> str:
    """Forty people with fifty artifacts each, and ten thousand versions of one of Ann's; the id of that one."""
    thread = await _thread(database)
    owners = [f"user {at}" for at in range(39)] + [ANN.user]
    rows = [_crowd(person, at, thread if person == ANN.user else None) for person in owners for at in range(50)]
    one = rows[-1]["id"]
    owner = {"tenant_id": ANN.tenant, "user_id": ANN.user}
    version = {"author": "agent", "note": "", "conflicts": 0, "created_at": NOW, "size": 1, **owner}
    said = [{"digest": f"{at:064}", "size": 1, "text": "x", **owner} for at in range(VERSIONS)]
    versions = [
        {"artifact_id": one, "number": at, "parent": at - 1 or None, "digest": f"{at % VERSIONS:064}", **version}
        for at in range(1, VERSIONS + 1)
    ]
    async with database.write() as connection:
        await connection.execute(insert(table), rows)
        await connection.execute(insert(contents), said)
        await connection.execute(insert(artifact_versions), versions)
    async with database.write() as connection:
        await connection.execute(text("ANALYZE"))
    return str(one)


def _crowd(person: str, at: int, thread: str | None) -> dict[str, Any]:
    return {
        "id": uuid4().hex,
        "tenant_id": ANN.tenant,
        "user_id": person,
        "thread_id": thread if at % 2 else None,
        "name": f"Artifact {at}",
        "name_folded": f"artifact {at}",
        "kind": ("markdown", "code", "csv")[at % 3],
        "versions": VERSIONS,
        "head_version": VERSIONS,
        "size": 1,
        "created_at": NOW,
        "updated_at": NOW - timedelta(seconds=at * 7 % 100),
    }


def _assert_indexed(plan: str, *indexes: str) -> None:
    assert not indexes or any(index in plan for index in indexes), plan
    for slow in ("SCAN artifact", "SCAN contents", "Seq Scan"):
        assert slow not in plan, plan


@pytest.mark.parametrize(
    ("narrowed", "index"),
    [({}, "ix_artifacts_updated"), ({"kind": "csv"}, "ix_artifacts_kind"), ({"thread": "…"}, "ix_artifacts_thread")],
)
async def test_lists_are_read_in_the_order_of_their_index(
    artifacts: Artifacts, database: Database, crowded: str, narrowed: dict[str, Any], index: str
) -> None:
    if "thread" in narrowed:
        narrowed = {"thread": (await artifacts.find(ANN, crowded))[0].thread}
    first = await artifacts.list_artifacts(ANN, ArtifactFilter(limit=5, **narrowed))
    for cursor in (None, Cursor(first[-1].updated_at, first[-1].id)):
        (plan,) = await plans(
            database, artifacts.list_artifacts(ANN, ArtifactFilter(limit=5, after=cursor, **narrowed))
        )
        _assert_indexed(plan, index)
        assert "Sort" not in plan
        assert "TEMP B-TREE" not in plan


async def test_ten_thousand_versions_are_read_in_the_order_of_their_key(
    artifacts: Artifacts, database: Database, crowded: str
) -> None:
    for before in (None, 5000):
        mine, plan = await plans(database, artifacts.versions(ANN, crowded, limit=21, before=before))
        _assert_indexed(mine)
        _assert_indexed(plan, "pk_artifact_versions", "sqlite_autoindex_artifact_versions_1")
        assert "Sort" not in plan
        assert "TEMP B-TREE" not in plan
    numbers = [each.number for each in await artifacts.versions(ANN, crowded, limit=3, before=5000)]
    assert numbers == [4999, 4998, 4997]


async def test_one_version_and_its_text_are_found_by_their_keys(
    artifacts: Artifacts, database: Database, shares: Shares, crowded: str
) -> None:
    digest = (await artifacts.find(ANN, crowded, 77))[1].digest
    asked: Sequence[Any] = (
        artifacts.find(ANN, crowded),
        artifacts.find(ANN, crowded, 77),
        artifacts.has_content(ANN, crowded, digest),
        artifacts.text(ANN, digest),
        artifacts.add(ANN, crowded, [Draft("two", "person", parent=77)], head_version=VERSIONS),
        shares.create(ANN, crowded),
    )
    for each in asked:
        for plan in await plans(database, each):
            if "artifact_shares" not in plan:
                _assert_indexed(plan)


async def test_scores_of_a_deleted_artifacts_reviews_are_deleted_where_they_were_sent(
    artifacts: Artifacts, database: Database
) -> None:
    reviews, soon = Reviews(database), datetime.now(UTC) + timedelta(minutes=1)
    made, other = await _made(artifacts), await _made(artifacts)
    for artifact in (made, other):
        draft = NewReview("passed", "answer", "1", {}, score=5.0, artifact_id=artifact.id, version=1)
        await reviews.add(ANN, draft)
    sent = await reviews.pending_scores(9, before=soon)
    await reviews.mark_exported(sent)
    await artifacts.delete(ANN, made.id)
    assert [(each.id, each.value) for each in await reviews.pending_scores(9, before=soon)] == [(sent[0].id, None)]
