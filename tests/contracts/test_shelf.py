"""What is written is merged, kept and found again: on both databases, through the front door."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from artifacts.kinds import InvalidText
from artifacts.service import ArtifactService, ArtifactVersion, Author, TextTooLarge
from storage.artifacts import ArtifactFilter, StaleVersion, UnknownArtifact, UnknownVersion, VersionRecord
from storage.blobs import BlobLost
from storage.caller import Caller
from storage.settings import StorageSettings
from storage.shares import UnknownShare
from storage.threads import UnknownThread
from tests.contracts.shelves import Begin, Process, beginning
from tests.waiting import wait_for

ANN = Caller("acme", "ann")
OTHERS = [Caller("acme", "bob"), Caller("other", "ann")]
TEXT = "one\ntwo\nthree\nfour\nfive\n"
MOST = 1000


@pytest.fixture
async def begin(settings: StorageSettings) -> AsyncIterator[Begin]:
    async with beginning(settings) as begun:
        yield begun


@pytest.fixture
def process(begin: Begin) -> Process:
    return begin(max_bytes=MOST)


@pytest.fixture
def artifacts(process: Process) -> ArtifactService:
    return process.service


async def _created(artifacts: ArtifactService, text: str = TEXT) -> ArtifactVersion:
    return await artifacts.create(ANN, name="Notes", kind="markdown", text=text, author="person")


async def _written(
    artifacts: ArtifactService, version: ArtifactVersion, text: str, base: int, **more: Any
) -> ArtifactVersion:
    given: dict[str, Any] = {"author": "agent", "merge": True, **more}
    return await artifacts.update(ANN, version.artifact.id, text, base=base, **given)


async def _tree(artifacts: ArtifactService, version: ArtifactVersion) -> dict[int, tuple[int | None, str]]:
    """Each version's parent and text, by its number."""
    numbered = await artifacts.list_versions(ANN, version.artifact.id, limit=1000)
    return {
        each.number: (each.parent, (await artifacts.read(ANN, version.artifact.id, each.number)).text)
        for each in reversed(numbered)
    }


async def test_an_artifact_is_created_and_read(artifacts: ArtifactService) -> None:
    version = await artifacts.create(
        ANN, name="main.py", kind="code", language="python", text="print(1)\n", author="agent", run="r", note="first"
    )
    assert await artifacts.read(ANN, version.artifact.id) == version
    assert await artifacts.read(ANN, version.artifact.id, 1) == version
    assert await artifacts.get(ANN, version.artifact.id) == version.artifact
    assert await artifacts.list_artifacts(ANN, ArtifactFilter(limit=9)) == [version.artifact]
    assert await artifacts.list_versions(ANN, version.artifact.id, limit=9) == [version.version]
    assert (version.artifact.name, version.artifact.kind, version.artifact.language) == ("main.py", "code", "python")
    assert (version.version.author, version.version.client_run_id, version.version.note, version.text) == (
        "agent",
        "r",
        "first",
        "print(1)\n",
    )


@pytest.mark.parametrize("merge", [True, False])
async def test_who_saw_the_tip_writes_the_next(artifacts: ArtifactService, merge: bool) -> None:
    version = await _created(artifacts)
    written = await _written(artifacts, version, "two", 1, merge=merge, author="tool", run="r", note="why")
    assert await artifacts.read(ANN, version.artifact.id) == written
    assert written.version == VersionRecord(
        2, 1, written.version.digest, 3, "tool", "r", "why", 0, written.artifact.updated_at, written.artifact.language
    )
    assert await _tree(artifacts, version) == {1: (None, TEXT), 2: (1, "two")}


async def test_without_a_merge_who_saw_an_older_version_is_stale(artifacts: ArtifactService) -> None:
    version = await _created(artifacts)
    await _written(artifacts, version, "two", 1)
    with pytest.raises(StaleVersion) as stale:
        await _written(artifacts, version, "three", 1, merge=False)
    assert stale.value.head_version == 2
    assert await _tree(artifacts, version) == {1: (None, TEXT), 2: (1, "two")}


async def test_two_changes_become_one_text_and_both_stay(artifacts: ArtifactService) -> None:
    version = await _created(artifacts)
    theirs, ours = TEXT.replace("one", "ONE"), TEXT.replace("five", "FIVE")
    await _written(artifacts, version, theirs, 1)
    merged = await _written(artifacts, version, ours, 1, author="person", note="mine")
    both = "ONE\ntwo\nthree\nfour\nFIVE\n"
    assert (merged.text, merged.version.conflicts, merged.version.note) == (both, 0, "mine")
    assert await _tree(artifacts, version) == {1: (None, TEXT), 2: (1, theirs), 3: (1, ours), 4: (2, both)}


async def test_what_cannot_be_merged_is_counted(artifacts: ArtifactService) -> None:
    version = await _created(artifacts)
    await _written(artifacts, version, TEXT.replace("two", "their two"), 1)
    merged = await _written(artifacts, version, TEXT.replace("two", "our two"), 1, author="person")
    assert merged.version.conflicts == 1
    assert merged.text == ("one\n<<<<<<< person\nour two\n=======\ntheir two\n>>>>>>> version 2\nthree\nfour\nfive\n")
    assert merged.artifact.head_version == 4


