"""Artifacts as those above use them: rows, texts and merges put together."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from random import SystemRandom

from artifacts.kinds import Kind, check_text, name_in
from artifacts.merge import merge as merged
from storage.artifacts import (
    ArtifactFilter,
    ArtifactRecord,
    Artifacts,
    Author,
    Draft,
    StaleVersion,
    UnknownArtifact,
    UnknownVersion,
    VersionRecord,
)
from storage.blobs import BlobLost
from storage.caller import Caller
from storage.content_cache import ContentCache
from storage.content_store import UnknownContent, content_digest
from storage.shares import ShareRecord, Shares, UnknownShare

__all__ = ["ArtifactService", "ArtifactVersion", "Author", "TextTooLarge"]

_ATTEMPTS = 20
_PAUSE_SECONDS = 0.05
_RANDOM = SystemRandom()


class TextTooLarge(ValueError):
    """A text of `size` bytes, where `most` are taken."""

    def __init__(self, size: int, max_bytes: int) -> None:
        super().__init__(f"The text has {size} bytes, and an artifact at most {max_bytes}")
        self.size = size
        self.max_bytes = max_bytes


@dataclass(frozen=True, slots=True)
class ArtifactVersion:
    """An artifact, one of its versions and what that says."""

    artifact: ArtifactRecord
    version: VersionRecord
    text: str


@dataclass(frozen=True, slots=True)
class _NewText:
    """What somebody wants to write, having seen the version `base`."""

    text: str
    base: int
    author: Author
    run: str | None
    note: str

    @property
    def digest(self) -> str:
        return content_digest(self.text)

    def draft(self, parent: int, *, text: str | None = None, conflicts: int = 0) -> Draft:
        said = self.text if text is None else text
        return Draft(said, self.author, parent=parent, client_run_id=self.run, note=self.note, conflicts=conflicts)


class ArtifactService:
    """Texts are of at most `most` bytes. Nothing that was accepted is ever unreachable: versions are only added."""

    def __init__(
        self, artifacts: Artifacts, shares: Shares, texts: ContentCache, *, max_bytes: int = 2_000_000
    ) -> None:
        self._artifacts = artifacts
        self._shares = shares
        self._texts = texts
        self._most = max_bytes

    async def create(
        self,
        caller: Caller,
        *,
        name: str,
        kind: Kind,
        language: str | None = None,
        text: str,
        author: Author,
        thread: str | None = None,
        run: str | None = None,
        note: str = "",
    ) -> ArtifactVersion:
        """`thread` is internal. Raises `NoText`, `TooLarge` or `UnknownThread`."""
        draft = Draft(self._check_size(text), author, client_run_id=run, note=note)
        artifact, version = await self._artifacts.create(
            caller, draft, name=name, kind=kind, language=language, thread=thread
        )
        await self._texts.put(caller, version.digest, text)
        return ArtifactVersion(artifact, version, text)

    async def read(self, caller: Caller, artifact: str, number: int | None = None) -> ArtifactVersion:
        """One version, or the tip. Raises `UnknownArtifact` or `UnknownVersion`."""
        return await self._load_version(caller, artifact, number, "read")

    async def update(
        self,
        caller: Caller,
        artifact: str,
        text: str,
        *,
        base: int,
        author: Author,
        run: str | None = None,
        note: str = "",
        merge: bool,
        language: str | None = None,
    ) -> ArtifactVersion:
        """A new tip, made from the version `base`; where that says the same already, the tip.

        Where the tip is another than `base`, both are merged if `merge`. Then two versions come to be: the text as it
        was given, behind its base, and behind the tip what was made of both. `language` is what it is in from now on,
        where that changes.

        Raises `NoText`, `TooLarge`, `UnknownArtifact`, `UnknownVersion`, or `Stale`: without `merge`, and where others
        were faster again and again.
        """
        writing = _NewText(self._check_size(text), base, author, run, note)
        tip = 0
        for _ in range(_ATTEMPTS):
            record, version = await self._base_version(caller, artifact, base)
            tip = version.number
            if version.digest == writing.digest:
                return ArtifactVersion(record, version, text)
            if tip != base and not merge:
                break
            drafts = await self._merged_drafts(caller, artifact, version, writing)
            if not drafts:
                return ArtifactVersion(record, version, await self._load_text(caller, artifact, version, "write"))
            with suppress(StaleVersion):
                return await self._add_versions(caller, artifact, drafts, tip, language)
            await asyncio.sleep(_RANDOM.uniform(0, _PAUSE_SECONDS))
        raise StaleVersion(tip)

    async def restore(
        self,
        caller: Caller,
        artifact: str,
        number: int,
        *,
        base: int,
        author: Author,
        run: str | None = None,
        note: str = "",
    ) -> ArtifactVersion:
        """A new tip with the text of an old version, behind that one; `base` is the tip that the writer saw.

        The artifact is in that version's language again, and its name says so.

        Where the tip says the same already, the tip. Raises `UnknownArtifact`, `UnknownVersion` or `Stale`.
        """
        old = await self._load_version(caller, artifact, number, "restore")
        record, tip = await self._base_version(caller, artifact, base)
        if tip.digest == old.version.digest:
            return ArtifactVersion(record, tip, old.text)
        draft = Draft(old.text, author, parent=number, client_run_id=run, note=note)
        language = old.version.language if old.version.language != record.language else None
        return await self._add_versions(caller, artifact, [draft], base, language)

    async def rename(self, caller: Caller, artifact: str, name: str) -> ArtifactRecord:
        """Raises `UnknownArtifact`."""
        return await self._artifacts.rename(caller, artifact, name)

    async def delete(self, caller: Caller, artifact: str) -> None:
        """With its versions, its shares and what is cached of it. Raises `UnknownArtifact`."""
        await self._texts.drop(caller, await self._artifacts.delete(caller, artifact))

    async def get(self, caller: Caller, artifact: str) -> ArtifactRecord:
        """Raises `UnknownArtifact`."""
        return (await self._artifacts.find(caller, artifact))[0]

    async def list_artifacts(self, caller: Caller, query: ArtifactFilter) -> Sequence[ArtifactRecord]:
        """The last written first."""
        return await self._artifacts.list_artifacts(caller, query)

    async def list_versions(
        self, caller: Caller, artifact: str, *, limit: int, before: int | None = None
    ) -> Sequence[VersionRecord]:
        """The newest first, from below the number `before`. Raises `UnknownArtifact`."""
        return await self._artifacts.versions(caller, artifact, limit=limit, before=before)

    async def share(
        self, caller: Caller, artifact: str, *, version: int | None = None, expires_at: datetime | None = None
    ) -> tuple[ShareRecord, str]:
        """The share, and its token, which is told this once.

        Raises `UnknownArtifact`, `UnknownVersion` or `TooManyShares`.
        """
        return await self._shares.create(caller, artifact, version=version, expires_at=expires_at)

    async def list_shares(self, caller: Caller, artifact: str) -> Sequence[ShareRecord]:
        """Those that are good, newest first. Raises `UnknownArtifact`."""
        return await self._shares.list_shares(caller, artifact)

    async def revoke_share(self, caller: Caller, artifact: str, share: str) -> None:
        """Raises `UnknownShare`."""
        await self._shares.revoke(caller, artifact, share)

    async def read_shared(self, token: str) -> ArtifactVersion:
        """What a token gives leave to read. Raises `UnknownShare`."""
        share = await self._shares.find(token)
        try:
            return await self._load_version(share.caller, share.artifact, share.version, "shared")
        except UnknownArtifact as error:
            # It was deleted meanwhile.
            raise UnknownShare("There is no such share, or no longer") from error

    def _check_size(self, text: str) -> str:
        size = len(check_text(text).encode())
        if size > self._most:
            raise TextTooLarge(size, self._most)
        return text

    async def _load_version(self, caller: Caller, artifact: str, number: int | None, operation: str) -> ArtifactVersion:
        record, version = await self._artifacts.find(caller, artifact, number)
        return ArtifactVersion(record, version, await self._load_text(caller, artifact, version, operation))

    async def _load_text(self, caller: Caller, artifact: str, version: VersionRecord, operation: str) -> str:
        try:
            return await self._texts.get(caller, version.digest, operation)
        except (UnknownContent, BlobLost):
            # Where it was deleted meanwhile, that is what is told.
            await self._artifacts.find(caller, artifact)
            raise

    async def _base_version(self, caller: Caller, artifact: str, base: int) -> tuple[ArtifactRecord, VersionRecord]:
        """The tip, for one who saw the version `base`."""
        record, tip = await self._artifacts.find(caller, artifact)
        if not 1 <= base <= record.versions:
            raise UnknownVersion(f"Unknown version {base!r} of {artifact!r}")
        return record, tip

    async def _merged_drafts(
        self, caller: Caller, artifact: str, tip: VersionRecord, writing: _NewText
    ) -> Sequence[Draft]:
        """What is to be added behind a tip; nothing where the tip has it all."""
        if writing.base == tip.number:
            return [writing.draft(tip.number)]
        _, base = await self._artifacts.find(caller, artifact, writing.base)
        if base.digest == writing.digest:
            return []
        before, theirs = [await self._load_text(caller, artifact, each, "write") for each in (base, tip)]
        names = {"our_name": writing.author, "their_name": f"version {tip.number}"}
        both = await asyncio.to_thread(merged, before, writing.text, theirs, **names)
        if both.text == writing.text:
            return [writing.draft(tip.number, conflicts=both.conflicts)]
        if both.text == theirs and await self._artifacts.has_content(caller, artifact, writing.digest):
            # It has been written before, by one who did not hear so.
            return []
        made = writing.draft(tip.number, text=self._check_size(both.text), conflicts=both.conflicts)
        return [writing.draft(base.number), made]

    async def _add_versions(
        self, caller: Caller, artifact: str, drafts: Sequence[Draft], tip: int, language: str | None = None
    ) -> ArtifactVersion:
        record, versions = await self._artifacts.add(caller, artifact, drafts, head_version=tip, language=language)
        if language is not None and (name := name_in(record.name, language)) != record.name:
            record = await self._artifacts.rename(caller, artifact, name)
        for draft, version in zip(drafts, versions, strict=True):
            await self._texts.put(caller, version.digest, draft.text)
        return ArtifactVersion(record, versions[-1], drafts[-1].text)
