"""Whatever is written, in whatever order: nothing that was accepted is lost, and nobody else sees it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.service import ArtifactVersion
from storage.artifacts import ArtifactFilter, StaleVersion, UnknownArtifact, UnknownVersion
from storage.caller import Caller
from storage.settings import StorageSettings
from tests.contracts.shelves import Begin, Process, beginning

ANN, BOB = Caller("acme", "ann"), Caller("acme", "bob")
LINES = 5


@dataclass(frozen=True)
class Write:
    """Line `line` of what the version `back` behind the tip says becomes another."""

    author: Literal["person", "agent"]
    back: int
    line: int
    word: str
    merge: bool


@dataclass(frozen=True)
class Restore:
    number: int
    stale: bool


@dataclass(frozen=True)
class Together:
    """Writes that are begun at once, some in another process."""

    writes: Sequence[Write]


@dataclass(frozen=True)
class Restart:
    """Another process goes on; `cold` is one whose cache is empty."""

    cold: bool


_WORDS = st.sampled_from(["a", "b", "c", "a longer line than what goes into a row", ""])
_WRITES = st.builds(
    Write, st.sampled_from(["person", "agent"]), st.integers(0, 4), st.integers(0, LINES - 1), _WORDS, st.booleans()
)
_STEPS = st.one_of(
    _WRITES,
    _WRITES,
    st.builds(Restore, st.integers(1, 8), st.booleans()),
    st.builds(Together, st.lists(_WRITES, min_size=2, max_size=4)),
    st.builds(Restart, st.booleans()),
)


@dataclass
class Story:
    """What was accepted in one artifact, and the processes that hold it."""

    begin: Begin
    held: ArtifactVersion
    process: Process
    other: Process
    accepted: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        return self.held.artifact.id

    async def take(self, step: Write | Restore | Together | Restart) -> None:
        match step:
            case Write():
                await self._written(step, self.process)
            case Together(writes):
                turns = zip(writes, [self.process, self.other] * len(writes), strict=False)
                await asyncio.gather(*(self._written(write, process) for write, process in turns))
            case Restore(number, stale):
                await self._restored(number, stale)
            case Restart(cold):
                self.process = self.begin(None if cold else self.process.cache)

    async def _written(self, write: Write, process: Process) -> None:
        tip = (await process.service.get(ANN, self.id)).head_version
        base = await process.service.read(ANN, self.id, max(1, tip - write.back))
        lines = [*base.text.split("\n"), *[""] * LINES]
        lines[write.line] = write.word
        text = "\n".join(lines[: len(base.text.split("\n"))])
        try:
            await process.service.update(
                ANN, self.id, text, base=base.version.number, author=write.author, merge=write.merge
            )
        except StaleVersion:
            assert not write.merge
        else:
            self.accepted.add(text)

    async def _restored(self, number: int, stale: bool) -> None:
        head = await self.process.service.get(ANN, self.id)
        base = head.head_version - 1 if stale else head.head_version
        try:
            restored = await self.process.service.restore(ANN, self.id, number, base=base, author="person")
        except StaleVersion:
            assert stale
        except UnknownVersion:
            assert number > head.versions or base == 0
        else:
            assert restored.text == (await self.process.service.read(ANN, self.id, number)).text

    async def check(self) -> None:
        head = await self.process.service.get(ANN, self.id)
        versions = await self.process.service.list_versions(ANN, self.id, limit=1000)
        assert [each.number for each in versions] == list(range(head.versions, 0, -1))
        assert 1 <= head.head_version <= head.versions
        assert [each.number for each in versions if each.parent is None] == [1]
        assert all(1 <= each.parent < each.number for each in versions if each.parent is not None)
        cold = self.begin()
        for process in (self.process, self.other, cold):
            texts = {each.number: (await process.service.read(ANN, self.id, each.number)).text for each in versions}
            assert texts == {each.number: await cold.artifacts.text(ANN, each.digest) for each in versions}
            assert self.accepted <= {*texts.values()}
            assert (await process.service.read(ANN, self.id)).text == texts[head.head_version]

    async def check_others(self) -> None:
        for process in (self.process, self.other):
            assert await process.service.list_artifacts(BOB, ArtifactFilter(limit=9)) == []
            with pytest.raises(UnknownArtifact):
                await process.service.read(BOB, self.id)

    async def check_deleted(self) -> None:
        await self.other.service.delete(ANN, self.id)
        for process in (self.process, self.other, self.begin()):
            assert await process.service.list_artifacts(ANN, ArtifactFilter(limit=9)) == []
            for number in (None, 1):
                with pytest.raises(UnknownArtifact):
                    await process.service.read(ANN, self.id, number)
        assert await self.other.artifacts.sweep() == 0


async def _told(steps: Sequence[Write | Restore | Together | Restart], folder: Path) -> None:
    async with beginning(StorageSettings(data_dir=folder)) as begin:
        process, other = begin(), begin()
        text = "\n".join(str(n) for n in range(LINES))
        version = await process.service.create(ANN, name="Notes", kind="markdown", text=text, author="person")
        story = Story(begin, version, process, other, {text})
        for step in steps:
            await story.take(step)
        await story.check()
        await story.check_others()
        await story.check_deleted()
        assert not [path for path in (folder / "blobs").rglob("*") if path.is_file()]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(_STEPS, max_size=12))
def test_nothing_that_was_accepted_is_lost(steps: list[Write | Restore | Together | Restart]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(_told(steps, Path(folder)))
