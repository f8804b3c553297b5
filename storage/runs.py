from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.caller import Caller
from storage.database import Database
from storage.tables import runs, threads

Outcome = Literal["success", "interrupt", "cancelled", "error"]


class ThreadBusy(Exception):
    """Another run is writing this thread."""


class ThreadWaits(Exception):
    """Another agent has asked a person something on this thread, and has no answer yet."""

    def __init__(self, agent: str) -> None:
        super().__init__(f"The thread waits for an answer to {agent!r}")
        self.agent = agent


class RunExists(Exception):
    """This caller has used this run id before."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run that was opened. `id` and `thread` are internal; the client's own ids are not needed past this point."""

    id: str
    thread: str


class Runs:
    """The rows of runs. `owner` names the process that drives a run; its heartbeat keeps the run its own."""

    def __init__(self, database: Database, *, owner: str, lease: float) -> None:
        self._database = database
        self._owner = owner
        self._lease = timedelta(seconds=lease)

    async def open(self, caller: Caller, *, thread: str, run: str, agent: str, model: str | None) -> RunRecord:
        """Takes the thread for one run. Raises `RunExists`, `ThreadBusy` or `ThreadWaits`.

        A thread that nobody has used yet is made. `thread` and `run` are the client's ids: another caller's thread
        of the same name is another thread.
        """
        now = datetime.now(UTC)
        try:
            async with self._database.writing() as connection:
                if await _run_id(connection, caller, run):
                    raise RunExists
                thread_id = await _thread_id(connection, caller, thread, now)
                await self._end_lost(connection, thread_id, now)
                if (asking := await _asking(connection, thread_id)) not in {None, agent}:
                    raise ThreadWaits(str(asking))
                run_id = uuid4().hex
                await connection.execute(
                    insert(runs).values(
                        id=run_id,
                        tenant_id=caller.tenant,
                        user_id=caller.user,
                        key=run,
                        thread_id=thread_id,
                        agent_id=agent,
                        model=model,
                        status="running",
                        owner=self._owner,
                        attempt=1,
                        beat_at=now,
                        created_at=now,
                    )
                )
        except IntegrityError as error:
            # The one index says no: another run has the thread, or two requests with new ids raced.
            raise ThreadBusy from error
        return RunRecord(run_id, thread_id)

    async def _end_lost(self, connection: AsyncConnection, thread_id: str, now: datetime) -> None:
        """A run whose process has died does not hold its thread for ever."""
        await connection.execute(
            update(runs)
            .where(runs.c.thread_id == thread_id, runs.c.status == "running", runs.c.beat_at < now - self._lease)
            .values(status="error", error_code="interrupted", ended_at=now)
        )

    async def end(
        self,
        caller: Caller,
        run: RunRecord,
        outcome: Outcome,
        *,
        error_code: str | None = None,
        usage: Sequence[Mapping[str, Any]] = (),
        model: str | None = None,
    ) -> None:
        """`model` is the one that answered, where that is known by now."""
        answered = {"model": model} if model else {}
        async with self._database.writing() as connection:
            await connection.execute(
                update(runs)
                .where(
                    runs.c.id == run.id,
                    runs.c.tenant_id == caller.tenant,
                    runs.c.user_id == caller.user,
                    runs.c.owner == self._owner,
                    runs.c.status == "running",
                )
                .values(
                    status=outcome, error_code=error_code, usage=list(usage), ended_at=datetime.now(UTC), **answered
                )
            )

    async def beat(self, ids: Sequence[str]) -> None:
        """Says that these runs of this process are still driven."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(runs)
                .where(runs.c.id.in_(ids), runs.c.owner == self._owner, runs.c.status == "running")
                .values(beat_at=datetime.now(UTC))
            )

    async def end_lost(self) -> int:
        """Ends every run of other processes that no longer beat; their number."""
        now = datetime.now(UTC)
        async with self._database.writing() as connection:
            ended = await connection.execute(
                update(runs)
                .where(runs.c.status == "running", runs.c.owner != self._owner, runs.c.beat_at < now - self._lease)
                .values(status="error", error_code="interrupted", ended_at=now)
            )
        return ended.rowcount


async def _run_id(connection: AsyncConnection, caller: Caller, key: str) -> str | None:
    return await connection.scalar(
        select(runs.c.id).where(runs.c.tenant_id == caller.tenant, runs.c.user_id == caller.user, runs.c.key == key)
    )


async def _asking(connection: AsyncConnection, thread_id: str) -> str | None:
    """The agent whose question the thread waits for an answer to, if it does."""
    # A run that failed or was stopped has neither asked nor answered.
    spoke = runs.c.status.in_(("success", "interrupt"))
    newest = select(runs.c.agent_id, runs.c.status).where(runs.c.thread_id == thread_id, spoke)
    row = (await connection.execute(newest.order_by(runs.c.created_at.desc()).limit(1))).one_or_none()
    return str(row.agent_id) if row is not None and row.status == "interrupt" else None


async def _thread_id(connection: AsyncConnection, caller: Caller, key: str, now: datetime) -> str:
    mine = (threads.c.tenant_id == caller.tenant, threads.c.user_id == caller.user, threads.c.key == key)
    touched = await connection.execute(update(threads).where(*mine).values(updated_at=now).returning(threads.c.id))
    known: str | None = touched.scalar()
    if known is not None:
        return known
    thread_id = uuid4().hex
    await connection.execute(
        insert(threads).values(
            id=thread_id, tenant_id=caller.tenant, user_id=caller.user, key=key, created_at=now, updated_at=now
        )
    )
    return thread_id
