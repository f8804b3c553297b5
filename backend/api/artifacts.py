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
from artifacts.kinds import Kind, NoText, file_name, media_type
from artifacts.shelf import Held
from artifacts.workers import WorkerFailed
from backend.api.accepting import prefers
from backend.api.examples import answers, shown
from backend.api.files import attachment
from backend.api.paging import Mark, Page, Part, PlaceMark, paged, read
from backend.dependencies import Has, Who
from backend.errors import (
    ArtifactNotFound,
    ArtifactTooLarge,
    ContentLost,
    InvalidInput,
    InvalidName,
    NoVersionSaid,
    StorageGone,
    ThreadNotFound,
    VersionNotFound,
    VersionStale,
)
from backend.resources import Resources
from storage.artifacts import ArtifactRecord, Stale, VersionRecord, Wanted
from storage.caller import Caller
from storage.place import Place
from storage.tables import KEY_LENGTH

router = APIRouter(prefix="/api/v1/artifacts", tags=["artifacts"])

# As many as a column of the database can count.
MOST_VERSIONS = 2**31 - 1
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
_PREVIEWED = ("html", "svg")
_TAG = re.compile(r'(?:W/)?"(\d{1,9})-([0-9a-f]{12})"')


# Of whoever asks for the text of one version.
_READ_PROBLEMS = (ArtifactNotFound, VersionNotFound, ContentLost, InvalidInput, StorageGone)


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class _Asked(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class VersionEntry(_Camel):
    version: int
    parent: int | None = Field(None, description="The version that it was made from; absent for the first.")
    author: Literal["person", "agent", "tool"]
    run_id: str | None = Field(None, description="The run that made it.")
    note: str = Field(description="What was done, in a few words.")
    conflicts: int = Field(description="Places where a merge could not decide; they are marked in the text.")
    digest: str = Field(description="SHA-256 of the text in UTF-8.")
    size: int = Field(description="Bytes of the text in UTF-8.")
    created_at: datetime


class VersionText(VersionEntry):
    text: str


class ArtifactEntry(_Camel):
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


class ArtifactText(ArtifactEntry):
    text: str
    author: Literal["person", "agent", "tool"] = Field(description="Who wrote the current version.")
    conflicts: int
    digest: str


class NewArtifact(_Asked):
    name: Name
    kind: Kind
    language: Language | None = Field(None, description="Of code.")
    text: str
    thread_id: Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)] | None = None
    note: str = Field("", max_length=KEY_LENGTH)


class NewText(_Asked):
    text: str
    note: str = Field("edited", max_length=KEY_LENGTH)


class NewName(_Asked):
    name: Name


class Restored(_Asked):
    version: int = Field(ge=1, le=MOST_VERSIONS, description="The version whose text comes back, as a new version.")


class ChangeEntry(_Camel):
    op: Literal["equal", "insert", "delete", "replace"]
    before: tuple[int, int] = Field(description="Lines, from 0, the second not included.")
    after: tuple[int, int]
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


class Difference(_Camel):
    before: int = Field(description="The version that was compared with.")
    after: int
    added: int = Field(description="Lines.")
    removed: int
    changes: list[ChangeEntry]
    unified: str


class ArtifactsAsked(Part):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    thread_id: str | None = Field(None, description="Those that were made in this thread.")
    kind: Kind | None = None
    q: str | None = Field(None, max_length=200, description="Words that are all in the name.")


class ArtifactMark(PlaceMark):
    pass


class VersionMark(Mark):
    before: Annotated[int, Field(ge=1, le=MOST_VERSIONS)]


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
    summary="Your artifacts, the last written first",
    response_model_exclude_none=True,
    responses={**shown({"items": [_ENTRY]}), **answers(ThreadNotFound, InvalidInput, StorageGone)},
)
async def list_artifacts(who: Who, has: Has, asked: Annotated[ArtifactsAsked, Query()]) -> Page[ArtifactEntry]:
    mark = read(asked.cursor, ArtifactMark) if asked.cursor is not None else None
    wanted = Wanted(
        limit=asked.limit + 1,
        after=Place(mark.moment, mark.id) if mark else None,
        thread=(await has.threads.get(who, asked.thread_id)).id if asked.thread_id else None,
        kind=asked.kind,
        words=tuple((asked.q or "").split()),
    )
    found = await has.shelf.heads(who, wanted)
    keys = await has.threads.keys(who, [each.thread for each in found if each.thread])
    return paged(
        found,
        asked.limit,
        shown=lambda record: entry(record, keys),
        mark=lambda record: ArtifactMark(moment=record.updated_at, id=record.id),
    )


