"""What is written is merged, kept and found again: on both databases, through the front door."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from artifacts.kinds import NoText
from artifacts.shelf import Author, Held, Shelf, TooLarge
from storage.artifacts import Stale, UnknownArtifact, UnknownVersion, VersionRecord, Wanted
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
    return begin(most=MOST)


@pytest.fixture
def shelf(process: Process) -> Shelf:
    return process.shelf


async def _created(shelf: Shelf, text: str = TEXT) -> Held:
    return await shelf.create(ANN, name="Notes", kind="markdown", text=text, author="person")


async def _written(shelf: Shelf, held: Held, text: str, base: int, **more: Any) -> Held:
    given: dict[str, Any] = {"author": "agent", "merge": True, **more}
    return await shelf.write(ANN, held.artifact.id, text, base=base, **given)


async def _tree(shelf: Shelf, held: Held) -> dict[int, tuple[int | None, str]]:
    """Each version's parent and text, by its number."""
    numbered = await shelf.versions(ANN, held.artifact.id, limit=1000)
    return {
        each.number: (each.parent, (await shelf.read(ANN, held.artifact.id, each.number)).text)
        for each in reversed(numbered)
    }


async def test_an_artifact_is_created_and_read(shelf: Shelf) -> None:
    held = await shelf.create(
        ANN, name="main.py", kind="code", language="python", text="print(1)\n", author="agent", run="r", note="first"
    )
    assert await shelf.read(ANN, held.artifact.id) == held
    assert await shelf.read(ANN, held.artifact.id, 1) == held
    assert await shelf.head(ANN, held.artifact.id) == held.artifact
    assert await shelf.heads(ANN, Wanted(limit=9)) == [held.artifact]
    assert await shelf.versions(ANN, held.artifact.id, limit=9) == [held.version]
    assert (held.artifact.name, held.artifact.kind, held.artifact.language) == ("main.py", "code", "python")
    assert (held.version.author, held.version.run, held.version.note, held.text) == (
        "agent",
        "r",
        "first",
        "print(1)\n",
    )


@pytest.mark.parametrize("merge", [True, False])
async def test_who_saw_the_tip_writes_the_next(shelf: Shelf, merge: bool) -> None:
    held = await _created(shelf)
    written = await _written(shelf, held, "two", 1, merge=merge, author="tool", run="r", note="why")
    assert await shelf.read(ANN, held.artifact.id) == written
    assert written.version == VersionRecord(
        2, 1, written.version.digest, 3, "tool", "r", "why", 0, written.artifact.updated_at, written.artifact.language
    )
    assert await _tree(shelf, held) == {1: (None, TEXT), 2: (1, "two")}


async def test_without_a_merge_who_saw_an_older_version_is_stale(shelf: Shelf) -> None:
    held = await _created(shelf)
    await _written(shelf, held, "two", 1)
    with pytest.raises(Stale) as stale:
        await _written(shelf, held, "three", 1, merge=False)
    assert stale.value.tip == 2
    assert await _tree(shelf, held) == {1: (None, TEXT), 2: (1, "two")}


async def test_two_changes_become_one_text_and_both_stay(shelf: Shelf) -> None:
    held = await _created(shelf)
    theirs, ours = TEXT.replace("one", "ONE"), TEXT.replace("five", "FIVE")
    await _written(shelf, held, theirs, 1)
    merged = await _written(shelf, held, ours, 1, author="person", note="mine")
    both = "ONE\ntwo\nthree\nfour\nFIVE\n"
    assert (merged.text, merged.version.conflicts, merged.version.note) == (both, 0, "mine")
    assert await _tree(shelf, held) == {1: (None, TEXT), 2: (1, theirs), 3: (1, ours), 4: (2, both)}


async def test_what_cannot_be_merged_is_counted(shelf: Shelf) -> None:
    held = await _created(shelf)
    await _written(shelf, held, TEXT.replace("two", "their two"), 1)
    merged = await _written(shelf, held, TEXT.replace("two", "our two"), 1, author="person")
    assert merged.version.conflicts == 1
    assert merged.text == ("one\n<<<<<<< person\nour two\n=======\ntheir two\n>>>>>>> version 2\nthree\nfour\nfive\n")
    assert merged.artifact.tip == 4


@pytest.mark.parametrize("merge", [True, False])
async def test_what_the_tip_says_already_is_no_version(shelf: Shelf, merge: bool) -> None:
    held = await _created(shelf)
    assert await _written(shelf, held, TEXT, 1, merge=merge) == held
    second = await _written(shelf, held, "two", 1, merge=merge)
    assert await _written(shelf, held, "two", 1, merge=merge) == second
    assert await shelf.restore(ANN, held.artifact.id, 2, base=2, author="person") == second


