"""What versions of artifacts say, once for each user: in rows, or where it is long as blobs."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, literal, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from observability.logs import get_logger
from storage.blobs import Blobs
from storage.caller import Caller
from storage.database import Database, StorageFailed
from storage.tables import artifact_versions, contents

_log = get_logger(__name__)

# Far longer than any writer takes from its blob to its row.
_ORPHAN_AGE = timedelta(hours=1)
_PAGE_SIZE = 500


class UnknownContent(LookupError):
    """This caller has no version that says this, or has it no longer."""


@dataclass(frozen=True, slots=True)
class Content:
    """A text that is about to be kept: as itself, or by the name of a blob that was put for it."""

    digest: str
    size: int
    text: str | None
    blob: str | None


@dataclass(frozen=True, slots=True)
class StagedContents:
    """Texts on their way. `used` are the blobs that rows name."""

    contents: list[Content] = field(default_factory=list)
    used_digests: set[str] = field(default_factory=set)

    @property
    def unused(self) -> Sequence[str]:
        return [each.blob for each in self.contents if each.blob is not None and each.blob not in self.used_digests]


class ContentStore:
    def __init__(self, database: Database, blobs: Blobs, *, inline: int) -> None:
        self._database = database
        self._blobs = blobs
        self._inline = inline
        self._dialect: Any = sqlite if database.engine.dialect.name == "sqlite" else postgresql

    async def text(self, caller: Caller, digest: str) -> str:
        """Raises `UnknownText`, `BlobLost` or `StorageFailed`."""
        wanted = select(contents.c.text, contents.c.blob).where(_mine(caller), contents.c.digest == digest)
        async with self._database.read() as connection:
            row = (await connection.execute(wanted)).one_or_none()
        if row is None:
            raise UnknownContent(f"Unknown text {digest!r}")
        return row.text if row.text is not None else (await self._blobs.get(row.blob)).decode()

    @asynccontextmanager
    async def stage(self, caller: Caller, texts: Sequence[str]) -> AsyncIterator[StagedContents]:
        """Puts what is long where it belongs, before a transaction; and takes away after it what no row names."""
        placed = StagedContents()
        try:
            for text in texts:
                placed.contents.append(await self._stage(caller, text))
            yield placed
        finally:
            await self.delete_blobs(placed.unused)

    async def insert(self, connection: AsyncConnection, caller: Caller, placed: StagedContents) -> None:
        """Keeps those texts that are not kept yet."""
        # In one order everywhere, so that two writers never wait for each other.
        for content in sorted(placed.contents, key=lambda each: each.digest):
            blob = await connection.scalar(self._insert(caller, content))
            if blob is not None:
                placed.used_digests.add(blob)

    def _insert(self, caller: Caller, content: Content) -> Any:
        made = self._dialect.insert(contents).values(tenant_id=caller.tenant, user_id=caller.user, **asdict(content))
        # An update that changes nothing, but takes the row: nobody lets it go until the version is there.
        kept = made.on_conflict_do_update(
            index_elements=["tenant_id", "user_id", "digest"], set_={"size": made.excluded.size}
        )
        return kept.returning(contents.c.blob)

    async def delete_unused(
        self, connection: AsyncConnection, caller: Caller, digests: Sequence[str]
    ) -> "DeletedContents":
        """Deletes those texts that no version has. Their blobs are to be removed after the transaction."""
        gone = list[tuple[str, str | None]]()
        ordered = sorted(digests)
        for begin in range(0, len(ordered), _PAGE_SIZE):
            which = and_(_mine(caller), contents.c.digest.in_(ordered[begin : begin + _PAGE_SIZE]))
            # Taken first, and in the order of writers: one of the same text has then been, or waits and puts it anew.
            taken = select(contents.c.digest).where(which).order_by(contents.c.digest).with_for_update()
            await connection.execute(taken)
            dropped = delete(contents).where(which, _is_unused()).returning(contents.c.digest, contents.c.blob)
            gone += [(row.digest, row.blob) for row in await connection.execute(dropped)]
        return DeletedContents([digest for digest, _ in gone], [blob for _, blob in gone if blob is not None])

    async def delete_blobs(self, blobs: Sequence[str]) -> None:
        if not blobs:
            return
        try:
            await self._blobs.delete(blobs)
        except StorageFailed as error:
            # No row names them: a sweep takes them.
            _log.warning("blobs_not_deleted", count=len(blobs), error=str(error))

    async def sweep(self) -> int:
        """Drops texts that no version has, and blobs that no text has; how many. Raises `StorageFailed`.

        The first are left by threads that were deleted with their artifacts, the second by processes that died.
        """
        return await self._sweep_texts() + await self._sweep_blobs()

    async def _stage(self, caller: Caller, text: str) -> Content:
        data = text.encode()
        digest = sha256(data).hexdigest()
        if len(data) <= self._inline:
            return Content(digest, len(data), text, None)
        return Content(digest, len(data), None, await self._blobs.put(caller, digest, data))

    async def _sweep_texts(self) -> int:
        swept, after = 0, ("", "", "")
        while True:
            rows = await self._page(after)
            for row in rows:
                if row.unsaid:
                    swept += await self._sweep_one(Caller(row.tenant_id, row.user_id), row.digest)
            if len(rows) < _PAGE_SIZE:
                return swept
            after = (rows[-1].tenant_id, rows[-1].user_id, rows[-1].digest)

    async def _page(self, after: tuple[str, str, str]) -> Sequence[Row[Any]]:
        key = (contents.c.tenant_id, contents.c.user_id, contents.c.digest)
        behind = tuple_(*key) > tuple_(*map(literal, after))
        part = select(*key, _is_unused().label("unsaid")).where(behind).order_by(*key).limit(_PAGE_SIZE)
        async with self._database.read() as connection:
            return (await connection.execute(part)).all()

    async def _sweep_one(self, caller: Caller, digest: str) -> int:
        async with self._database.write() as connection:
            gone = await self.delete_unused(connection, caller, [digest])
        await self.delete_blobs(gone.blobs)
        return len(gone.digests)

    async def _sweep_blobs(self) -> int:
        swept = 0
        async for names in self._blobs.list_older(datetime.now(UTC) - _ORPHAN_AGE):
            known = select(contents.c.blob).where(contents.c.blob.in_(names))
            async with self._database.read() as connection:
                strays = sorted({*names} - {*(await connection.scalars(known)).all()})
            await self.delete_blobs(strays)
            swept += len(strays)
        return swept


@dataclass(frozen=True, slots=True)
class DeletedContents:
    digests: Sequence[str]
    blobs: Sequence[str]


def content_digest(text: str) -> str:
    """By this a text is known, whoever keeps it."""
    return sha256(text.encode()).hexdigest()


def _mine(caller: Caller) -> ColumnElement[bool]:
    return and_(contents.c.tenant_id == caller.tenant, contents.c.user_id == caller.user)


def _is_unused() -> ColumnElement[bool]:
    same = [contents.c[name] == artifact_versions.c[name] for name in ("tenant_id", "user_id", "digest")]
    return ~exists().where(*same)