@pytest.mark.parametrize("merge", [True, False])
async def test_what_the_tip_says_already_is_no_version(artifacts: ArtifactService, merge: bool) -> None:
    version = await _created(artifacts)
    assert await _written(artifacts, version, TEXT, 1, merge=merge) == version
    second = await _written(artifacts, version, "two", 1, merge=merge)
    assert await _written(artifacts, version, "two", 1, merge=merge) == second
    assert await artifacts.restore(ANN, version.artifact.id, 2, base=2, author="person") == second


async def test_a_writer_who_changed_nothing_gets_the_tip(artifacts: ArtifactService) -> None:
    version = await _created(artifacts)
    second = await _written(artifacts, version, "two", 1)
    assert await _written(artifacts, version, TEXT, 1) == second


async def test_a_merge_that_is_asked_for_again_is_made_once(artifacts: ArtifactService) -> None:
    version = await _created(artifacts)
    await _written(artifacts, version, TEXT.replace("one", "ONE"), 1)
    ours = TEXT.replace("five", "FIVE")
    assert await _written(artifacts, version, ours, 1) == await _written(artifacts, version, ours, 1)


async def test_a_text_that_takes_in_the_tip_is_one_version(artifacts: ArtifactService) -> None:
    version = await _created(artifacts)
    await _written(artifacts, version, "other\n", 1)
    await artifacts.restore(ANN, version.artifact.id, 1, base=2, author="person")
    written = await _written(artifacts, version, TEXT + "six\n", 1)
    assert await _tree(artifacts, version) == {
        1: (None, TEXT),
        2: (1, "other\n"),
        3: (1, TEXT),
        4: (3, TEXT + "six\n"),
    }
    assert (written.version.number, written.version.conflicts) == (4, 0)


async def test_what_is_restored_is_a_new_tip_behind_the_old_version(artifacts: ArtifactService) -> None:
    version = await _created(artifacts)
    await _written(artifacts, version, "two", 1)
    await _written(artifacts, version, "three", 2)
    restored = await artifacts.restore(ANN, version.artifact.id, 1, base=3, author="person", note="back")
    assert (restored.text, restored.artifact.head_version, restored.version.note) == (TEXT, 4, "back")
    assert await _tree(artifacts, version) == {1: (None, TEXT), 2: (1, "two"), 3: (2, "three"), 4: (1, TEXT)}
    with pytest.raises(StaleVersion):
        await artifacts.restore(ANN, version.artifact.id, 2, base=3, author="person")
    for number, base in ((9, 4), (2, 9)):
        with pytest.raises(UnknownVersion):
            await artifacts.restore(ANN, version.artifact.id, number, base=base, author="person")


async def test_many_who_write_at_once_in_two_processes_are_all_heard(begin: Begin) -> None:
    shelves = [begin().service for _ in range(2)]
    lines = [f"line {n}" for n in range(24)]
    version = await _created(shelves[0], "\n\n".join(lines) + "\n")
    said = ["\n\n".join([*lines[:n], f"LINE {n}", *lines[n + 1 :]]) + "\n" for n in range(0, 24, 2)]
    await asyncio.gather(*(_written(shelves[at % 2], version, text, 1) for at, text in enumerate(said)))
    tip = await shelves[0].read(ANN, version.artifact.id)
    assert tip.text == "\n\n".join(each.upper() if at % 2 == 0 else each for at, each in enumerate(lines)) + "\n"
    assert tip.version.conflicts == 0
    assert {*said} <= {text for _, text in (await _tree(shelves[1], version)).values()}


async def test_a_write_and_a_restore_at_once_are_both_told(artifacts: ArtifactService) -> None:
    for _ in range(5):
        version = await _created(artifacts)
        await _written(artifacts, version, "two", 1)
        told = await asyncio.gather(
            artifacts.restore(ANN, version.artifact.id, 1, base=2, author="person"),
            _written(artifacts, version, "three", 2, merge=False),
            return_exceptions=True,
        )
        assert sorted(type(each).__name__ for each in told) == ["ArtifactVersion", "StaleVersion"]