async def test_a_writer_who_changed_nothing_gets_the_tip(shelf: Shelf) -> None:
    held = await _created(shelf)
    second = await _written(shelf, held, "two", 1)
    assert await _written(shelf, held, TEXT, 1) == second


async def test_a_merge_that_is_asked_for_again_is_made_once(shelf: Shelf) -> None:
    held = await _created(shelf)
    await _written(shelf, held, TEXT.replace("one", "ONE"), 1)
    ours = TEXT.replace("five", "FIVE")
    assert await _written(shelf, held, ours, 1) == await _written(shelf, held, ours, 1)


async def test_a_text_that_takes_in_the_tip_is_one_version(shelf: Shelf) -> None:
    held = await _created(shelf)
    await _written(shelf, held, "other\n", 1)
    await shelf.restore(ANN, held.artifact.id, 1, base=2, author="person")
    written = await _written(shelf, held, TEXT + "six\n", 1)
    assert await _tree(shelf, held) == {
        1: (None, TEXT),
        2: (1, "other\n"),
        3: (1, TEXT),
        4: (3, TEXT + "six\n"),
    }
    assert (written.version.number, written.version.conflicts) == (4, 0)


async def test_what_is_restored_is_a_new_tip_behind_the_old_version(shelf: Shelf) -> None:
    held = await _created(shelf)
    await _written(shelf, held, "two", 1)
    await _written(shelf, held, "three", 2)
    restored = await shelf.restore(ANN, held.artifact.id, 1, base=3, author="person", note="back")
    assert (restored.text, restored.artifact.tip, restored.version.note) == (TEXT, 4, "back")
    assert await _tree(shelf, held) == {1: (None, TEXT), 2: (1, "two"), 3: (2, "three"), 4: (1, TEXT)}
    with pytest.raises(Stale):
        await shelf.restore(ANN, held.artifact.id, 2, base=3, author="person")
    for number, base in ((9, 4), (2, 9)):
        with pytest.raises(UnknownVersion):
            await shelf.restore(ANN, held.artifact.id, number, base=base, author="person")


async def test_many_who_write_at_once_in_two_processes_are_all_heard(begin: Begin) -> None:
    shelves = [begin().shelf for _ in range(2)]
    lines = [f"line {n}" for n in range(24)]
    held = await _created(shelves[0], "\n\n".join(lines) + "\n")
    said = ["\n\n".join([*lines[:n], f"LINE {n}", *lines[n + 1 :]]) + "\n" for n in range(0, 24, 2)]
    await asyncio.gather(*(_written(shelves[at % 2], held, text, 1) for at, text in enumerate(said)))
    tip = await shelves[0].read(ANN, held.artifact.id)
    assert tip.text == "\n\n".join(each.upper() if at % 2 == 0 else each for at, each in enumerate(lines)) + "\n"
    assert tip.version.conflicts == 0
    assert {*said} <= {text for _, text in (await _tree(shelves[1], held)).values()}


async def test_a_write_and_a_restore_at_once_are_both_told(shelf: Shelf) -> None:
    for _ in range(5):
        held = await _created(shelf)
        await _written(shelf, held, "two", 1)
        told = await asyncio.gather(
            shelf.restore(ANN, held.artifact.id, 1, base=2, author="person"),
            _written(shelf, held, "three", 2, merge=False),
            return_exceptions=True,
        )
        assert sorted(type(each).__name__ for each in told) == ["Held", "Stale"]


