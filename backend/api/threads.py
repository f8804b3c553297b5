import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import uuid4

from ag_ui.core import Interrupt, Message
from fastapi import APIRouter, Body, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from agents.events import CheckpointSummary, ThreadSnapshot
from backend.api.examples import example_response, problem_responses
from backend.api.files import attachment
from backend.api.paging import Page, PageCursor, PageParams, TimeCursor, build_page, decode_cursor
from backend.api.transcript import format_markdown
from backend.dependencies import CallerDep, ResourcesDep
from backend.errors import (
    AgentNotFound,
    CheckpointNotFound,
    InvalidInput,
    StorageUnavailable,
    ThreadBusyProblem,
    ThreadIdTaken,
    ThreadNotFound,
)
from backend.resources import Resources
from backend.runs.messages import to_agui
from backend.runs.translator import to_agui_interrupt
from storage.caller import Caller
from storage.cursor import Cursor
from storage.tables import KEY_LENGTH
from storage.threads import (
    MAX_METADATA_PAIRS,
    Order,
    ThreadChange,
    ThreadFilter,
    ThreadRecord,
    TitleSource,
    TooMuchMetadata,
    UnknownThread,
)

router = APIRouter(prefix="/api/v1/threads", tags=["threads"])

_MAX_SEARCH_WORDS = 10
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_UNTITLED = "Untitled thread"


def _is_id(text: str) -> bool:
    return 0 < len(text) <= KEY_LENGTH and text.isprintable()


def _id(text: str) -> str:
    if not _is_id(text):
        raise ValueError(f"an id has 1 to {KEY_LENGTH} characters, none of them a control character")
    return text


def _line(text: str) -> str:
    """One line of text; what cannot be seen in one is no part of it."""
    line = "".join(letter for letter in " ".join(text.split()) if letter >= " " and letter != "\x7f")
    if not line:
        raise ValueError("there is nothing in it")
    return line


def _names(pairs: dict[str, Any]) -> dict[str, Any]:
    if wrong := [name for name in pairs if not _NAME.fullmatch(name)]:
        raise ValueError(f"{wrong[0]!r} is no name: 1 to 64 letters, digits and _ . - are")
    return pairs


def _pair(text: str) -> str:
    name, colon, value = text.partition(":")
    if not (colon and _NAME.fullmatch(name)) or "\x00" in value:
        raise ValueError("expected name:value")
    return text


def _words(text: str) -> str:
    if len(text.split()) > _MAX_SEARCH_WORDS or not text.isprintable():
        raise ValueError(f"at most {_MAX_SEARCH_WORDS} words, without control characters")
    return text


Key = Annotated[str, AfterValidator(_id), Field(examples=["thread-1"])]
Title = Annotated[str, AfterValidator(_line), Field(max_length=200, examples=["A trip to Lisbon"])]
Value = Annotated[str, Field(max_length=512)]
Metadata = Annotated[
    dict[str, Value],
    Field(max_length=MAX_METADATA_PAIRS, examples=[{"project": "travel"}]),
    AfterValidator(_names),
]


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class _Request(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class ThreadFilterParams(PageParams):
    order: Order = Field("updated", description="`created` misses nothing while threads are written meanwhile.")
    q: Annotated[str, Field(max_length=200), AfterValidator(_words)] | None = Field(
        None, description="Words, or parts of them, that are all in the title."
    )
    metadata: Annotated[list[Annotated[str, AfterValidator(_pair)]], Field(max_length=MAX_METADATA_PAIRS)] = Field(
        [], description="`name:value`, more than once for several that all have to be so."
    )


class ThreadCreate(_Request):
    thread_id: Key | None = Field(None, description="An id of your own; without it, one is made.")
    title: Title | None = None
    metadata: Metadata = {}


class ThreadUpdate(_Request):
    """What is left out stays as it is."""

    title: Title | None = Field(None, description="`null` takes it away; another may be made then.")
    metadata: Annotated[dict[str, Value | None], Field(max_length=MAX_METADATA_PAIRS), AfterValidator(_names)] = Field(
        {}, description="Merged with what is there; `null` takes a name away."
    )


class ThreadFork(_Request):
    checkpoint_id: str = Field(min_length=1, max_length=64, examples=["1f0c52a8-8d3c-6f6e-8002-5a1f0e9b7c11"])
    thread_id: Key | None = Field(None, description="An id of your own for the new thread.")


class Thread(_Camel):
    thread_id: str = Field(examples=["thread-1"])
    title: str | None = Field(None, description="Absent until it has one.")
    title_source: TitleSource | None = Field(None, description="Who gave the title; a person's is never written over.")
    agent_id: str | None = Field(None, description="The agent that ran on it last.")
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime = Field(description="When it was last written or changed.")


class ThreadState(_Camel):
    thread_id: str
    agent_id: str | None = Field(None, description="The agent that ran on it last, and whose state this is.")
    messages: list[Message]
    state: dict[str, Any] = Field(description="The agent's state, without the messages.")
    interrupts: list[Interrupt] = Field(description="What it asks and waits for; answer with `resume`.")
    next: list[str] = Field(description="Steps that are pending.")
    checkpoint_id: str | None = None


class ThreadExport(ThreadState):
    title: str | None = None
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime


class Checkpoint(_Camel):
    checkpoint_id: str
    parent_id: str | None = Field(None, description="The one before it; absent for the first that is kept.")
    created_at: datetime
    step: int
    message_count: int
    last_message_id: str | None = None
    next: list[str] = Field(description="Steps that followed, or are pending.")
    interrupts: list[Interrupt] = Field(description="What was asked here.")


class ThreadCursor(TimeCursor):
    order: Order


class CheckpointCursor(PageCursor):
    before: Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]


