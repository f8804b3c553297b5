"""All artifacts of a thread in one file."""

import asyncio
import io
import zipfile
from collections.abc import Sequence

from fastapi import APIRouter, Response

from artifacts.kinds import file_name
from artifacts.service import ArtifactVersion
from backend.api.artifacts import SANDBOX, media_type_of
from backend.api.examples import problem_responses
from backend.dependencies import CallerDep, ResourcesDep
from backend.errors import ArtifactTooLarge, StorageUnavailable, ThreadNotFound
from storage.artifacts import ArtifactFilter

router = APIRouter(prefix="/api/v1/threads", tags=["artifacts"])

# What is held in memory while it is packed, in artifacts and in bytes.
_MAX_ARTIFACTS = 1000
_MAX_BYTES = 64 * 1024 * 1024


@router.get(
    "/{thread_id:path}/artifacts.zip",
    summary="Download a thread's artifacts as a zip file",
    response_class=Response,
    responses={
        200: {
            "content": {"application/zip": {"example": "PK…"}},
            "description": "A file for each artifact, as it is now.",
        },
        **problem_responses(ThreadNotFound, ArtifactTooLarge, StorageUnavailable),
    },
)
async def bundle_artifacts(thread_id: str, caller: CallerDep, resources: ResourcesDep) -> Response:
    thread = await resources.threads.get(caller, thread_id)
    heads = await resources.artifacts.list_artifacts(caller, ArtifactFilter(limit=_MAX_ARTIFACTS + 1, thread=thread.id))
    if len(heads) > _MAX_ARTIFACTS or sum(head.size for head in heads) > _MAX_BYTES:
        raise ArtifactTooLarge(
            f"A zip holds {_MAX_ARTIFACTS} artifacts and {_MAX_BYTES} bytes at most.", limit=_MAX_BYTES
        )
    held = [await resources.artifacts.read(caller, head.id) for head in heads]
    packed = await asyncio.to_thread(_write_zip, held)
    headers = {**SANDBOX, "Content-Disposition": 'attachment; filename="artifacts.zip"'}
    return Response(packed, media_type="application/zip", headers=headers)


def _write_zip(held: Sequence[ArtifactVersion]) -> bytes:
    file = io.BytesIO()
    taken = set[str]()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in held:
            name = _unique_name(file_name(each.artifact.name, media_type_of(each), each.artifact.language), taken)
            entry = zipfile.ZipInfo(name, each.artifact.updated_at.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, each.text.encode())
    return file.getvalue()


def _unique_name(name: str, taken: set[str]) -> str:
    """Two of one name are told apart; also where a file system takes capitals for small letters."""
    stem, dot, ending = name.rpartition(".")
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{stem or ending} ({number}){dot}{ending if stem else ''}"
    taken.add(free.casefold())
    return free
