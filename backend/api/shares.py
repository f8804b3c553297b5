"""Links that let anybody read an artifact, until they are revoked or have run out."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from backend.api.artifacts import VersionText, download, preview, version_entry
from backend.api.examples import answers, shown
from backend.api.paging import Page, Part, within
from backend.dependencies import Has, Who
from backend.errors import (
    ArtifactNotFound,
    ContentLost,
    InvalidInput,
    ShareLimitReached,
    ShareNotFound,
    StorageGone,
    VersionNotFound,
)
from storage.shares import ShareRecord

router = APIRouter(prefix="/api/v1", tags=["artifacts"])

Token = Annotated[str, Path(min_length=1, max_length=200, description="What the link ends in.")]
_NO_REFERRER = {"Referrer-Policy": "no-referrer", "Cache-Control": "private, no-store"}


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class NewShare(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    version: int | None = Field(None, ge=1, le=2**31 - 1, description="This version; without it, whichever is current.")
    seconds: int | None = Field(
        None, ge=60, le=366 * 86400, description="How long it holds; without it, until revoked."
    )


class ShareEntry(_Camel):
    share_id: str
    version: int | None = None
    created_at: datetime
    expires_at: datetime | None = None


class ShareMade(ShareEntry):
    token: str = Field(description="Told this once: it is not kept, only its digest.")
    path: str = Field(description="Where it is read.")


class SharedText(VersionText):
    name: str
    kind: str
    language: str | None = None


_ENTRY: Mapping[str, Any] = {"shareId": "0b8f1f0a5d274e0f9a3c6f6e80025a1f", "createdAt": "2026-11-20T12:00:00Z"}
_MADE = {
    **_ENTRY,
    "path": "/api/v1/shared/…",
    "token": "…",  # nosec B105  # it stands for one
}
_SHARED: Mapping[str, Any] = {
    "name": "The tides",
    "kind": "markdown",
    "version": 1,
    "author": "agent",
    "note": "created",
    "conflicts": 0,
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "size": 12,
    "createdAt": "2026-11-20T12:01:00Z",
    "text": "# The tides\n",
}


@router.post(
    "/artifacts/{artifact_id}/shares",
    summary="Make a link that anybody can read an artifact by",
    status_code=201,
    response_model_exclude_none=True,
    responses={
        **shown(_MADE, status=201),
        **answers(ArtifactNotFound, VersionNotFound, ShareLimitReached, InvalidInput, StorageGone),
    },
)
async def create_share(artifact_id: str, asked: NewShare, who: Who, has: Has) -> ShareMade:
    until = datetime.now(UTC) + timedelta(seconds=asked.seconds) if asked.seconds is not None else None
    record, token = await has.shelf.share(who, artifact_id, version=asked.version, expires_at=until)
    return ShareMade(**_fields(record), token=token, path=f"/api/v1/shared/{token}")


@router.get(
    "/artifacts/{artifact_id}/shares",
    summary="The links of an artifact that are good",
    response_model_exclude_none=True,
    responses={**shown({"items": [_ENTRY]}), **answers(ArtifactNotFound, InvalidInput, StorageGone)},
)
async def list_shares(artifact_id: str, who: Who, has: Has, asked: Annotated[Part, Query()]) -> Page[ShareEntry]:
    found = [ShareEntry(**_fields(record)) for record in await has.shelf.shares(who, artifact_id)]
    return within(found, asked, lambda share: share.share_id)


@router.delete(
    "/artifacts/{artifact_id}/shares/{share_id}",
    summary="Revoke a link",
    status_code=204,
    responses=answers(ShareNotFound, ArtifactNotFound, StorageGone),
)
async def revoke_share(artifact_id: str, share_id: str, who: Who, has: Has) -> None:
    await has.shelf.unshare(who, artifact_id, share_id)


@router.get(
    "/shared/{token}",
    summary="What a link gives leave to read",
    response_model_exclude_none=True,
    responses={**shown(_SHARED), **answers(ShareNotFound, ContentLost, StorageGone)},
)
async def get_shared(token: Token, has: Has, response: Response) -> SharedText:
    held = await has.shelf.shared(token)
    response.headers.update(_NO_REFERRER)
    artifact = held.artifact
    version = version_entry(held.version).model_dump(exclude={"run_id"})
    return SharedText(**version, text=held.text, name=artifact.name, kind=artifact.kind, language=artifact.language)


@router.get(
    "/shared/{token}/download",
    summary="The same as a file",
    response_class=Response,
    responses={200: {"description": "The text."}, **answers(ShareNotFound, ContentLost, StorageGone)},
)
async def download_shared(token: Token, has: Has) -> Response:
    return download(await has.shelf.shared(token))


@router.get(
    "/shared/{token}/preview",
    summary="Shared HTML or SVG as a browser shows it, in a sandbox",
    response_class=Response,
    responses={
        200: {"description": "The page or picture."},
        **answers(ShareNotFound, ContentLost, InvalidInput, StorageGone),
    },
)
async def preview_shared(token: Token, has: Has) -> Response:
    return preview(await has.shelf.shared(token))


def _fields(record: ShareRecord) -> dict[str, Any]:
    return {
        "share_id": record.id,
        "version": record.version,
        "created_at": record.created_at,
        "expires_at": record.expires_at,
    }
