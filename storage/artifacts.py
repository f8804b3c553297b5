"""Texts that people and agents make, in versions that are never changed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, Select, and_, case, delete, insert, literal, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.blobs import Blobs
from storage.caller import Caller
from storage.content_store import Content, ContentStore
from storage.cursor import Cursor
from storage.database import Database
from storage.reviews import record_review_deletions
from storage.tables import Moment, artifact_versions, artifacts, reviews, threads
from storage.threads import UnknownThread, fold_text

Author = Literal["person", "agent", "tool"]


class UnknownArtifact(LookupError):
    """This caller has no such artifact; whether another has one is not said."""


class UnknownVersion(LookupError):
    """The artifact has no such version."""


class StaleVersion(Exception):
    """Somebody else has written meanwhile: `tip` is the version that counts now."""

    def __init__(self, tip: int) -> None:
        super().__init__(f"The artifact has gone on to version {tip}")
        self.head_version = tip


@dataclass(frozen=True, slots=True)
class ArtifactRecord:
    """An artifact. `thread` is internal; `versions` is the highest number, `size` in bytes and the tip's."""

    id: str
    thread: str | None
    name: str
    kind: str
    language: str | None
    versions: int
    head_version: int
    size: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One version, without its text. `run` is the client's, `conflicts` are those that a merge has left in the text.

    `language` is what it is in, if that is known: the artifact's may have changed since.
    """

    number: int
    parent: int | None
    digest: str
    size: int
    author: Author
    client_run_id: str | None
    note: str
    conflicts: int
    created_at: datetime
    language: str | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A version to be. `parent` is the number of the one it was made from; the first has none."""

    text: str
    author: Author
    parent: int | None = None
    client_run_id: str | None = None
    note: str = ""
    conflicts: int = 0


@dataclass(frozen=True, slots=True)
class ArtifactFilter:
    """Which artifacts, and how many from where. `thread` is internal; `words` are all to be in the name."""

    limit: int
    after: Cursor | None = None
    thread: str | None = None
    kind: str | None = None
    words: Sequence[str] = ()


