"""What agents remember of a person, for the person to see, change and delete."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from backend.api.examples import answers, shown
from backend.api.paging import Page, Part, PlaceMark, paged, read
from backend.dependencies import Has, Who
from backend.errors import InvalidInput, MemoryNotFound, StorageGone
from storage.memories import MemoryRecord, NoMemory, TooManyMemories
from storage.place import Place

router = APIRouter(prefix="/api/v1/memories", tags=["memories"])


class MemoryAsked(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    kind: Literal["style", "fact"] = Field(description="How the person likes things written, or what is so of them.")
    text: str = Field(min_length=1, max_length=2000)


class MemoryEntry(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    memory_id: str
    kind: Literal["style", "fact"]
    text: str
    run_id: str | None = Field(None, description="The run that it was learned in; absent where a person wrote it.")
    created_at: datetime
    updated_at: datetime


class MemoryMark(PlaceMark):
    pass


_ENTRY: Mapping[str, Any] = {
    "memoryId": "0b8f1f0a5d274e0f9a3c6f6e80025a1f",
    "kind": "style",
    "text": "Likes short sentences.",
    "createdAt": "2026-11-20T12:00:00Z",
    "updatedAt": "2026-11-20T12:00:00Z",
}


@router.get(
    "",
    summary="What is remembered of you, newest first",
    response_model_exclude_none=True,
    responses={**shown({"items": [_ENTRY]}), **answers(InvalidInput, StorageGone)},
)
async def list_memories(who: Who, has: Has, asked: Annotated[Part, Query()]) -> Page[MemoryEntry]:
    mark = read(asked.cursor, MemoryMark) if asked.cursor is not None else None
    place = Place(mark.moment, mark.id) if mark else None
    found = await has.memories.listed(who, asked.limit + 1, place)
    return paged(
        found, asked.limit, shown=_entry, mark=lambda record: MemoryMark(moment=record.created_at, id=record.id)
    )


@router.post(
    "",
    summary="Have something remembered",
    status_code=201,
    response_model_exclude_none=True,
    responses={**shown(_ENTRY, status=201), **answers(InvalidInput, StorageGone)},
)
async def create_memory(asked: MemoryAsked, who: Who, has: Has) -> MemoryEntry:
    try:
        return _entry(await has.memories.add(who, asked.kind, asked.text))
    except (NoMemory, TooManyMemories) as error:
        raise InvalidInput.naming(("text", str(error))) from None


@router.put(
    "/{memory_id}",
    summary="Change what is remembered",
    response_model_exclude_none=True,
    responses={**shown(_ENTRY), **answers(MemoryNotFound, InvalidInput, StorageGone)},
)
async def change_memory(memory_id: str, asked: MemoryAsked, who: Who, has: Has) -> MemoryEntry:
    try:
        return _entry(await has.memories.change(who, memory_id, kind=asked.kind, text=asked.text))
    except NoMemory as error:
        raise InvalidInput.naming(("text", str(error))) from None


@router.delete(
    "/{memory_id}",
    summary="Have something forgotten",
    status_code=204,
    responses=answers(MemoryNotFound, StorageGone),
)
async def delete_memory(memory_id: str, who: Who, has: Has) -> None:
    await has.memories.delete(who, memory_id)


def _entry(record: MemoryRecord) -> MemoryEntry:
    return MemoryEntry(
        memory_id=record.id,
        kind=record.kind,
        text=record.text,
        run_id=record.source,
        created_at=record.created_at,
        updated_at=record.updated_at,
    )
