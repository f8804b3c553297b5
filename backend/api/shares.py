"""Links that let anybody read an artifact, until they are revoked or have run out."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from backend.api.artifacts import VersionText, download_response, preview_response, version_fields
from backend.api.examples import example_response, problem_responses
from backend.api.paging import Page, PageParams, page_by_name
from backend.dependencies import CallerDep, ResourcesDep
from backend.errors import (
    ArtifactNotFound,
    ContentLost,
    InvalidInput,
    ShareLimitReached,
    ShareNotFound,
    StorageUnavailable,
    VersionNotFound,
)
from storage.shares import ShareRecord

router = APIRouter(prefix="/api/v1", tags=["artifacts"])

Token = Annotated[str, Path(min_length=1, max_length=200, description="What the link ends in.")]
_NO_REFERRER = {"Referrer-Policy": "no-referrer", "Cache-Control": "private, no-store"}


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class ShareCreate(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    version: int | None = Field(None, ge=1, le=2**31 - 1, description="This version; without it, whichever is current.")
    seconds: int | None = Field(
        None, ge=60, le=366 * 86400, description="How long it holds; without it, until revoked."
    )


class Share(_Camel):
    share_id: str
    version: int | None = None
    created_at: datetime
    expires_at: datetime | None = None


class ShareCreated(Share):
    token: str = Field(description="Told this once: it is not kept, only its digest.")
    path: str = Field(description="Where it is read.")


class SharedArtifact(VersionText):
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
    summary="Create a share link for an artifact",
    status_code=201,
    response_model_exclude_none=True,
    responses={
        **example_response(_MADE, status=201),
        **problem_responses(ArtifactNotFound, VersionNotFound, ShareLimitReached, InvalidInput, StorageUnavailable),
    },
)
async def create_share(artifact_id: str, body: ShareCreate, caller: CallerDep, resources: ResourcesDep) -> ShareCreated:
    until = datetime.now(UTC) + timedelta(seconds=body.seconds) if body.seconds is not None else None
    record, token = await resources.artifacts.share(caller, artifact_id, version=body.version, expires_at=until)
    return ShareCreated(**_share_fields(record), token=token, path=f"/api/v1/shared/{token}")


@router.get(
    "/artifacts/{artifact_id}/shares",
    summary="List an artifact's active share links",
    response_model_exclude_none=True,
    responses={
        **example_response({"items": [_ENTRY]}),
        **problem_responses(ArtifactNotFound, InvalidInput, StorageUnavailable),
    },
)
async def list_shares(
    artifact_id: str, caller: CallerDep, resources: ResourcesDep, params: Annotated[PageParams, Query()]
) -> Page[Share]:
    found = [Share(**_share_fields(record)) for record in await resources.artifacts.list_shares(caller, artifact_id)]
    return page_by_name(found, params, lambda share: share.share_id)


@router.delete(
    "/artifacts/{artifact_id}/shares/{share_id}",
    summary="Revoke a share link",
    status_code=204,
    responses=problem_responses(ShareNotFound, ArtifactNotFound, StorageUnavailable),
)
async def revoke_share(artifact_id: str, share_id: str, caller: CallerDep, resources: ResourcesDep) -> None:
    await resources.artifacts.revoke_share(caller, artifact_id, share_id)


@router.get(
    "/shared/{token}",
    summary="Get a shared artifact",
    response_model_exclude_none=True,
    responses={**example_response(_SHARED), **problem_responses(ShareNotFound, ContentLost, StorageUnavailable)},
)
async def get_shared_artifact(token: Token, resources: ResourcesDep, response: Response) -> SharedArtifact:
    artifact_version = await resources.artifacts.read_shared(token)
    response.headers.update(_NO_REFERRER)
    artifact = artifact_version.artifact
    version = version_fields(artifact_version.version).model_dump(exclude={"run_id"})
    return SharedArtifact(
        **version, text=artifact_version.text, name=artifact.name, kind=artifact.kind, language=artifact.language
    )


@router.get(
    "/shared/{token}/download",
    summary="Download a shared artifact",
    response_class=Response,
    responses={200: {"description": "The text."}, **problem_responses(ShareNotFound, ContentLost, StorageUnavailable)},
)
async def download_shared_artifact(token: Token, resources: ResourcesDep) -> Response:
    return download_response(await resources.artifacts.read_shared(token))


@router.get(
    "/shared/{token}/preview",
    summary="Preview shared HTML or SVG in a sandbox",
    response_class=Response,
    responses={
        200: {"description": "The page or picture."},
        **problem_responses(ShareNotFound, ContentLost, InvalidInput, StorageUnavailable),
    },
)
async def preview_shared_artifact(token: Token, resources: ResourcesDep) -> Response:
    return preview_response(await resources.artifacts.read_shared(token))


def _share_fields(record: ShareRecord) -> dict[str, Any]:
    return {
        "share_id": record.id,
        "version": record.version,
        "created_at": record.created_at,
        "expires_at": record.expires_at,
    }