async def test_a_text_has_its_limit_and_its_letters(artifacts: ArtifactService) -> None:
    version = await _created(artifacts, "ü" * (MOST // 2))
    for text in ("x" * (MOST + 1), "ü" * (MOST // 2) + "x"):
        with pytest.raises(TextTooLarge) as large:
            await _written(artifacts, version, text, 1)
        assert (large.value.size, large.value.max_bytes) == (MOST + 1, MOST)
        with pytest.raises(TextTooLarge):
            await _created(artifacts, text)
    for text in ("a\0b", "a\ud800"):
        with pytest.raises(InvalidText):
            await _written(artifacts, version, text, 1)
        with pytest.raises(InvalidText):
            await _created(artifacts, text)
    assert await artifacts.list_artifacts(ANN, ArtifactFilter(limit=9)) == [version.artifact]


async def test_a_merge_that_grows_past_the_limit_is_refused_whole(artifacts: ArtifactService) -> None:
    version = await _created(artifacts, "a\n")
    await _written(artifacts, version, "x" * 600 + "\n", 1)
    with pytest.raises(TextTooLarge):
        await _written(artifacts, version, "y" * 600 + "\n", 1)
    assert (await artifacts.get(ANN, version.artifact.id)).versions == 2


@pytest.mark.parametrize("base", [0, -1, 2])
@pytest.mark.parametrize("merge", [True, False])
async def test_a_base_that_is_not_there_is_said(artifacts: ArtifactService, base: int, merge: bool) -> None:
    version = await _created(artifacts)
    with pytest.raises(UnknownVersion):
        await _written(artifacts, version, "two", base, merge=merge)


async def test_a_deleted_artifact_is_gone(artifacts: ArtifactService) -> None:
    version = await _created(artifacts)
    _, token = await artifacts.share(ANN, version.artifact.id)
    await artifacts.delete(ANN, version.artifact.id)
    await _assert_unknown(artifacts, ANN, version, "none")
    assert await artifacts.list_artifacts(ANN, ArtifactFilter(limit=9)) == []
    with pytest.raises(UnknownShare):
        await artifacts.read_shared(token)


async def test_what_is_deleted_under_a_reader_is_unknown_to_it(process: Process) -> None:
    for text in (TEXT, "short"):
        version = await _created(process.service, text)
        await process.texts.drop(ANN, [version.version.digest])
        process.artifacts.gate.clear()
        loads = process.artifacts.loads
        reader = asyncio.create_task(process.service.read(ANN, version.artifact.id))
        await wait_for(lambda: process.artifacts.loads > loads)  # noqa: B023  # looked at before the next
        for each in await process.service.list_artifacts(ANN, ArtifactFilter(limit=9)):
            await process.service.delete(ANN, each.id)
        process.artifacts.gate.set()
        with pytest.raises(UnknownArtifact):
            await reader


async def test_a_blob_that_is_lost_is_said(process: Process, settings: StorageSettings) -> None:
    version = await _created(process.service)
    await process.texts.drop(ANN, [version.version.digest])
    for file in (settings.data_dir / "blobs").glob("*/*/*"):
        file.unlink()
    with pytest.raises(BlobLost):
        await process.service.read(ANN, version.artifact.id)


async def test_whoever_has_the_token_reads_the_version_or_the_tip(process: Process) -> None:
    artifacts = process.service
    version = await _created(artifacts)
    (always, token), (_, first) = [await artifacts.share(ANN, version.artifact.id, version=each) for each in (None, 1)]
    written = await _written(artifacts, version, "two", 1)
    assert (await artifacts.read_shared(token), (await artifacts.read_shared(first)).text) == (written, TEXT)
    assert [each.version for each in await artifacts.list_shares(ANN, version.artifact.id)] == [1, None]
    await artifacts.revoke_share(ANN, version.artifact.id, always.id)
    _, ended = await artifacts.share(ANN, version.artifact.id, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    for gone in (token, ended, "nothing"):
        with pytest.raises(UnknownShare):
            await artifacts.read_shared(gone)
    assert process.counts[-1] == ("shared", True)


async def _assert_unknown(artifacts: ArtifactService, caller: Caller, version: ArtifactVersion, share: str) -> None:
    which = version.artifact.id
    author: Author = "person"
    asked: list[tuple[Any, type[Exception]]] = [
        (artifacts.read(caller, which), UnknownArtifact),
        (artifacts.read(caller, which, 1), UnknownArtifact),
        (artifacts.get(caller, which), UnknownArtifact),
        (artifacts.update(caller, which, "x", base=1, author=author, merge=True), UnknownArtifact),
        (artifacts.update(caller, which, "x", base=1, author=author, merge=False), UnknownArtifact),
        (artifacts.restore(caller, which, 1, base=1, author=author), UnknownArtifact),
        (artifacts.rename(caller, which, "x"), UnknownArtifact),
        (artifacts.delete(caller, which), UnknownArtifact),
        (artifacts.list_versions(caller, which, limit=9), UnknownArtifact),
        (artifacts.share(caller, which), UnknownArtifact),
        (artifacts.list_shares(caller, which), UnknownArtifact),
        (artifacts.revoke_share(caller, which, share), UnknownShare),
    ]
    for each, why in asked:
        with pytest.raises(why):
            await each


async def test_callers_never_meet(artifacts: ArtifactService) -> None:
    version = await _created(artifacts)
    share, _ = await artifacts.share(ANN, version.artifact.id)
    for caller in OTHERS:
        await _assert_unknown(artifacts, caller, version, share.id)
        assert await artifacts.list_artifacts(caller, ArtifactFilter(limit=9)) == []
    with pytest.raises(UnknownThread):
        await artifacts.create(ANN, name="x", kind="csv", text="", author="tool", thread="none")
    assert await artifacts.read(ANN, version.artifact.id) == version