class Artifacts:
    """The rows of artifacts, and with them their texts: those of up to `inline` bytes in rows, longer ones as blobs."""

    def __init__(self, database: Database, blobs: Blobs, *, inline: int = 65536) -> None:
        self._database = database
        self._contents = ContentStore(database, blobs, inline=inline)

    async def create(
        self,
        caller: Caller,
        draft: Draft,
        *,
        name: str,
        kind: str,
        language: str | None = None,
        thread: str | None = None,
    ) -> tuple[ArtifactRecord, VersionRecord]:
        """An artifact with its first version, in a thread by its internal id or alone. Raises `UnknownThread`."""
        now = datetime.now(UTC)
        async with self._contents.stage(caller, [draft.text]) as placed:
            (content,) = placed.contents
            record = ArtifactRecord(uuid4().hex, thread, name, kind, language, 1, 1, content.size, now, now)
            version = _version_record(1, draft, content, now, language)
            try:
                async with self._database.write() as connection:
                    await _in_thread(connection, caller, thread)
                    await connection.execute(insert(artifacts).values(**_owner(caller), **_row(record)))
                    await self._contents.insert(connection, caller, placed)
                    await _insert(connection, caller, record.id, version)
            except IntegrityError as error:
                # It was deleted meanwhile.
                raise UnknownThread(f"Unknown thread {thread!r}") from error
        return record, version

    async def add(
        self, caller: Caller, artifact: str, drafts: Sequence[Draft], *, head_version: int, language: str | None = None
    ) -> tuple[ArtifactRecord, Sequence[VersionRecord]]:
        """Versions under the next numbers, of which the last becomes the tip: all of them, or none.

        Raises `Stale` where the tip is another than `tip`, `UnknownArtifact` or, for a parent, `UnknownVersion`.
        """
        texts = [draft.text for draft in drafts]
        async with self._contents.stage(caller, texts) as placed, self._database.write() as connection:
            record = await _move_head(connection, caller, artifact, head_version, placed.contents, language)
            numbered = enumerate(zip(drafts, placed.contents, strict=True), record.versions - len(drafts) + 1)
            versions = [_version_record(number, *each, record.updated_at, record.language) for number, each in numbered]
            await self._contents.insert(connection, caller, placed)
            for version in versions:
                await _insert(connection, caller, artifact, version)
        return record, versions

    async def find(
        self, caller: Caller, artifact: str, number: int | None = None
    ) -> tuple[ArtifactRecord, VersionRecord]:
        """An artifact and one of its versions, or the tip. Raises `UnknownArtifact` or `UnknownVersion`."""
        meant = artifacts.c.head_version if number is None else literal(number)
        of_it = and_(artifact_versions.c.artifact_id == artifacts.c.id, artifact_versions.c.number == meant)
        version = [column.label(f"version_{column.name}") for column in artifact_versions.c]
        both = select(artifacts, *version).select_from(artifacts.outerjoin(artifact_versions, of_it))
        async with self._database.read() as connection:
            row = (await connection.execute(both.where(_mine(caller, artifact)))).one_or_none()
        if row is None:
            raise _unknown(artifact)
        if row.version_number is None:
            raise UnknownVersion(f"Unknown version {number!r} of {artifact!r}")
        return _record(row), _version(row, "version_")

    async def list_artifacts(self, caller: Caller, query: ArtifactFilter) -> Sequence[ArtifactRecord]:
        """The last written first."""
        async with self._database.read() as connection:
            return [_record(row) for row in (await connection.execute(_list(caller, query))).all()]

    async def versions(
        self, caller: Caller, artifact: str, *, limit: int, before: int | None = None
    ) -> Sequence[VersionRecord]:
        """The newest first, from below the number `before`. Raises `UnknownArtifact`."""
        wanted = select(artifact_versions).where(_of(caller, artifact))
        if before is not None:
            wanted = wanted.where(artifact_versions.c.number < before)
        wanted = wanted.order_by(artifact_versions.c.number.desc()).limit(limit)
        async with self._database.read() as connection:
            if await connection.scalar(select(artifacts.c.id).where(_mine(caller, artifact))) is None:
                raise _unknown(artifact)
            return [_version(row) for row in (await connection.execute(wanted)).all()]

    async def has_content(self, caller: Caller, artifact: str, digest: str) -> bool:
        """Whether one of the artifact's versions has this text."""
        of_it = select(artifact_versions.c.number).where(_of(caller, artifact), artifact_versions.c.digest == digest)
        async with self._database.read() as connection:
            return await connection.scalar(of_it.limit(1)) is not None

    async def text(self, caller: Caller, digest: str) -> str:
        """What a version says. Raises `UnknownText`, `BlobLost` or `StorageFailed`."""
        return await self._contents.text(caller, digest)

    async def rename(self, caller: Caller, artifact: str, name: str) -> ArtifactRecord:
        """Raises `UnknownArtifact`."""
        values = {"name": name, "name_folded": fold_text(name), "updated_at": datetime.now(UTC)}
        renamed = update(artifacts).where(_mine(caller, artifact)).values(**values).returning(artifacts)
        async with self._database.write() as connection:
            row = (await connection.execute(renamed)).one_or_none()
        if row is None:
            raise _unknown(artifact)
        return _record(row)

    async def delete(self, caller: Caller, artifact: str) -> Sequence[str]:
        """With all of its versions and shares; the digests of the texts that nothing of the caller's says any more.

        Raises `UnknownArtifact`.
        """
        said = select(artifact_versions.c.digest).where(_of(caller, artifact)).distinct()
        async with self._database.write() as connection:
            await _lock_artifact(connection, caller, artifact)
            digests = (await connection.scalars(said)).all()
            await record_review_deletions(connection, caller, reviews.c.artifact_id == artifact)
            await connection.execute(delete(artifacts).where(_mine(caller, artifact)))
            gone = await self._contents.delete_unused(connection, caller, digests)
        await self._contents.delete_blobs(gone.blobs)
        return gone.digests

    async def sweep(self) -> int:
        """Drops texts and blobs that no version has any more; how many. Raises `StorageFailed`."""
        return await self._contents.sweep()


def _owner(caller: Caller) -> dict[str, str]:
    return {"tenant_id": caller.tenant, "user_id": caller.user}


def _mine(caller: Caller, artifact: str) -> ColumnElement[bool]:
    return and_(artifacts.c.tenant_id == caller.tenant, artifacts.c.user_id == caller.user, artifacts.c.id == artifact)


def _of(caller: Caller, artifact: str) -> ColumnElement[bool]:
    owned = and_(artifact_versions.c.tenant_id == caller.tenant, artifact_versions.c.user_id == caller.user)
    return and_(artifact_versions.c.artifact_id == artifact, owned)


def _unknown(artifact: str) -> UnknownArtifact:
    return UnknownArtifact(f"Unknown artifact {artifact!r}")


