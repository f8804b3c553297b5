"""What agents know of a person: how to write for them, and what is so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, literal, select, tuple_, update

from storage.caller import Caller
from storage.cursor import Cursor
from storage.database import Database
from storage.tables import Moment, memories

Kind = Literal["style", "fact"]

# Characters of one, and how many a person has: all of them go into prompts.
MAX_LENGTH = 2000
MAX_MEMORIES = 200


class UnknownMemory(LookupError):
    """This caller has no such memory; whether another has one is not said."""


class InvalidMemory(ValueError):
    """Nothing, or more than `LONGEST` characters, or no text."""


class TooManyMemories(ValueError):
    """The caller has `MOST_MEMORIES`."""


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """`source` is the client's id of the run that it was learnt in."""

    id: str
    kind: Kind
    text: str
    run_id: str | None
    created_at: datetime
    updated_at: datetime


class Memories:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, caller: Caller, kind: Kind, text: str, *, run_id: str | None = None) -> MemoryRecord:
        """Raises `NoMemory` or `TooManyMemories`; of those who race for the last place, each may get one."""
        now = datetime.now(UTC)
        record = MemoryRecord(uuid4().hex, kind, _check_text(text), run_id, now, now)
        async with self._database.write() as connection:
            held = await connection.scalar(select(func.count()).select_from(memories).where(_of(caller)))
            if (held or 0) >= MAX_MEMORIES:
                raise TooManyMemories(f"There are {MAX_MEMORIES} memories, and no room for more")
            await connection.execute(
                insert(memories).values(
                    id=record.id,
                    tenant_id=caller.tenant,
                    user_id=caller.user,
                    kind=kind,
                    text=text,
                    client_run_id=run_id,
                    created_at=now,
                    updated_at=now,
                )
            )
        return record

    async def list_memories(self, caller: Caller, limit: int, after: Cursor | None = None) -> Sequence[MemoryRecord]:
        """Newest first."""
        wanted = select(memories).where(_of(caller))
        if after is not None:
            last = tuple_(literal(after.time, Moment), literal(after.id))
            wanted = wanted.where(tuple_(memories.c.created_at, memories.c.id) < last)
        wanted = wanted.order_by(memories.c.created_at.desc(), memories.c.id.desc()).limit(limit)
        async with self._database.read() as connection:
            return [_record(row) for row in (await connection.execute(wanted)).all()]

    async def recall(self, caller: Caller, *, limit: int = MAX_MEMORIES) -> Sequence[MemoryRecord]:
        """For a prompt: the newest ones, told in the order in which they came."""
        return (await self.list_memories(caller, limit))[::-1]

    async def update(self, caller: Caller, memory: str, *, kind: Kind, text: str) -> MemoryRecord:
        """Raises `UnknownMemory` or `NoMemory`."""
        values = {"kind": kind, "text": _check_text(text), "updated_at": datetime.now(UTC)}
        changed = update(memories).where(_mine(caller, memory)).values(**values).returning(memories)
        async with self._database.write() as connection:
            row = (await connection.execute(changed)).one_or_none()
        if row is None:
            raise _unknown(memory)
        return _record(row)

    async def delete(self, caller: Caller, memory: str) -> None:
        """Raises `UnknownMemory`."""
        async with self._database.write() as connection:
            gone = await connection.execute(delete(memories).where(_mine(caller, memory)))
        if gone.rowcount == 0:
            raise _unknown(memory)


def _check_text(text: str) -> str:
    if not text.strip() or len(text) > MAX_LENGTH:
        raise InvalidMemory(f"A memory has 1 to {MAX_LENGTH} characters")
    # PostgreSQL keeps no NUL, and half of a surrogate pair is no character.
    if "\0" in text or any("\ud800" <= each <= "\udfff" for each in text):
        raise InvalidMemory("A memory is text")
    return text


def _of(caller: Caller) -> ColumnElement[bool]:
    return and_(memories.c.tenant_id == caller.tenant, memories.c.user_id == caller.user)


def _mine(caller: Caller, memory: str) -> ColumnElement[bool]:
    return and_(_of(caller), memories.c.id == memory)


def _unknown(memory: str) -> UnknownMemory:
    return UnknownMemory(f"Unknown memory {memory!r}")


def _record(row: Row[Any]) -> MemoryRecord:
    return MemoryRecord(row.id, row.kind, row.text, row.client_run_id, row.created_at, row.updated_at)