@router.post(
    "",
    summary="Put a text of yours among the artifacts",
    status_code=201,
    response_model_exclude_none=True,
    responses={
        **shown(_WHOLE, status=201),
        **answers(ThreadNotFound, ArtifactTooLarge, InvalidName, InvalidInput, StorageGone),
    },
)
async def create_artifact(asked: NewArtifact, who: Who, has: Has, response: Response) -> ArtifactText:
    thread = (await has.threads.get(who, asked.thread_id)).id if asked.thread_id else None
    if asked.language is not None and asked.kind != "code":
        raise InvalidInput.naming(("language", "only code has one"))
    try:
        held = await has.shelf.create(
            who,
            name=_checked_name(asked.name),
            kind=asked.kind,
            language=asked.language,
            text=asked.text,
            author="person",
            thread=thread,
            note=asked.note,
        )
    except NoText as error:
        raise InvalidInput.naming(("text", str(error))) from None
    response.headers["Location"] = f"/api/v1/artifacts/{held.artifact.id}"
    return await _whole(held, who, has, response)


def _checked_name(name: str) -> str:
    """Without blanks around it. Raises `InvalidName`."""
    if len(name) > KEY_LENGTH or _NAME.fullmatch(name) is None:
        what = f"a name has 1 to {KEY_LENGTH} characters, one that is no blank, and none a control character"
        raise InvalidName.naming(("name", what))
    return name.strip()


@router.get(
    "/{artifact_id}",
    summary="An artifact with its current text",
    response_model_exclude_none=True,
    responses={
        **shown(_WHOLE),
        **answers(ArtifactNotFound, StorageGone),
    },
)
async def get_artifact(artifact_id: str, who: Who, has: Has, response: Response) -> ArtifactText:
    return await _whole(await has.shelf.read(who, artifact_id), who, has, response)


@router.put(
    "/{artifact_id}",
    summary="Write a new version",
    description="`If-Match` names the version that was seen. Where somebody has written since, that is a 412 with the "
    "current version; with `merge=true` both are merged, and where they contradict each other both are kept, marked.",
    response_model_exclude_none=True,
    responses={
        **shown(_WHOLE),
        **answers(ArtifactNotFound, VersionStale, NoVersionSaid, ArtifactTooLarge, InvalidInput, StorageGone),
    },
)
async def write_artifact(  # noqa: PLR0917  # FastAPI hands them over by name
    artifact_id: str,
    asked: NewText,
    who: Who,
    has: Has,
    response: Response,
    if_match: IfMatch = None,
    merge: Annotated[bool, Query(description="Merge with what was written meanwhile.")] = False,  # by name only
) -> ArtifactText:
    base = await _seen(artifact_id, if_match, who, has)
    try:
        held = await has.shelf.write(
            who, artifact_id, asked.text, base=base, author="person", note=asked.note, merge=merge
        )
    except NoText as error:
        raise InvalidInput.naming(("text", str(error))) from None
    except Stale:
        raise await _stale(artifact_id, who, has) from None
    return await _whole(held, who, has, response)


@router.patch(
    "/{artifact_id}",
    summary="Give an artifact another name",
    response_model_exclude_none=True,
    responses={**shown(_ENTRY), **answers(ArtifactNotFound, InvalidName, InvalidInput, StorageGone)},
)
async def rename_artifact(artifact_id: str, asked: NewName, who: Who, has: Has) -> ArtifactEntry:
    record = await has.shelf.rename(who, artifact_id, _checked_name(asked.name))
    return entry(record, await _keys(record, who, has))


@router.delete(
    "/{artifact_id}",
    summary="Delete an artifact with all its versions and shares",
    status_code=204,
    responses=answers(ArtifactNotFound, StorageGone),
)
async def delete_artifact(artifact_id: str, who: Who, has: Has) -> None:
    await has.shelf.delete(who, artifact_id)