async def _in_thread(connection: AsyncConnection, caller: Caller, thread: str | None) -> None:
    if thread is None:
        return
    mine = and_(threads.c.tenant_id == caller.tenant, threads.c.user_id == caller.user, threads.c.id == thread)
    if await connection.scalar(select(threads.c.id).where(mine)) is None:
        raise UnknownThread(f"Unknown thread {thread!r}")


async def _lock_artifact(connection: AsyncConnection, caller: Caller, artifact: str) -> None:
    """Nobody else adds a version to it until the transaction ends."""
    if await connection.scalar(select(artifacts.c.id).where(_mine(caller, artifact)).with_for_update()) is None:
        raise _unknown(artifact)


async def _move_head(  # noqa: PLR0917  # a row, and what becomes of it
    connection: AsyncConnection,
    caller: Caller,
    artifact: str,
    tip: int,
    texts: Sequence[Content],
    language: str | None,
) -> ArtifactRecord:
    """Takes the next numbers and makes the last of them the tip. Of two that race for it, one is `Stale`."""
    last, now = artifacts.c.versions + len(texts), literal(datetime.now(UTC), Moment)
    # Never before what it was, whatever the clocks of two machines say.
    later = case((artifacts.c.updated_at > now, artifacts.c.updated_at), else_=now)
    values: dict[str, Any] = {"versions": last, "head_version": last, "size": texts[-1].size, "updated_at": later}
    if language is not None:
        values["language"] = language
    moved = update(artifacts).where(_mine(caller, artifact), artifacts.c.head_version == tip).values(**values)
    row = (await connection.execute(moved.returning(artifacts))).one_or_none()
    if row is not None:
        return _record(row)
    now_at: int | None = await connection.scalar(select(artifacts.c.head_version).where(_mine(caller, artifact)))
    raise _unknown(artifact) if now_at is None else StaleVersion(now_at)


def _version_record(number: int, draft: Draft, content: Content, now: datetime, language: str | None) -> VersionRecord:
    # All numbers below are there: no version is ever taken out of an artifact.
    if number > 1 and not 1 <= (draft.parent or 0) < number:
        raise UnknownVersion(f"Unknown version {draft.parent!r}")
    return VersionRecord(
        number=number,
        parent=draft.parent if number > 1 else None,
        digest=content.digest,
        size=content.size,
        author=draft.author,
        client_run_id=draft.client_run_id,
        note=draft.note,
        conflicts=draft.conflicts,
        created_at=now,
        language=language,
    )


async def _insert(connection: AsyncConnection, caller: Caller, artifact: str, version: VersionRecord) -> None:
    row = insert(artifact_versions).values(artifact_id=artifact, **_owner(caller), **asdict(version))
    await connection.execute(row)


def _list(caller: Caller, query: ArtifactFilter) -> Select[Any]:
    listed = select(artifacts).where(artifacts.c.tenant_id == caller.tenant, artifacts.c.user_id == caller.user)
    if query.thread is not None:
        listed = listed.where(artifacts.c.thread_id == query.thread)
    if query.kind is not None:
        listed = listed.where(artifacts.c.kind == query.kind)
    if query.after is not None:
        after = tuple_(literal(query.after.time, Moment), literal(query.after.id))
        listed = listed.where(tuple_(artifacts.c.updated_at, artifacts.c.id) < after)
    for word in query.words:
        listed = listed.where(artifacts.c.name_folded.contains(fold_text(word), autoescape=True))
    return listed.order_by(artifacts.c.updated_at.desc(), artifacts.c.id.desc()).limit(query.limit)


def _row(record: ArtifactRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "thread_id": record.thread,
        "name": record.name,
        "name_folded": fold_text(record.name),
        "kind": record.kind,
        "language": record.language,
        "versions": record.versions,
        "head_version": record.head_version,
        "size": record.size,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }


def _record(row: Row[Any]) -> ArtifactRecord:
    return ArtifactRecord(
        id=row.id,
        thread=row.thread_id,
        name=row.name,
        kind=row.kind,
        language=row.language,
        versions=row.versions,
        head_version=row.head_version,
        size=row.size,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _version(row: Row[Any], prefix: str = "") -> VersionRecord:
    names = (
        "number",
        "parent",
        "digest",
        "size",
        "author",
        "client_run_id",
        "note",
        "conflicts",
        "created_at",
        "language",
    )
    return VersionRecord(**{name: row._mapping[prefix + name] for name in names})