_ENTRY: Mapping[str, Any] = {
    "threadId": "thread-1",
    "title": "A trip to Lisbon",
    "titleSource": "model",
    "agentId": "chat",
    "metadata": {"project": "travel"},
    "createdAt": "2026-11-20T09:30:00Z",
    "updatedAt": "2026-11-20T09:31:12.482913Z",
}
_STATE: Mapping[str, Any] = {
    "threadId": "thread-1",
    "agentId": "chat",
    "messages": [
        {"id": "m1", "role": "user", "content": "Where is Lisbon?"},
        {"id": "m2", "role": "assistant", "content": "In Portugal."},
    ],
    "state": {},
    "interrupts": [],
    "next": [],
    "checkpointId": "1f0c52a8-8d3c-6f6e-8002-5a1f0e9b7c11",
}
_EXPORT = {**_STATE, **{name: _ENTRY[name] for name in ("title", "metadata", "createdAt", "updatedAt")}}
_CHECKPOINT = {
    "checkpointId": "1f0c52a8-8d3c-6f6e-8002-5a1f0e9b7c11",
    "parentId": "1f0c52a8-8a11-6d4a-8001-0b8f1f0a5d27",
    "createdAt": "2026-11-20T09:31:12.480001Z",
    "step": 2,
    "messageCount": 2,
    "lastMessageId": "m2",
    "next": [],
    "interrupts": [],
}
_UNNAMED = ThreadCreate()
_CURSOR = "eyJvcmRlciI6InVwZGF0ZWQiLCJtb21lbnQiOiIyMDI2In0"


@router.post(
    "",
    summary="Create an empty thread",
    status_code=201,
    response_model_exclude_none=True,
    responses={
        **example_response(_ENTRY, status=201),
        **problem_responses(ThreadIdTaken, InvalidInput, StorageUnavailable),
    },
)
async def create_thread(
    caller: CallerDep, resources: ResourcesDep, body: Annotated[ThreadCreate, Body()] = _UNNAMED
) -> Thread:
    """A run makes the thread that it names by itself; this is for one that is to have a title or metadata first."""
    key = body.thread_id or str(uuid4())
    return _thread(await resources.threads.create(caller, key=key, title=body.title, metadata=body.metadata))