@router.get(
    "/{artifact_id}/versions",
    summary="The versions of an artifact, newest first",
    response_model_exclude_none=True,
    responses={**shown({"items": [_VERSION]}), **answers(ArtifactNotFound, InvalidInput, StorageGone)},
)
async def list_versions(artifact_id: str, who: Who, has: Has, asked: Annotated[Part, Query()]) -> Page[VersionEntry]:
    before = read(asked.cursor, VersionMark).before if asked.cursor is not None else None
    found = await has.shelf.versions(who, artifact_id, limit=asked.limit + 1, before=before)
    return paged(found, asked.limit, shown=version_entry, mark=lambda record: VersionMark(before=record.number))


@router.get(
    "/{artifact_id}/versions/{version}",
    summary="One version with its text",
    response_model_exclude_none=True,
    responses={
        **shown({**_VERSION, "text": "# The tides\n"}),
        **answers(*_READ_PROBLEMS),
    },
)
async def get_version(
    artifact_id: str, version: Annotated[int, Path(ge=1, le=MOST_VERSIONS)], who: Who, has: Has, response: Response
) -> VersionText:
    held = await has.shelf.read(who, artifact_id, version)
    response.headers["ETag"] = tag(held.version)
    return VersionText(**version_entry(held.version).model_dump(), text=held.text)


@router.get(
    "/{artifact_id}/diff",
    summary="What changed between two versions",
    description="Of this artifact, or of this one and another of the same kind. With `Accept: text/x-diff` it is the "
    "unified difference alone.",
    response_model=Difference,
    responses={**shown(_DIFF), **answers(*_READ_PROBLEMS)},
)
async def get_diff(  # noqa: PLR0917  # FastAPI hands them over by name
    artifact_id: str,
    who: Who,
    has: Has,
    before: Annotated[int, Query(ge=1, le=MOST_VERSIONS, description="A version.")],
    after: Annotated[
        int | None, Query(ge=1, le=MOST_VERSIONS, description="A version; the current one, if nothing is said.")
    ] = None,
    other: Annotated[str | None, Query(description="The artifact that `after` is a version of, if not this.")] = None,
    accept: Annotated[str | None, Header()] = None,
) -> Response:
    old = await has.shelf.read(who, artifact_id, before)
    new = await has.shelf.read(who, other or artifact_id, after)
    if old.artifact.kind != new.artifact.kind:
        kinds = f"one is {old.artifact.kind}, the other {new.artifact.kind}"
        raise InvalidInput.naming(("other", f"two kinds are not compared: {kinds}"))
    names = (f"a/{_file(old)}", f"b/{_file(new)}")
    versions = (old.version.number, new.version.number)
    is_patch = prefers(accept or "", "text/x-diff", "application/json")
    render = (
        partial(diff_as_patch, old.text, new.text, names)
        if is_patch
        else partial(diff_as_json, old.text, new.text, names, versions)
    )
    try:
        body = await has.workers.run(partial(render, coarse=False), cpu_seconds=_DIFF_CPU_SECONDS)
    except WorkerFailed:
        # As in a part of it that would cost too much to compare: it counts as wholly different.
        body = await has.workers.run(partial(render, coarse=True), cpu_seconds=0)
    return Response(body, media_type="text/x-diff" if is_patch else "application/json")


@router.post(
    "/{artifact_id}/restore",
    summary="Bring back the text of an old version, as a new one",
    response_model_exclude_none=True,
    responses={
        **shown(_WHOLE),
        **answers(ArtifactNotFound, VersionNotFound, VersionStale, NoVersionSaid, InvalidInput, StorageGone),
    },
)
async def restore_version(  # noqa: PLR0917  # FastAPI hands them over by name
    artifact_id: str, asked: Restored, who: Who, has: Has, response: Response, if_match: IfMatch = None
) -> ArtifactText:
    base = await _seen(artifact_id, if_match, who, has)
    note = f"version {asked.version} restored"
    try:
        held = await has.shelf.restore(who, artifact_id, asked.version, base=base, author="person", note=note)
    except Stale:
        raise await _stale(artifact_id, who, has) from None
    return await _whole(held, who, has, response)


@router.get(
    "/{artifact_id}/download",
    summary="An artifact as a file",
    response_class=Response,
    responses={
        200: {"description": "The text."},
        **answers(*_READ_PROBLEMS),
    },
)
async def download_artifact(
    artifact_id: str, who: Who, has: Has, version: Annotated[int | None, Query(ge=1, le=MOST_VERSIONS)] = None
) -> Response:
    return download(await has.shelf.read(who, artifact_id, version))


