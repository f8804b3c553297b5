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

from agents.facts import Committed, Standing
from backend.api.examples import answers, shown
from backend.api.files import attachment
from backend.api.paging import Mark, Page, Part, PlaceMark, paged, read
from backend.api.transcript import markdown
from backend.dependencies import Has, Who
from backend.errors import (
    AgentNotFound,
    Busy,
    CheckpointNotFound,
    InvalidInput,
    StorageGone,
    ThreadIdTaken,
    ThreadNotFound,
)
from backend.resources import Resources
from backend.runs.messages import to_agui
from backend.runs.translate import interrupt
from storage.caller import Caller
from storage.place import Place
from storage.tables import KEY_LENGTH
from storage.threads import (
    MOST_PAIRS,
    Author,
    Change,
    Order,
    ThreadRecord,
    TooManyPairs,
    UnknownThread,
    Wanted,
)

router = APIRouter(prefix="/api/v1/threads", tags=["threads"])

_MOST_WORDS = 10
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
    if len(text.split()) > _MOST_WORDS or not text.isprintable():
        raise ValueError(f"at most {_MOST_WORDS} words, without control characters")
    return text


Key = Annotated[str, AfterValidator(_id), Field(examples=["thread-1"])]
Title = Annotated[str, AfterValidator(_line), Field(max_length=200, examples=["A trip to Lisbon"])]
Value = Annotated[str, Field(max_length=512)]
Metadata = Annotated[
    dict[str, Value],
    Field(max_length=MOST_PAIRS, examples=[{"project": "travel"}]),
    AfterValidator(_names),
]


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class _Asked(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class ThreadsWanted(Part):
    order: Order = Field("updated", description="`created` misses nothing while threads are written meanwhile.")
    q: Annotated[str, Field(max_length=200), AfterValidator(_words)] | None = Field(
        None, description="Words, or parts of them, that are all in the title."
    )
    metadata: Annotated[list[Annotated[str, AfterValidator(_pair)]], Field(max_length=MOST_PAIRS)] = Field(
        [], description="`name:value`, more than once for several that all have to be so."
    )


class NewThread(_Asked):
    thread_id: Key | None = Field(None, description="An id of your own; without it, one is made.")
    title: Title | None = None
    metadata: Metadata = {}


class ThreadChange(_Asked):
    """What is left out stays as it is."""

    title: Title | None = Field(None, description="`null` takes it away; another may be made then.")
    metadata: Annotated[dict[str, Value | None], Field(max_length=MOST_PAIRS), AfterValidator(_names)] = Field(
        {}, description="Merged with what is there; `null` takes a name away."
    )


class NewFork(_Asked):
    checkpoint_id: str = Field(min_length=1, max_length=64, examples=["1f0c52a8-8d3c-6f6e-8002-5a1f0e9b7c11"])
    thread_id: Key | None = Field(None, description="An id of your own for the new thread.")


class ThreadEntry(_Camel):
    thread_id: str = Field(examples=["thread-1"])
    title: str | None = Field(None, description="Absent until it has one.")
    title_by: Author | None = Field(None, description="Who gave the title; a person's is never written over.")
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


class CheckpointEntry(_Camel):
    checkpoint_id: str
    parent_id: str | None = Field(None, description="The one before it; absent for the first that is kept.")
    created_at: datetime
    step: int
    message_count: int
    last_message_id: str | None = None
    next: list[str] = Field(description="Steps that followed, or are pending.")
    interrupts: list[Interrupt] = Field(description="What was asked here.")


class ThreadMark(PlaceMark):
    order: Order


class CheckpointMark(Mark):
    before: Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]