@router.get(
    "",
    summary="List threads, newest first",
    response_model_exclude_none=True,
    responses={
        **example_response({"items": [_ENTRY], "nextCursor": _CURSOR}),
        **problem_responses(InvalidInput, StorageUnavailable),
    },
)
async def list_threads(
    caller: CallerDep, resources: ResourcesDep, params: Annotated[ThreadFilterParams, Query()]
) -> Page[Thread]:
    order = params.order
    page_cursor = None if params.cursor is None else decode_cursor(params.cursor, ThreadCursor)
    if page_cursor is not None and page_cursor.order != order:
        raise InvalidInput.for_fields(("cursor", f"this cursor goes on in a list ordered by {page_cursor.order!r}"))
    query = ThreadFilter(
        limit=params.limit + 1,
        after=Cursor(page_cursor.moment, page_cursor.id) if page_cursor else None,
        order=order,
        words=(params.q or "").split(),
        metadata={name: value for name, _, value in (pair.partition(":") for pair in params.metadata)},
    )
    found = await resources.threads.list_threads(caller, query)

    def marked(record: ThreadRecord) -> ThreadCursor:
        moment = record.updated_at if order == "updated" else record.created_at
        return ThreadCursor(order=order, moment=moment, id=record.id)

    return build_page(found, params.limit, shown=_thread, mark=marked)


# An id may hold a slash: what follows it is looked at first.
@router.get(
    "/{thread_id:path}/state",
    summary="Get a thread's state and open interrupts",
    response_model_exclude_none=True,
    responses={**example_response(_STATE), **problem_responses(ThreadNotFound, AgentNotFound, StorageUnavailable)},
)
async def get_thread_state(thread_id: str, caller: CallerDep, resources: ResourcesDep) -> ThreadState:
    record, snapshot = await _thread_snapshot(thread_id, caller, resources)
    return ThreadState(**_thread_state(record, snapshot))


@router.get(
    "/{thread_id:path}/history",
    summary="List a thread's checkpoints, newest first",
    response_model_exclude_none=True,
    responses={
        **example_response({"items": [_CHECKPOINT], "nextCursor": _CURSOR}),
        **problem_responses(ThreadNotFound, AgentNotFound, InvalidInput, StorageUnavailable),
    },
)
async def list_checkpoints(
    thread_id: str, caller: CallerDep, resources: ResourcesDep, params: Annotated[PageParams, Query()]
) -> Page[Checkpoint]:
    before = None if params.cursor is None else decode_cursor(params.cursor, CheckpointCursor).before
    record = await _get_own_thread(thread_id, caller, resources)
    if record.agent is None:
        return Page(items=[])
    found = await resources.agents.get(record.agent).list_checkpoints(record.id, before=before, limit=params.limit + 1)
    return build_page(
        found, params.limit, shown=_checkpoint, mark=lambda checkpoint: CheckpointCursor(before=checkpoint.id)
    )


@router.get(
    "/{thread_id:path}/export",
    summary="Export a thread",
    response_model=ThreadExport,
    responses={
        200: {
            "content": {
                "application/json": {"example": _EXPORT},
                "text/markdown": {"example": "# A trip to Lisbon\n\n## User\n\nWhere is Lisbon?\n"},
            }
        },
        **problem_responses(ThreadNotFound, AgentNotFound, InvalidInput, StorageUnavailable),
    },
)
async def export_thread(
    thread_id: str,
    caller: CallerDep,
    resources: ResourcesDep,
    form: Annotated[Literal["json", "markdown"], Query(alias="format")] = "json",
) -> Response:
    record, snapshot = await _thread_snapshot(thread_id, caller, resources)
    if form == "markdown":
        text = format_markdown(record.title or _UNTITLED, to_agui(snapshot.messages))
        return _export_file(text, "text/markdown; charset=utf-8", f"{record.key}.md")
    told = ThreadExport(
        **_thread_state(record, snapshot),
        title=record.title,
        metadata=dict(record.metadata),
        created_at=record.created_at,
        updated_at=record.updated_at,
    )
    document = told.model_dump(mode="json", by_alias=True, exclude_none=True)
    return _export_file(
        json.dumps(document, ensure_ascii=False, indent=2) + "\n", "application/json", f"{record.key}.json"
    )


@router.post(
    "/{thread_id:path}/fork",
    summary="Fork a thread at a checkpoint",
    status_code=201,
    response_model_exclude_none=True,
    responses={
        **example_response({**_ENTRY, "threadId": "thread-2"}, status=201),
        **problem_responses(ThreadNotFound, CheckpointNotFound, ThreadIdTaken, InvalidInput, StorageUnavailable),
    },
)
async def fork_thread(thread_id: str, body: ThreadFork, caller: CallerDep, resources: ResourcesDep) -> Thread:
    """The new thread holds what led to the checkpoint, under the same ids of messages; the old one stays as it is."""
    to = body.thread_id or str(uuid4())
    key = _check_thread_id(thread_id)
    return _thread(await resources.threads.fork(caller, key, checkpoint=body.checkpoint_id, to=to))


