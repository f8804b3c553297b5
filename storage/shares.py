"""Leave to read an artifact, for whoever has a token."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.artifacts import UnknownArtifact, UnknownVersion
from storage.caller import Caller
from storage.database import Database
from storage.tables import artifact_shares, artifacts

# Of one artifact, at one time.
MAX_SHARES = 100


class UnknownShare(LookupError):
    """There is no such share, or no longer."""


class TooManyShares(ValueError):
    """The artifact is shared `MOST_SHARES` times."""


@dataclass(frozen=True, slots=True)
class ShareRecord:
    """`caller` is who shares. `version` of `None` is always the tip."""

    id: str
    caller: Caller
    artifact: str
    version: int | None
    created_at: datetime
    expires_at: datetime | None


class Shares:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, caller: Caller, artifact: str, *, version: int | None = None, expires_at: datetime | None = None
    ) -> tuple[ShareRecord, str]:
        """The share, and its token, which is told this once.

        Raises `UnknownArtifact`, `UnknownVersion` or `TooManyShares`.
        """
        token = secrets.token_urlsafe(32)
        record = ShareRecord(uuid4().hex, caller, artifact, version, datetime.now(UTC), expires_at)
        async with self._database.write() as connection:
            # One at a time, so that they can be counted.
            versions = await _versions(connection, caller, artifact, alone=True)
            if version is not None and not 1 <= version <= versions:
                raise UnknownVersion(f"Unknown version {version!r} of {artifact!r}")
            live = select(func.count()).select_from(artifact_shares).where(_of(caller, artifact), _live())
            if (await connection.scalar(live) or 0) >= MAX_SHARES:
                raise TooManyShares(f"The artifact {artifact!r} is shared {MAX_SHARES} times")
            await connection.execute(insert(artifact_shares).values(**_row(record), token_digest=_digest(token)))
        return record, token

    async def list_shares(self, caller: Caller, artifact: str) -> Sequence[ShareRecord]:
        """Those that are good, newest first. Raises `UnknownArtifact`."""
        newest = artifact_shares.c.created_at.desc(), artifact_shares.c.id.desc()
        wanted = select(artifact_shares).where(_of(caller, artifact), _live()).order_by(*newest).limit(MAX_SHARES)
        async with self._database.read() as connection:
            await _versions(connection, caller, artifact)
            return [_record(row) for row in (await connection.execute(wanted)).all()]

    async def revoke(self, caller: Caller, artifact: str, share: str) -> None:
        """Raises `UnknownShare`."""
        which = and_(_of(caller, artifact), artifact_shares.c.id == share, _live())
        ended = update(artifact_shares).where(which).values(revoked_at=datetime.now(UTC))
        async with self._database.write() as connection:
            if (await connection.execute(ended)).rowcount == 0:
                raise UnknownShare(f"Unknown share {share!r}")

    async def find(self, token: str) -> ShareRecord:
        """What a token gives leave to: who has it is who asks, and no caller. Raises `UnknownShare`."""
        wanted = select(artifact_shares).where(artifact_shares.c.token_digest == _digest(token), _live())
        async with self._database.read() as connection:
            row = (await connection.execute(wanted)).one_or_none()
        if row is None:
            raise UnknownShare("There is no such share, or no longer")
        return _record(row)


async def _versions(connection: AsyncConnection, caller: Caller, artifact: str, *, alone: bool = False) -> int:
    mine = and_(artifacts.c.tenant_id == caller.tenant, artifacts.c.user_id == caller.user, artifacts.c.id == artifact)
    wanted = select(artifacts.c.versions).where(mine)
    versions: int | None = await connection.scalar(wanted.with_for_update() if alone else wanted)
    if versions is None:
        raise UnknownArtifact(f"Unknown artifact {artifact!r}")
    return versions


def _of(caller: Caller, artifact: str) -> ColumnElement[bool]:
    owned = and_(artifact_shares.c.tenant_id == caller.tenant, artifact_shares.c.user_id == caller.user)
    return and_(artifact_shares.c.artifact_id == artifact, owned)


def _live() -> ColumnElement[bool]:
    lasting = or_(artifact_shares.c.expires_at.is_(None), artifact_shares.c.expires_at > datetime.now(UTC))
    return and_(artifact_shares.c.revoked_at.is_(None), lasting)


def _digest(token: str) -> str:
    return sha256(token.encode(errors="replace")).hexdigest()


def _row(record: ShareRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "artifact_id": record.artifact,
        "tenant_id": record.caller.tenant,
        "user_id": record.caller.user,
        "version": record.version,
        "created_at": record.created_at,
        "expires_at": record.expires_at,
    }


def _record(row: Row[Any]) -> ShareRecord:
    return ShareRecord(
        id=row.id,
        caller=Caller(row.tenant_id, row.user_id),
        artifact=row.artifact_id,
        version=row.version,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
