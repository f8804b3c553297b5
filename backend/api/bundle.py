"""All artifacts of a thread in one file."""

import asyncio
import io
import zipfile
from collections.abc import Sequence

from fastapi import APIRouter, Response

from artifacts.kinds import file_name
from artifacts.shelf import Held
from backend.api.artifacts import SANDBOX, kind_of
from backend.api.examples import answers
from backend.dependencies import Has, Who
from backend.errors import ArtifactTooLarge, StorageGone, ThreadNotFound
from storage.artifacts import Wanted

router = APIRouter(prefix="/api/v1/threads", tags=["artifacts"])

# What is held in memory while it is packed, in artifacts and in bytes.
_MOST = 1000
_MOST_BYTES = 64 * 1024 * 1024


@router.get(
    "/{thread_id:path}/artifacts.zip",
    summary="The artifacts of a thread, as files in a zip",
    response_class=Response,
    responses={
        200: {
            "content": {"application/zip": {"example": "PK…"}},
            "description": "A file for each artifact, as it is now.",
        },
        **answers(ThreadNotFound, ArtifactTooLarge, StorageGone),
    },
)
async def bundle_artifacts(thread_id: str, who: Who, has: Has) -> Response:
    thread = await has.threads.get(who, thread_id)
    heads = await has.shelf.heads(who, Wanted(limit=_MOST + 1, thread=thread.id))
    if len(heads) > _MOST or sum(head.size for head in heads) > _MOST_BYTES:
        raise ArtifactTooLarge(f"A zip holds {_MOST} artifacts and {_MOST_BYTES} bytes at most.", limit=_MOST_BYTES)
    held = [await has.shelf.read(who, head.id) for head in heads]
    packed = await asyncio.to_thread(_packed, held)
    headers = {**SANDBOX, "Content-Disposition": 'attachment; filename="artifacts.zip"'}
    return Response(packed, media_type="application/zip", headers=headers)


def _packed(held: Sequence[Held]) -> bytes:
    file = io.BytesIO()
    taken = set[str]()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in held:
            name = _free(file_name(each.artifact.name, kind_of(each), each.artifact.language), taken)
            entry = zipfile.ZipInfo(name, each.artifact.updated_at.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, each.text.encode())
    return file.getvalue()


def _free(name: str, taken: set[str]) -> str:
    """Two of one name are told apart; also where a file system takes capitals for small letters."""
    stem, dot, ending = name.rpartition(".")
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{stem or ending} ({number}){dot}{ending if stem else ''}"
    taken.add(free.casefold())
    return free