@router.get(
    "/{artifact_id}/preview",
    summary="HTML or SVG as a browser shows it, in a sandbox",
    response_class=Response,
    responses={
        200: {"description": "The page or picture."},
        **answers(*_READ_PROBLEMS),
    },
)
async def preview_artifact(
    artifact_id: str, who: Who, has: Has, version: Annotated[int | None, Query(ge=1, le=MOST_VERSIONS)] = None
) -> Response:
    return preview(await has.shelf.read(who, artifact_id, version))


def tag(version: VersionRecord) -> str:
    return f'"{version.number}-{version.digest[:12]}"'


def entry(record: ArtifactRecord, keys: Mapping[str, str]) -> ArtifactEntry:
    return ArtifactEntry(**_fields(record, keys))


def version_entry(record: VersionRecord) -> VersionEntry:
    return VersionEntry(
        version=record.number,
        parent=record.parent,
        author=record.author,
        run_id=record.run,
        note=record.note,
        conflicts=record.conflicts,
        digest=record.digest,
        size=record.size,
        created_at=record.created_at,
    )


def download(held: Held) -> Response:
    """As a file of its own, which no browser runs."""
    name = _file(held)
    kind = media_type(kind_of(held), held.artifact.language)
    headers = {**SANDBOX, "Content-Disposition": attachment(name), "ETag": tag(held.version)}
    return Response(held.text.encode(), media_type=f"{kind}; charset=utf-8", headers=headers)


def preview(held: Held) -> Response:
    if held.artifact.kind not in _PREVIEWED:
        raise InvalidInput.naming(("artifact", f"only HTML and SVG have a preview, and this is {held.artifact.kind}"))
    kind = media_type(kind_of(held))
    return Response(held.text.encode(), media_type=f"{kind}; charset=utf-8", headers=SANDBOX)


def kind_of(held: Held) -> Kind:
    return cast("Kind", held.artifact.kind)


def _file(held: Held) -> str:
    return file_name(held.artifact.name, kind_of(held), held.artifact.language)


def _fields(record: ArtifactRecord, keys: Mapping[str, str]) -> dict[str, Any]:
    return {
        "artifact_id": record.id,
        "thread_id": keys.get(record.thread or ""),
        "name": record.name,
        "kind": record.kind,
        "language": record.language,
        "version": record.tip,
        "versions": record.versions,
        "size": record.size,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }


async def _whole(held: Held, who: Caller, has: Resources, response: Response) -> ArtifactText:
    response.headers["ETag"] = tag(held.version)
    version = held.version
    return ArtifactText(
        **_fields(held.artifact, await _keys(held.artifact, who, has)),
        text=held.text,
        author=version.author,
        conflicts=version.conflicts,
        digest=version.digest,
    )


async def _keys(record: ArtifactRecord, who: Caller, has: Resources) -> Mapping[str, str]:
    threads: Sequence[str] = [record.thread] if record.thread else []
    return await has.threads.keys(who, threads)


async def _seen(artifact_id: str, if_match: str | None, who: Caller, has: Resources) -> int:
    """The number of the version that the caller saw. Raises `NoVersionSaid`, `InvalidInput` or `VersionStale`."""
    if if_match is None:
        raise NoVersionSaid("Send the ETag of the version that you saw as If-Match.")
    if if_match.strip() == "*":
        return (await has.shelf.head(who, artifact_id)).tip
    said = _TAG.fullmatch(if_match.strip())
    if said is None:
        raise InvalidInput.naming(("If-Match", "expected the ETag of one version, or *"))
    version = await has.shelf.versions(who, artifact_id, limit=1, before=int(said[1]) + 1)
    if not version or tag(version[0]) != f'"{said[1]}-{said[2]}"':
        raise await _stale(artifact_id, who, has)
    return int(said[1])


async def _stale(artifact_id: str, who: Caller, has: Resources) -> VersionStale:
    held = await has.shelf.read(who, artifact_id)
    current = {**version_entry(held.version).model_dump(mode="json", by_alias=True, exclude_none=True)}
    return VersionStale(
        f"The current version is {held.version.number}.",
        headers={"ETag": tag(held.version)},
        current={**current, "text": held.text},
    )
