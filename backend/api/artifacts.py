"""Artifacts: what agents and people have written, in versions that are never changed."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from artifacts.diff import diff_as_json, diff_as_patch
from artifacts.kinds import InvalidText, Kind, file_name, media_type
from artifacts.service import ArtifactVersion
from artifacts.workers import WorkerFailed
from backend.api.examples import example_response, problem_responses
from backend.api.files import attachment
from backend.api.media_types import prefers_media_type
from backend.api.paging import Page, PageCursor, PageParams, TimeCursor, build_page, decode_cursor
from backend.dependencies import CallerDep, ResourcesDep
from backend.errors import (
    ArtifactNotFound,
    ArtifactTooLarge,
    ContentLost,
    IfMatchRequired,
    InvalidInput,
    InvalidName,
    StorageUnavailable,
    ThreadNotFound,
    VersionNotFound,
    VersionStale,
)
from backend.resources import Resources
from storage.artifacts import ArtifactFilter, ArtifactRecord, StaleVersion, VersionRecord
from storage.caller import Caller
from storage.cursor import Cursor
from storage.tables import KEY_LENGTH

router = APIRouter(prefix="/api/v1/artifacts", tags=["artifacts"])

# As many as a column of the database can count.
MAX_VERSIONS_PER_DIFF = 2**31 - 1
# What two texts as large as an artifact may be take on a slow machine.
_DIFF_CPU_SECONDS = 5.0
_NAME = re.compile(r"[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*")
# Looked at by `_checked_name`, which has a code of its own for it.
Name = Annotated[str, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": KEY_LENGTH})]
Language = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[\w+#.-]+$")]
# An artifact's own text runs in no page: whatever HTML or SVG says, it has no origin, no network and no parent.
SANDBOX = {
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}
_PREVIEW_KINDS = ("html", "svg")
_TAG = re.compile(r'(?:W/)?"(\d{1,9})-([0-9a-f]{12})"')


# Of whoever asks for the text of one version.
_READ_PROBLEMS = (ArtifactNotFound, VersionNotFound, ContentLost, InvalidInput, StorageUnavailable)


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class _Request(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Version(_Camel):
    version: int
    parent: int | None = Field(None, description="The version that it was made from; absent for the first.")
    author: Literal["person", "agent", "tool"]
    run_id: str | None = Field(None, description="The run that made it.")
    note: str = Field(description="What was done, in a few words.")
    conflicts: int = Field(description="Places where a merge could not decide; they are marked in the text.")
    digest: str = Field(description="SHA-256 of the text in UTF-8.")
    size: int = Field(description="Bytes of the text in UTF-8.")
    created_at: datetime


class VersionText(Version):
    text: str


class Artifact(_Camel):
    artifact_id: str
    thread_id: str | None = Field(None, description="The thread that it was made in; absent where there is none.")
    name: str
    kind: Kind
    language: str | None = None
    version: int = Field(description="The current version.")
    versions: int = Field(description="How many versions there are.")
    size: int
    created_at: datetime
    updated_at: datetime


class ArtifactText(Artifact):
    text: str
    author: Literal["person", "agent", "tool"] = Field(description="Who wrote the current version.")
    conflicts: int
    digest: str


class ArtifactCreate(_Request):
    name: Name
    kind: Kind
    language: Language | None = Field(None, description="Of code.")
    text: str
    thread_id: Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)] | None = None
    note: str = Field("", max_length=KEY_LENGTH)


class ArtifactUpdate(_Request):
    text: str
    note: str = Field("edited", max_length=KEY_LENGTH)


class ArtifactRename(_Request):
    name: Name


class VersionRestore(_Request):
    version: int = Field(
        ge=1, le=MAX_VERSIONS_PER_DIFF, description="The version whose text comes back, as a new version."
    )


class DiffChange(_Camel):
    op: Literal["equal", "insert", "delete", "replace"]
    before: tuple[int, int] = Field(description="Lines, from 0, the second not included.")
    after: tuple[int, int]
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


class ArtifactDiff(_Camel):
    before: int = Field(description="The version that was compared with.")
    after: int
    added: int = Field(description="Lines.")
    removed: int
    changes: list[DiffChange]
    unified: str


class ArtifactFilterParams(PageParams):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    thread_id: str | None = Field(None, description="Those that were made in this thread.")
    kind: Kind | None = None
    q: str | None = Field(None, max_length=200, description="Words that are all in the name.")


class ArtifactCursor(TimeCursor):
    pass


class VersionCursor(PageCursor):
    before: Annotated[int, Field(ge=1, le=MAX_VERSIONS_PER_DIFF)]


_ENTRY: Mapping[str, Any] = {
    "artifactId": "0b8f1f0a5d274e0f9a3c6f6e80025a1f",
    "threadId": "thread-1",
    "name": "The tides",
    "kind": "markdown",
    "version": 2,
    "versions": 2,
    "size": 61,
    "createdAt": "2026-11-20T12:00:00Z",
    "updatedAt": "2026-11-20T12:01:00Z",
}
_VERSION: Mapping[str, Any] = {
    "version": 2,
    "parent": 1,
    "author": "agent",
    "runId": "run-1",
    "note": "edited",
    "conflicts": 0,
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "size": 61,
    "createdAt": "2026-11-20T12:01:00Z",
}
_WHOLE = {
    **_ENTRY,
    "text": "# The tides\n",
    "author": "agent",
    "conflicts": 0,
    "digest": _VERSION["digest"],
}
_DIFF: Mapping[str, Any] = {
    "before": 1,
    "after": 2,
    "added": 1,
    "removed": 0,
    "changes": [{"op": "insert", "before": [1, 1], "after": [1, 2], "removed": [], "added": ["More.\n"]}],
    "unified": "--- a/The tides.md\n+++ b/The tides.md\n@@ -1 +1,2 @@\n # The tides\n+More.\n",
}
IfMatch = Annotated[str | None, Header(description="The `ETag` of the version that was seen, or `*`.")]


@router.get(
    "",
    summary="List artifacts, last updated first",
    response_model_exclude_none=True,
    responses={
        **example_response({"items": [_ENTRY]}),
        **problem_responses(ThreadNotFound, InvalidInput, StorageUnavailable),
    },
)
async def list_artifacts(
    caller: CallerDep, resources: ResourcesDep, params: Annotated[ArtifactFilterParams, Query()]
) -> Page[Artifact]:
    page_cursor = decode_cursor(params.cursor, ArtifactCursor) if params.cursor is not None else None
    query = ArtifactFilter(
        limit=params.limit + 1,
        after=Cursor(page_cursor.moment, page_cursor.id) if page_cursor else None,
        thread=(await resources.threads.get(caller, params.thread_id)).id if params.thread_id else None,
        kind=params.kind,
        words=tuple((params.q or "").split()),
    )
    found = await resources.artifacts.list_artifacts(caller, query)
    keys = await resources.threads.keys(caller, [each.thread for each in found if each.thread])
    return build_page(
        found,
        params.limit,
        shown=lambda record: artifact_fields(record, keys),
        mark=lambda record: ArtifactCursor(moment=record.updated_at, id=record.id),
    )


@router.post(
    "",
    summary="Create an artifact",
    status_code=201,
    response_model_exclude_none=True,
    responses={
        **example_response(_WHOLE, status=201),
        **problem_responses(ThreadNotFound, ArtifactTooLarge, InvalidName, InvalidInput, StorageUnavailable),
    },
)
async def create_artifact(
    body: ArtifactCreate, caller: CallerDep, resources: ResourcesDep, response: Response
) -> ArtifactText:
    thread = (await resources.threads.get(caller, body.thread_id)).id if body.thread_id else None
    if body.language is not None and body.kind != "code":
        raise InvalidInput.for_fields(("language", "only code has one"))
    try:
        version = await resources.artifacts.create(
            caller,
            name=_checked_name(body.name),
            kind=body.kind,
            language=body.language,
            text=body.text,
            author="person",
            thread=thread,
            note=body.note,
        )
    except InvalidText as error:
        raise InvalidInput.for_fields(("text", str(error))) from None
    response.headers["Location"] = f"/api/v1/artifacts/{version.artifact.id}"
    return await _artifact_text(version, caller, resources, response)


def _checked_name(name: str) -> str:
    """Without blanks around it. Raises `InvalidName`."""
    if len(name) > KEY_LENGTH or _NAME.fullmatch(name) is None:
        what = f"a name has 1 to {KEY_LENGTH} characters, one that is no blank, and none a control character"
        raise InvalidName.for_fields(("name", what))
    return name.strip()


@router.get(
    "/{artifact_id}",
    summary="Get an artifact with its current text",
    response_model_exclude_none=True,
    responses={
        **example_response(_WHOLE),
        **problem_responses(ArtifactNotFound, StorageUnavailable),
    },
)
async def get_artifact(
    artifact_id: str, caller: CallerDep, resources: ResourcesDep, response: Response
) -> ArtifactText:
    return await _artifact_text(await resources.artifacts.read(caller, artifact_id), caller, resources, response)


@router.put(
    "/{artifact_id}",
    summary="Save a new version of an artifact",
    description="`If-Match` names the version that was seen. Where somebody has written since, that is a 412 with the "
    "current version; with `merge=true` both are merged, and where they contradict each other both are kept, marked.",
    response_model_exclude_none=True,
    responses={
        **example_response(_WHOLE),
        **problem_responses(
            ArtifactNotFound, VersionStale, IfMatchRequired, ArtifactTooLarge, InvalidInput, StorageUnavailable
        ),
    },
)
async def update_artifact(  # noqa: PLR0917  # FastAPI hands them over by name
    artifact_id: str,
    body: ArtifactUpdate,
    caller: CallerDep,
    resources: ResourcesDep,
    response: Response,
    if_match: IfMatch = None,
    merge: Annotated[bool, Query(description="Merge with what was written meanwhile.")] = False,  # by name only
) -> ArtifactText:
    base = await _check_if_match(artifact_id, if_match, caller, resources)
    try:
        version = await resources.artifacts.update(
            caller, artifact_id, body.text, base=base, author="person", note=body.note, merge=merge
        )
    except InvalidText as error:
        raise InvalidInput.for_fields(("text", str(error))) from None
    except StaleVersion:
        raise await _stale_problem(artifact_id, caller, resources) from None
    return await _artifact_text(version, caller, resources, response)


@router.patch(
    "/{artifact_id}",
    summary="Rename an artifact",
    response_model_exclude_none=True,
    responses={
        **example_response(_ENTRY),
        **problem_responses(ArtifactNotFound, InvalidName, InvalidInput, StorageUnavailable),
    },
)
async def rename_artifact(
    artifact_id: str, body: ArtifactRename, caller: CallerDep, resources: ResourcesDep
) -> Artifact:
    record = await resources.artifacts.rename(caller, artifact_id, _checked_name(body.name))
    return artifact_fields(record, await _thread_keys(record, caller, resources))


@router.delete(
    "/{artifact_id}",
    summary="Delete an artifact with its versions and shares",
    status_code=204,
    responses=problem_responses(ArtifactNotFound, StorageUnavailable),
)
async def delete_artifact(artifact_id: str, caller: CallerDep, resources: ResourcesDep) -> None:
    await resources.artifacts.delete(caller, artifact_id)


@router.get(
    "/{artifact_id}/versions",
    summary="List an artifact's versions, newest first",
    response_model_exclude_none=True,
    responses={
        **example_response({"items": [_VERSION]}),
        **problem_responses(ArtifactNotFound, InvalidInput, StorageUnavailable),
    },
)
async def list_versions(
    artifact_id: str, caller: CallerDep, resources: ResourcesDep, params: Annotated[PageParams, Query()]
) -> Page[Version]:
    before = decode_cursor(params.cursor, VersionCursor).before if params.cursor is not None else None
    found = await resources.artifacts.list_versions(caller, artifact_id, limit=params.limit + 1, before=before)
    return build_page(
        found, params.limit, shown=version_fields, mark=lambda record: VersionCursor(before=record.number)
    )


@router.get(
    "/{artifact_id}/versions/{version}",
    summary="Get a version with its text",
    response_model_exclude_none=True,
    responses={
        **example_response({**_VERSION, "text": "# The tides\n"}),
        **problem_responses(*_READ_PROBLEMS),
    },
)
async def get_version(
    artifact_id: str,
    version: Annotated[int, Path(ge=1, le=MAX_VERSIONS_PER_DIFF)],
    caller: CallerDep,
    resources: ResourcesDep,
    response: Response,
) -> VersionText:
    artifact_version = await resources.artifacts.read(caller, artifact_id, version)
    response.headers["ETag"] = etag(artifact_version.version)
    return VersionText(**version_fields(artifact_version.version).model_dump(), text=artifact_version.text)


@router.get(
    "/{artifact_id}/diff",
    summary="Compare two versions",
    description="Of this artifact, or of this one and another of the same kind. With `Accept: text/x-diff` it is the "
    "unified difference alone.",
    response_model=ArtifactDiff,
    responses={**example_response(_DIFF), **problem_responses(*_READ_PROBLEMS)},
)
async def diff_artifact(  # noqa: PLR0917  # FastAPI hands them over by name
    artifact_id: str,
    caller: CallerDep,
    resources: ResourcesDep,
    before: Annotated[int, Query(alias="from", ge=1, le=MAX_VERSIONS_PER_DIFF, description="A version.")],
    after: Annotated[
        int | None,
        Query(alias="to", ge=1, le=MAX_VERSIONS_PER_DIFF, description="A version; by default the current one."),
    ] = None,
    other: Annotated[
        str | None, Query(alias="against", description="The artifact that `to` is a version of, if not this one.")
    ] = None,
    accept: Annotated[str | None, Header()] = None,
) -> Response:
    old = await resources.artifacts.read(caller, artifact_id, before)
    new = await resources.artifacts.read(caller, other or artifact_id, after)
    if old.artifact.kind != new.artifact.kind:
        kinds = f"one is {old.artifact.kind}, the other {new.artifact.kind}"
        raise InvalidInput.for_fields(("against", f"two kinds are not compared: {kinds}"))
    names = (f"a/{_file(old)}", f"b/{_file(new)}")
    versions = (old.version.number, new.version.number)
    is_patch = prefers_media_type(accept or "", "text/x-diff", "application/json")
    render = (
        partial(diff_as_patch, old.text, new.text, names)
        if is_patch
        else partial(diff_as_json, old.text, new.text, names, versions)
    )
    try:
        body = await resources.workers.run(partial(render, coarse=False), cpu_seconds=_DIFF_CPU_SECONDS)
    except WorkerFailed:
        # As in a part of it that would cost too much to compare: it counts as wholly different.
        body = await resources.workers.run(partial(render, coarse=True), cpu_seconds=0)
    return Response(body, media_type="text/x-diff" if is_patch else "application/json")


@router.post(
    "/{artifact_id}/restore",
    summary="Restore an old version as a new one",
    response_model_exclude_none=True,
    responses={
        **example_response(_WHOLE),
        **problem_responses(
            ArtifactNotFound, VersionNotFound, VersionStale, IfMatchRequired, InvalidInput, StorageUnavailable
        ),
    },
)
async def restore_version(  # noqa: PLR0917  # FastAPI hands them over by name
    artifact_id: str,
    body: VersionRestore,
    caller: CallerDep,
    resources: ResourcesDep,
    response: Response,
    if_match: IfMatch = None,
) -> ArtifactText:
    base = await _check_if_match(artifact_id, if_match, caller, resources)
    note = f"version {body.version} restored"
    try:
        version = await resources.artifacts.restore(
            caller, artifact_id, body.version, base=base, author="person", note=note
        )
    except StaleVersion:
        raise await _stale_problem(artifact_id, caller, resources) from None
    return await _artifact_text(version, caller, resources, response)


@router.get(
    "/{artifact_id}/download",
    summary="Download an artifact",
    response_class=Response,
    responses={
        200: {"description": "The text."},
        **problem_responses(*_READ_PROBLEMS),
    },
)
async def download_artifact(
    artifact_id: str,
    caller: CallerDep,
    resources: ResourcesDep,
    version: Annotated[int | None, Query(ge=1, le=MAX_VERSIONS_PER_DIFF)] = None,
) -> Response:
    return download_response(await resources.artifacts.read(caller, artifact_id, version))


@router.get(
    "/{artifact_id}/preview",
    summary="Preview HTML or SVG in a sandbox",
    response_class=Response,
    responses={
        200: {"description": "The page or picture."},
        **problem_responses(*_READ_PROBLEMS),
    },
)
async def preview_artifact(
    artifact_id: str,
    caller: CallerDep,
    resources: ResourcesDep,
    version: Annotated[int | None, Query(ge=1, le=MAX_VERSIONS_PER_DIFF)] = None,
) -> Response:
    return preview_response(await resources.artifacts.read(caller, artifact_id, version))


def etag(version: VersionRecord) -> str:
    return f'"{version.number}-{version.digest[:12]}"'


def artifact_fields(record: ArtifactRecord, keys: Mapping[str, str]) -> Artifact:
    return Artifact(**_fields(record, keys))


def version_fields(record: VersionRecord) -> Version:
    return Version(
        version=record.number,
        parent=record.parent,
        author=record.author,
        run_id=record.client_run_id,
        note=record.note,
        conflicts=record.conflicts,
        digest=record.digest,
        size=record.size,
        created_at=record.created_at,
    )


def download_response(version: ArtifactVersion) -> Response:
    """As a file of its own, which no browser runs."""
    name = _file(version)
    kind = media_type(media_type_of(version), version.artifact.language)
    headers = {**SANDBOX, "Content-Disposition": attachment(name), "ETag": etag(version.version)}
    return Response(version.text.encode(), media_type=f"{kind}; charset=utf-8", headers=headers)


def preview_response(version: ArtifactVersion) -> Response:
    if version.artifact.kind not in _PREVIEW_KINDS:
        raise InvalidInput.for_fields(
            ("artifact", f"only HTML and SVG have a preview, and this is {version.artifact.kind}")
        )
    kind = media_type(media_type_of(version))
    return Response(version.text.encode(), media_type=f"{kind}; charset=utf-8", headers=SANDBOX)


def media_type_of(version: ArtifactVersion) -> Kind:
    return cast("Kind", version.artifact.kind)


def _file(version: ArtifactVersion) -> str:
    return file_name(version.artifact.name, media_type_of(version), version.artifact.language)


def _fields(record: ArtifactRecord, keys: Mapping[str, str]) -> dict[str, Any]:
    return {
        "artifact_id": record.id,
        "thread_id": keys.get(record.thread or ""),
        "name": record.name,
        "kind": record.kind,
        "language": record.language,
        "version": record.head_version,
        "versions": record.versions,
        "size": record.size,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }


async def _artifact_text(
    artifact_version: ArtifactVersion, caller: Caller, resources: Resources, response: Response
) -> ArtifactText:
    response.headers["ETag"] = etag(artifact_version.version)
    version = artifact_version.version
    return ArtifactText(
        **_fields(artifact_version.artifact, await _thread_keys(artifact_version.artifact, caller, resources)),
        text=artifact_version.text,
        author=version.author,
        conflicts=version.conflicts,
        digest=version.digest,
    )


async def _thread_keys(record: ArtifactRecord, caller: Caller, resources: Resources) -> Mapping[str, str]:
    threads: Sequence[str] = [record.thread] if record.thread else []
    return await resources.threads.keys(caller, threads)


async def _check_if_match(artifact_id: str, if_match: str | None, caller: Caller, resources: Resources) -> int:
    """The number of the version that the caller saw. Raises `NoVersionSaid`, `InvalidInput` or `VersionStale`."""
    if if_match is None:
        raise IfMatchRequired("Send the ETag of the version that you saw as If-Match.")
    if if_match.strip() == "*":
        return (await resources.artifacts.get(caller, artifact_id)).head_version
    said = _TAG.fullmatch(if_match.strip())
    if said is None:
        raise InvalidInput.for_fields(("If-Match", "expected the ETag of one version, or *"))
    version = await resources.artifacts.list_versions(caller, artifact_id, limit=1, before=int(said[1]) + 1)
    if not version or etag(version[0]) != f'"{said[1]}-{said[2]}"':
        raise await _stale_problem(artifact_id, caller, resources)
    return int(said[1])


async def _stale_problem(artifact_id: str, caller: Caller, resources: Resources) -> VersionStale:
    version = await resources.artifacts.read(caller, artifact_id)
    current = {**version_fields(version.version).model_dump(mode="json", by_alias=True, exclude_none=True)}
    return VersionStale(
        f"The current version is {version.version.number}.",
        headers={"ETag": etag(version.version)},
        current={**current, "text": version.text},
    )
