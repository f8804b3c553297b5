"""What agents remember of a person, for the person to see, change and delete."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from backend.api.examples import example_response, problem_responses
from backend.api.paging import Page, PageParams, TimeCursor, build_page, decode_cursor
from backend.dependencies import CallerDep, ResourcesDep
from backend.errors import InvalidInput, MemoryNotFound, StorageUnavailable
from storage.cursor import Cursor
from storage.memories import InvalidMemory, MemoryRecord, TooManyMemories

router = APIRouter(prefix="/api/v1/memories", tags=["memories"])


class MemoryCreate(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    kind: Literal["style", "fact"] = Field(description="How the person likes things written, or what is so of them.")
    text: str = Field(min_length=1, max_length=2000)


class Memory(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    memory_id: str
    kind: Literal["style", "fact"]
    text: str
    run_id: str | None = Field(None, description="The run that it was learned in; absent where a person wrote it.")
    created_at: datetime
    updated_at: datetime


class MemoryCursor(TimeCursor):
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
    summary="List memories, newest first",
    response_model_exclude_none=True,
    responses={**example_response({"items": [_ENTRY]}), **problem_responses(InvalidInput, StorageUnavailable)},
)
async def list_memories(
    caller: CallerDep, resources: ResourcesDep, params: Annotated[PageParams, Query()]
) -> Page[Memory]:
    page_cursor = decode_cursor(params.cursor, MemoryCursor) if params.cursor is not None else None
    cursor = Cursor(page_cursor.moment, page_cursor.id) if page_cursor else None
    found = await resources.memories.list_memories(caller, params.limit + 1, cursor)
    return build_page(
        found, params.limit, shown=_entry, mark=lambda record: MemoryCursor(moment=record.created_at, id=record.id)
    )


@router.post(
    "",
    summary="Create a memory",
    status_code=201,
    response_model_exclude_none=True,
    responses={**example_response(_ENTRY, status=201), **problem_responses(InvalidInput, StorageUnavailable)},
)
async def create_memory(body: MemoryCreate, caller: CallerDep, resources: ResourcesDep) -> Memory:
    try:
        return _entry(await resources.memories.add(caller, body.kind, body.text))
    except (InvalidMemory, TooManyMemories) as error:
        raise InvalidInput.for_fields(("text", str(error))) from None


@router.put(
    "/{memory_id}",
    summary="Update a memory",
    response_model_exclude_none=True,
    responses={**example_response(_ENTRY), **problem_responses(MemoryNotFound, InvalidInput, StorageUnavailable)},
)
async def update_memory(memory_id: str, body: MemoryCreate, caller: CallerDep, resources: ResourcesDep) -> Memory:
    try:
        return _entry(await resources.memories.update(caller, memory_id, kind=body.kind, text=body.text))
    except InvalidMemory as error:
        raise InvalidInput.for_fields(("text", str(error))) from None


@router.delete(
    "/{memory_id}",
    summary="Delete a memory",
    status_code=204,
    responses=problem_responses(MemoryNotFound, StorageUnavailable),
)
async def delete_memory(memory_id: str, caller: CallerDep, resources: ResourcesDep) -> None:
    await resources.memories.delete(caller, memory_id)


def _entry(record: MemoryRecord) -> Memory:
    return Memory(
        memory_id=record.id,
        kind=record.kind,
        text=record.text,
        run_id=record.run_id,
        created_at=record.created_at,
        updated_at=record.updated_at,
    )