_ENTRY: Mapping[str, Any] = {
    "threadId": "thread-1",
    "title": "A trip to Lisbon",
    "titleBy": "model",
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
_UNNAMED = NewThread()
_CURSOR = "eyJvcmRlciI6InVwZGF0ZWQiLCJtb21lbnQiOiIyMDI2In0"


@router.post(
    "",
    summary="Make a thread before anything is said on it",
    status_code=201,
    response_model_exclude_none=True,
    responses={**shown(_ENTRY, status=201), **answers(ThreadIdTaken, InvalidInput, StorageGone)},
)
async def create_thread(who: Who, has: Has, asked: Annotated[NewThread, Body()] = _UNNAMED) -> ThreadEntry:
    """A run makes the thread that it names by itself; this is for one that is to have a title or metadata first."""
    key = asked.thread_id or str(uuid4())
    return _entry(await has.threads.create(who, key=key, title=asked.title, metadata=asked.metadata))


@router.get(
    "",
    summary="Your threads, newest first",
    response_model_exclude_none=True,
    responses={
        **shown({"items": [_ENTRY], "nextCursor": _CURSOR}),
        **answers(InvalidInput, StorageGone),
    },
)
async def list_threads(who: Who, has: Has, asked: Annotated[ThreadsWanted, Query()]) -> Page[ThreadEntry]:
    order = asked.order
    mark = None if asked.cursor is None else read(asked.cursor, ThreadMark)
    if mark is not None and mark.order != order:
        raise InvalidInput.naming(("cursor", f"this cursor goes on in a list ordered by {mark.order!r}"))
    wanted = Wanted(
        limit=asked.limit + 1,
        after=Place(mark.moment, mark.id) if mark else None,
        order=order,
        words=(asked.q or "").split(),
        metadata={name: value for name, _, value in (pair.partition(":") for pair in asked.metadata)},
    )
    found = await has.threads.listed(who, wanted)

    def marked(record: ThreadRecord) -> ThreadMark:
        moment = record.updated_at if order == "updated" else record.created_at
        return ThreadMark(order=order, moment=moment, id=record.id)

    return paged(found, asked.limit, shown=_entry, mark=marked)


# An id may hold a slash: what follows it is looked at first.
@router.get(
    "/{thread_id:path}/state",
    summary="What a thread holds now, and what it waits for",
    response_model_exclude_none=True,
    responses={**shown(_STATE), **answers(ThreadNotFound, AgentNotFound, StorageGone)},
)
async def show_state(thread_id: str, who: Who, has: Has) -> ThreadState:
    record, standing = await _standing(thread_id, who, has)
    return ThreadState(**_told(record, standing))


@router.get(
    "/{thread_id:path}/history",
    summary="A thread's checkpoints, newest first",
    response_model_exclude_none=True,
    responses={
        **shown({"items": [_CHECKPOINT], "nextCursor": _CURSOR}),
        **answers(ThreadNotFound, AgentNotFound, InvalidInput, StorageGone),
    },
)
async def show_history(thread_id: str, who: Who, has: Has, asked: Annotated[Part, Query()]) -> Page[CheckpointEntry]:
    before = None if asked.cursor is None else read(asked.cursor, CheckpointMark).before
    record = await _found(thread_id, who, has)
    if record.agent is None:
        return Page(items=[])
    found = await has.agents.get(record.agent).history(record.id, before=before, limit=asked.limit + 1)
    return paged(found, asked.limit, shown=_checkpoint, mark=lambda committed: CheckpointMark(before=committed.id))


@router.get(
    "/{thread_id:path}/export",
    summary="A whole thread as a file",
    response_model=ThreadExport,
    responses={
        200: {
            "content": {
                "application/json": {"example": _EXPORT},
                "text/markdown": {"example": "# A trip to Lisbon\n\n## User\n\nWhere is Lisbon?\n"},
            }
        },
        **answers(ThreadNotFound, AgentNotFound, InvalidInput, StorageGone),
    },
)
async def export_thread(
    thread_id: str, who: Who, has: Has, form: Annotated[Literal["json", "markdown"], Query(alias="format")] = "json"
) -> Response:
    record, standing = await _standing(thread_id, who, has)
    if form == "markdown":
        text = markdown(record.title or _UNTITLED, to_agui(standing.messages))
        return _file(text, "text/markdown; charset=utf-8", f"{record.key}.md")
    told = ThreadExport(
        **_told(record, standing),
        title=record.title,
        metadata=dict(record.metadata),
        created_at=record.created_at,
        updated_at=record.updated_at,
    )
    document = told.model_dump(mode="json", by_alias=True, exclude_none=True)
    return _file(json.dumps(document, ensure_ascii=False, indent=2) + "\n", "application/json", f"{record.key}.json")


@router.post(
    "/{thread_id:path}/fork",
    summary="Go on from a checkpoint in a new thread",
    status_code=201,
    response_model_exclude_none=True,
    responses={
        **shown({**_ENTRY, "threadId": "thread-2"}, status=201),
        **answers(ThreadNotFound, CheckpointNotFound, ThreadIdTaken, InvalidInput, StorageGone),
    },
)
async def fork_thread(thread_id: str, asked: NewFork, who: Who, has: Has) -> ThreadEntry:
    """The new thread holds what led to the checkpoint, under the same ids of messages; the old one stays as it is."""
    to = asked.thread_id or str(uuid4())
    key = _addressed(thread_id)
    return _entry(await has.threads.fork(who, key, checkpoint=asked.checkpoint_id, to=to))


@router.get(
    "/{thread_id:path}",
    summary="One thread",
    response_model_exclude_none=True,
    responses={**shown(_ENTRY), **answers(ThreadNotFound, StorageGone)},
)
async def show_thread(thread_id: str, who: Who, has: Has) -> ThreadEntry:
    return _entry(await _found(thread_id, who, has))


@router.patch(
    "/{thread_id:path}",
    summary="Give a thread another title or other metadata",
    response_model_exclude_none=True,
    responses={**shown({**_ENTRY, "titleBy": "person"}), **answers(ThreadNotFound, InvalidInput, StorageGone)},
)
async def change_thread(thread_id: str, asked: ThreadChange, who: Who, has: Has) -> ThreadEntry:
    change = Change(
        retitled="title" in asked.model_fields_set,
        title=asked.title,
        metadata=asked.metadata or None,
    )
    try:
        return _entry(await has.threads.change(who, _addressed(thread_id), change))
    except TooManyPairs:
        raise InvalidInput.naming(("metadata", f"a thread has at most {MOST_PAIRS} names")) from None


@router.delete(
    "/{thread_id:path}",
    summary="Delete a thread and everything that is kept of it",
    description="Runs, state, artifacts, spans, reviews and feedback go with it, and their scores at Langfuse; usage "
    "stays. The spans that a collector or Langfuse was sent stay there.",
    status_code=204,
    responses=answers(ThreadNotFound, Busy, StorageGone),
)
async def delete_thread(thread_id: str, who: Who, has: Has) -> None:
    runs = await has.threads.delete(who, _addressed(thread_id))
    has.keeper.forget(who, thread_id)
    await has.live.forget(runs)


def _addressed(thread_id: str) -> str:
    if not _is_id(thread_id):
        raise UnknownThread(f"Unknown thread {thread_id!r}")
    return thread_id


async def _found(thread_id: str, who: Caller, has: Resources) -> ThreadRecord:
    return await has.threads.get(who, _addressed(thread_id))


async def _standing(thread_id: str, who: Caller, has: Resources) -> tuple[ThreadRecord, Standing]:
    record = await _found(thread_id, who, has)
    if record.agent is None:
        return record, Standing()
    return record, await has.agents.get(record.agent).standing(record.id)


def _entry(record: ThreadRecord) -> ThreadEntry:
    return ThreadEntry(
        thread_id=record.key,
        title=record.title,
        title_by=record.title_by,
        agent_id=record.agent,
        metadata=dict(record.metadata),
        created_at=record.created_at,
        updated_at=record.updated_at,
    )


def _told(record: ThreadRecord, standing: Standing) -> dict[str, Any]:
    return {
        "thread_id": record.key,
        "agent_id": record.agent,
        "messages": to_agui(standing.messages),
        "state": dict(standing.state),
        "interrupts": list(map(interrupt, standing.questions)),
        "next": list(standing.waiting),
        "checkpoint_id": standing.checkpoint,
    }


def _checkpoint(committed: Committed) -> CheckpointEntry:
    return CheckpointEntry(
        checkpoint_id=committed.id,
        parent_id=committed.parent,
        created_at=datetime.fromisoformat(committed.made_at),
        step=committed.step,
        message_count=len(committed.messages),
        last_message_id=committed.messages[-1] if committed.messages else None,
        next=list(committed.waiting),
        interrupts=list(map(interrupt, committed.questions)),
    )


def _file(text: str, kind: str, name: str) -> Response:
    return Response(text, media_type=kind, headers={"Content-Disposition": attachment(name)})