async def test_a_text_has_its_limit_and_its_letters(shelf: Shelf) -> None:
    held = await _created(shelf, "ü" * (MOST // 2))
    for text in ("x" * (MOST + 1), "ü" * (MOST // 2) + "x"):
        with pytest.raises(TooLarge) as large:
            await _written(shelf, held, text, 1)
        assert (large.value.size, large.value.most) == (MOST + 1, MOST)
        with pytest.raises(TooLarge):
            await _created(shelf, text)
    for text in ("a\0b", "a\ud800"):
        with pytest.raises(NoText):
            await _written(shelf, held, text, 1)
        with pytest.raises(NoText):
            await _created(shelf, text)
    assert await shelf.heads(ANN, Wanted(limit=9)) == [held.artifact]


async def test_a_merge_that_grows_past_the_limit_is_refused_whole(shelf: Shelf) -> None:
    held = await _created(shelf, "a\n")
    await _written(shelf, held, "x" * 600 + "\n", 1)
    with pytest.raises(TooLarge):
        await _written(shelf, held, "y" * 600 + "\n", 1)
    assert (await shelf.head(ANN, held.artifact.id)).versions == 2


@pytest.mark.parametrize("base", [0, -1, 2])
@pytest.mark.parametrize("merge", [True, False])
async def test_a_base_that_is_not_there_is_said(shelf: Shelf, base: int, merge: bool) -> None:
    held = await _created(shelf)
    with pytest.raises(UnknownVersion):
        await _written(shelf, held, "two", base, merge=merge)


async def test_a_deleted_artifact_is_gone(shelf: Shelf) -> None:
    held = await _created(shelf)
    _, token = await shelf.share(ANN, held.artifact.id)
    await shelf.delete(ANN, held.artifact.id)
    await _assert_unknown(shelf, ANN, held, "none")
    assert await shelf.heads(ANN, Wanted(limit=9)) == []
    with pytest.raises(UnknownShare):
        await shelf.shared(token)


async def test_what_is_deleted_under_a_reader_is_unknown_to_it(process: Process) -> None:
    for text in (TEXT, "short"):
        held = await _created(process.shelf, text)
        await process.texts.forget(ANN, [held.version.digest])
        process.artifacts.gate.clear()
        loads = process.artifacts.loads
        reader = asyncio.create_task(process.shelf.read(ANN, held.artifact.id))
        await wait_for(lambda: process.artifacts.loads > loads)  # noqa: B023  # looked at before the next
        for each in await process.shelf.heads(ANN, Wanted(limit=9)):
            await process.shelf.delete(ANN, each.id)
        process.artifacts.gate.set()
        with pytest.raises(UnknownArtifact):
            await reader


async def test_a_blob_that_is_lost_is_said(process: Process, settings: StorageSettings) -> None:
    held = await _created(process.shelf)
    await process.texts.forget(ANN, [held.version.digest])
    for file in (settings.data / "blobs").glob("*/*/*"):
        file.unlink()
    with pytest.raises(BlobLost):
        await process.shelf.read(ANN, held.artifact.id)


async def test_whoever_has_the_token_reads_the_version_or_the_tip(process: Process) -> None:
    shelf = process.shelf
    held = await _created(shelf)
    (always, token), (_, first) = [await shelf.share(ANN, held.artifact.id, version=each) for each in (None, 1)]
    written = await _written(shelf, held, "two", 1)
    assert (await shelf.shared(token), (await shelf.shared(first)).text) == (written, TEXT)
    assert [each.version for each in await shelf.shares(ANN, held.artifact.id)] == [1, None]
    await shelf.unshare(ANN, held.artifact.id, always.id)
    _, ended = await shelf.share(ANN, held.artifact.id, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    for gone in (token, ended, "nothing"):
        with pytest.raises(UnknownShare):
            await shelf.shared(gone)
    assert process.counts[-1] == ("shared", True)


async def _assert_unknown(shelf: Shelf, caller: Caller, held: Held, share: str) -> None:
    which = held.artifact.id
    author: Author = "person"
    asked: list[tuple[Any, type[Exception]]] = [
        (shelf.read(caller, which), UnknownArtifact),
        (shelf.read(caller, which, 1), UnknownArtifact),
        (shelf.head(caller, which), UnknownArtifact),
        (shelf.write(caller, which, "x", base=1, author=author, merge=True), UnknownArtifact),
        (shelf.write(caller, which, "x", base=1, author=author, merge=False), UnknownArtifact),
        (shelf.restore(caller, which, 1, base=1, author=author), UnknownArtifact),
        (shelf.rename(caller, which, "x"), UnknownArtifact),
        (shelf.delete(caller, which), UnknownArtifact),
        (shelf.versions(caller, which, limit=9), UnknownArtifact),
        (shelf.share(caller, which), UnknownArtifact),
        (shelf.shares(caller, which), UnknownArtifact),
        (shelf.unshare(caller, which, share), UnknownShare),
    ]
    for each, why in asked:
        with pytest.raises(why):
            await each


async def test_callers_never_meet(shelf: Shelf) -> None:
    held = await _created(shelf)
    share, _ = await shelf.share(ANN, held.artifact.id)
    for caller in OTHERS:
        await _assert_unknown(shelf, caller, held, share.id)
        assert await shelf.heads(caller, Wanted(limit=9)) == []
    with pytest.raises(UnknownThread):
        await shelf.create(ANN, name="x", kind="csv", text="", author="tool", thread="none")
    assert await shelf.read(ANN, held.artifact.id) == held