@router.get(
    "/{thread_id:path}",
    summary="Get a thread",
    response_model_exclude_none=True,
    responses={**example_response(_ENTRY), **problem_responses(ThreadNotFound, StorageUnavailable)},
)
async def get_thread(thread_id: str, caller: CallerDep, resources: ResourcesDep) -> Thread:
    return _thread(await _get_own_thread(thread_id, caller, resources))


@router.patch(
    "/{thread_id:path}",
    summary="Update a thread's title or metadata",
    response_model_exclude_none=True,
    responses={
        **example_response({**_ENTRY, "titleSource": "user"}),
        **problem_responses(ThreadNotFound, InvalidInput, StorageUnavailable),
    },
)
async def update_thread(thread_id: str, body: ThreadUpdate, caller: CallerDep, resources: ResourcesDep) -> Thread:
    change = ThreadChange(
        retitled="title" in body.model_fields_set,
        title=body.title,
        metadata=body.metadata or None,
    )
    try:
        return _thread(await resources.threads.update(caller, _check_thread_id(thread_id), change))
    except TooMuchMetadata:
        raise InvalidInput.for_fields(("metadata", f"a thread has at most {MAX_METADATA_PAIRS} names")) from None


@router.delete(
    "/{thread_id:path}",
    summary="Delete a thread and all of its data",
    description="Runs, state, artifacts, spans, reviews and feedback go with it, and their scores at Langfuse; usage "
    "stays. The spans that a collector or Langfuse was sent stay there.",
    status_code=204,
    responses=problem_responses(ThreadNotFound, ThreadBusyProblem, StorageUnavailable),
)
async def delete_thread(thread_id: str, caller: CallerDep, resources: ResourcesDep) -> None:
    runs = await resources.threads.delete(caller, _check_thread_id(thread_id))
    resources.span_writer.forget(caller, thread_id)
    await resources.run_service.forget(runs)


def _check_thread_id(thread_id: str) -> str:
    if not _is_id(thread_id):
        raise UnknownThread(f"Unknown thread {thread_id!r}")
    return thread_id


async def _get_own_thread(thread_id: str, caller: Caller, resources: Resources) -> ThreadRecord:
    return await resources.threads.get(caller, _check_thread_id(thread_id))


async def _thread_snapshot(thread_id: str, caller: Caller, resources: Resources) -> tuple[ThreadRecord, ThreadSnapshot]:
    record = await _get_own_thread(thread_id, caller, resources)
    if record.agent is None:
        return record, ThreadSnapshot()
    return record, await resources.agents.get(record.agent).snapshot(record.id)


def _thread(record: ThreadRecord) -> Thread:
    return Thread(
        thread_id=record.key,
        title=record.title,
        title_source=record.title_source,
        agent_id=record.agent,
        metadata=dict(record.metadata),
        created_at=record.created_at,
        updated_at=record.updated_at,
    )


def _thread_state(record: ThreadRecord, snapshot: ThreadSnapshot) -> dict[str, Any]:
    return {
        "thread_id": record.key,
        "agent_id": record.agent,
        "messages": to_agui(snapshot.messages),
        "state": dict(snapshot.state),
        "interrupts": list(map(to_agui_interrupt, snapshot.interrupts)),
        "next": list(snapshot.next_nodes),
        "checkpoint_id": snapshot.checkpoint_id,
    }


def _checkpoint(checkpoint: CheckpointSummary) -> Checkpoint:
    return Checkpoint(
        checkpoint_id=checkpoint.id,
        parent_id=checkpoint.parent_id,
        created_at=datetime.fromisoformat(checkpoint.created_at),
        step=checkpoint.step,
        message_count=len(checkpoint.message_ids),
        last_message_id=checkpoint.message_ids[-1] if checkpoint.message_ids else None,
        next=list(checkpoint.next_nodes),
        interrupts=list(map(to_agui_interrupt, checkpoint.interrupts)),
    )


def _export_file(text: str, kind: str, name: str) -> Response:
    return Response(text, media_type=kind, headers={"Content-Disposition": attachment(name)})
