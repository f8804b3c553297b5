from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, Select, and_, case, delete, func, insert, not_, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.caller import Caller
from storage.clock import DatabaseTime
from storage.database import Database
from storage.tables import KEY_LENGTH, run_messages, runs, threads

Outcome = Literal["success", "interrupt", "cancelled", "error"]
Status = Literal["queued", "running", "success", "interrupt", "cancelled", "error"]


class ThreadBusy(Exception):
    """Another run is writing this thread."""


class ThreadInterrupted(Exception):
    """Another agent has asked a person something on this thread, and has no answer yet."""

    def __init__(self, agent: str) -> None:
        super().__init__(f"The thread waits for an answer to {agent!r}")
        self.agent = agent


class RunExists(Exception):
    """This caller has used this run id before."""

    def __init__(self, row: "RunRow") -> None:
        super().__init__(f"The run {row.client_run_id!r} is there already")
        self.row = row


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run that was opened. `id` and `thread` are internal; the client's own ids are not needed past this point."""

    id: str
    thread: str


@dataclass(frozen=True, slots=True)
class LostRun:
    """A run whose process is gone, and which is now this one's. `asked` is what it was opened with.

    `cancel_requested`: somebody wants it to end.
    """

    row: "RunRow"
    caller: Caller
    attempt: int
    request_json: Mapping[str, Any]
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as it stands. `id` and `thread_id` are internal; `key` and `thread` are the client's."""

    id: str
    client_run_id: str
    thread: str
    thread_id: str
    agent: str
    model: str | None
    status: Status
    error_code: str | None
    usage: Sequence[Mapping[str, Any]]
    request: str | None
    idempotency_request: str | None
    owner: str
    created_at: datetime
    ended_at: datetime | None

    @property
    def is_active(self) -> bool:
        return self.status in {"queued", "running"}


@dataclass(frozen=True, slots=True)
class Idempotency:
    """What a service calls a request by, so that it may be sent again, and the request's digest."""

    key: str
    request: str


class UnknownMessage(LookupError):
    """No run of this caller has answered with such a message."""


class DuplicateRequest(Exception):
    """A request with this idempotency key has been made before."""

    def __init__(self, row: RunRow) -> None:
        super().__init__(f"The run {row.client_run_id!r} was asked for by this key")
        self.row = row


class Runs:
    """The rows of runs. `owner` names the process that drives a run; its heartbeat keeps the run its own.

    `lease` is in seconds, and runs by the database's clock. Heartbeats go over `heartbeats`: a pool that is busy with
    something else must not cost a process its runs.
    """

    def __init__(self, database: Database, *, owner: str, lease: float, heartbeats: Database | None = None) -> None:
        self._database = database
        self._heartbeats = heartbeats or database
        self._owner = owner
        self._lease = lease

    async def open(
        self,
        caller: Caller,
        *,
        thread: str,
        run: str,
        agent: str,
        model: str | None,
        request: str | None = None,
        idempotency: Idempotency | None = None,
        request_json: Mapping[str, Any] | None = None,
        queued: bool = False,
        run_id: str | None = None,
    ) -> RunRecord:
        """Takes the thread for one run, or a place in its queue. `run_id` is the internal id, if it is known already.

        Raises `RunExists`, `RequestKnown`, `ThreadBusy` or `ThreadWaits`.

        A thread that nobody has used yet is made. `thread` and `run` are the client's ids: another caller's thread
        of the same name is another thread.
        """
        now, run_id = DatabaseTime(), run_id or uuid4().hex
        try:
            async with self._database.write() as connection:
                if (
                    idempotency
                    and (same := await _find_run(connection, caller, _idempotency_columns(idempotency))) is not None
                ):
                    raise DuplicateRequest(same)
                if (known := await _find_run(connection, caller, runs.c.client_run_id == run)) is not None:
                    raise RunExists(known)
                thread_id = await _thread_id(connection, caller, thread, now)
                if (asking := await _waiting_agent(connection, thread_id)) not in {None, agent}:
                    raise ThreadInterrupted(str(asking))
                if not queued and await _is_queued_for(connection, thread_id):
                    raise ThreadBusy
                await connection.execute(
                    insert(runs).values(
                        id=run_id,
                        tenant_id=caller.tenant,
                        user_id=caller.user,
                        client_run_id=run,
                        thread_id=thread_id,
                        agent_id=agent,
                        model=model,
                        status="queued" if queued else "running",
                        owner=self._owner,
                        attempt=1,
                        heartbeat_at=now,
                        created_at=now,
                        request_digest=request,
                        request_json=request_json,
                        idempotency_key=idempotency.key if idempotency else None,
                        idempotency_digest=idempotency.request if idempotency else None,
                    )
                )
        except IntegrityError as error:
            # Another run has the thread, or this very request raced with itself.
            await self._raise_known(caller, run, idempotency)
            raise ThreadBusy from error
        return RunRecord(run_id, thread_id)

    async def _raise_known(self, caller: Caller, run: str, idempotency: Idempotency | None) -> None:
        async with self._database.read() as connection:
            if (
                idempotency
                and (same := await _find_run(connection, caller, _idempotency_columns(idempotency))) is not None
            ):
                raise DuplicateRequest(same)
            if (known := await _find_run(connection, caller, runs.c.client_run_id == run)) is not None:
                raise RunExists(known)

    async def withdraw(self, run: RunRecord) -> None:
        """As if it had never been opened."""
        async with self._database.write() as connection:
            await connection.execute(delete(runs).where(runs.c.id == run.id, runs.c.owner == self._owner))

    async def is_first(self, row: RunRow) -> bool:
        """Whether no run of its thread was before it."""
        async with self._database.read() as connection:
            earlier = select(runs.c.id).where(runs.c.thread_id == row.thread_id, runs.c.created_at < row.created_at)
            return (await connection.execute(earlier.limit(1))).first() is None

    async def count_queued(self, caller: Caller, thread: str) -> int:
        """How many wait for this thread."""
        waiting = (
            select(func.count())
            .select_from(runs.join(threads, threads.c.id == runs.c.thread_id))
            .where(
                threads.c.tenant_id == caller.tenant,
                threads.c.user_id == caller.user,
                threads.c.client_thread_id == thread,
                runs.c.status == "queued",
            )
        )
        async with self._database.read() as connection:
            return int((await connection.execute(waiting)).scalar_one())

    async def begin(self, run: RunRecord) -> bool:
        """Takes the thread for a run that is queued, once it is the first in its queue.

        One that is before it and whose process is gone is not passed over: it is recovered or ended first.
        """
        mine = select(runs.c.created_at).where(runs.c.id == run.id).scalar_subquery()
        earlier = select(runs.c.id).where(
            runs.c.thread_id == run.thread,
            or_(
                runs.c.status == "running",
                and_(
                    runs.c.status == "queued",
                    or_(runs.c.created_at < mine, and_(runs.c.created_at == mine, runs.c.id < run.id)),
                ),
            ),
        )
        async with self._database.read() as connection:
            # Most of the time it is somebody else's turn, and to see that nothing has to be locked.
            if (await connection.execute(earlier.limit(1))).first() is not None:
                return False
        try:
            async with self._database.write() as connection:
                if (await connection.execute(earlier.limit(1))).first() is not None:
                    return False
                taken = await connection.execute(
                    update(runs)
                    .where(runs.c.id == run.id, runs.c.status == "queued", runs.c.owner == self._owner)
                    .values(status="running")
                )
        except IntegrityError:
            return False
        return taken.rowcount == 1

    async def find(self, caller: Caller, key: str) -> RunRow | None:
        async with self._database.read() as connection:
            return await _find_run(connection, caller, runs.c.client_run_id == key)

    async def find_by_message(self, caller: Caller, message: str, run: str | None = None) -> RunRow:
        """The newest run that has ended and answered with a message; the run `run` alone, by the client's id of it.

        Raises `UnknownMessage`.
        """
        unknown = UnknownMessage(f"No run of yours that has ended answered with the message {message!r}")
        # PostgreSQL takes no NUL, not even to look for one.
        if not message.isprintable() or not (run or "").isprintable():
            raise unknown
        owned = and_(run_messages.c.tenant_id == caller.tenant, run_messages.c.user_id == caller.user)
        answered = runs.c.id.in_(select(run_messages.c.run_id).where(owned, run_messages.c.message_id == message))
        async with self._database.read() as connection:
            found = await _find_run(
                connection, caller, answered if run is None else and_(answered, runs.c.client_run_id == run)
            )
        if found is None:
            raise unknown
        return found

    async def active_run(self, caller: Caller, thread: str) -> RunRow | None:
        """The run that has this thread now."""
        async with self._database.read() as connection:
            return await _find_run(
                connection, caller, and_(threads.c.client_thread_id == thread, runs.c.status == "running")
            )

    async def newest_run(self, caller: Caller, thread: str) -> RunRow | None:
        async with self._database.read() as connection:
            return await _find_run(connection, caller, threads.c.client_thread_id == thread)

    async def request_cancel(self, run: RunRow) -> None:
        """Leaves word for the process that drives it."""
        async with self._database.write() as connection:
            await connection.execute(
                update(runs).where(runs.c.id == run.id, runs.c.status.in_(_ACTIVE)).values(cancel_requested=True)
            )

    async def cancel_requested(self, ids: Sequence[str]) -> Sequence[str]:
        async with self._database.read() as connection:
            found = await connection.execute(select(runs.c.id).where(runs.c.id.in_(ids), runs.c.cancel_requested))
            return [str(row.id) for row in found]

    async def end_expired(self, run: str) -> bool:
        """Ends a run, by its internal id, whose process is gone; `False` where its lease holds or it has ended."""
        async with self._database.write() as connection:
            ended = await connection.execute(
                update(runs)
                .where(runs.c.id == run, runs.c.owner != self._owner, self._expired())
                .values(status="error", error_code="run_lost", ended_at=DatabaseTime())
            )
            return ended.rowcount == 1

    def _expired(self) -> ColumnElement[bool]:
        return and_(runs.c.status.in_(_ACTIVE), runs.c.heartbeat_at < DatabaseTime(-self._lease))

    async def end(
        self,
        caller: Caller,
        run: RunRecord,
        outcome: Outcome,
        *,
        error_code: str | None = None,
        usage: Sequence[Mapping[str, Any]] = (),
        model: str | None = None,
        messages: Collection[str] = (),
    ) -> None:
        """`model` is the one that answered, where that is known by now; `messages` are the ids of its answers."""
        answered = {"model": model} if model else {}
        async with self._database.write() as connection:
            ended = await connection.execute(
                update(runs)
                .where(
                    runs.c.id == run.id,
                    runs.c.tenant_id == caller.tenant,
                    runs.c.user_id == caller.user,
                    runs.c.owner == self._owner,
                    runs.c.status.in_(_ACTIVE),
                )
                .values(status=outcome, error_code=error_code, usage=list(usage), ended_at=DatabaseTime(), **answered)
            )
            # A graph may give its messages ids of any kind; nobody can ask for such a one.
            found = {each for each in messages if 0 < len(each) <= KEY_LENGTH and each.isprintable()}
            if found and ended.rowcount:
                owner = {"tenant_id": caller.tenant, "user_id": caller.user, "run_id": run.id}
                await connection.execute(
                    insert(run_messages), [{**owner, "message_id": each} for each in sorted(found)]
                )

    async def heartbeat(self, ids: Sequence[str]) -> Sequence[str]:
        """Says that these runs of this process are still driven; those that are still its own."""
        async with self._heartbeats.write() as connection:
            kept = await connection.execute(
                update(runs)
                .where(runs.c.id.in_(ids), runs.c.owner == self._owner, runs.c.status.in_(_ACTIVE))
                .values(heartbeat_at=DatabaseTime())
                .returning(runs.c.id)
            )
            return [str(row.id) for row in kept]

    async def release(self, ids: Sequence[str]) -> None:
        """Leaves runs of this process to whoever looks next, as if nobody had tried them here."""
        async with self._database.write() as connection:
            await connection.execute(
                update(runs)
                .where(runs.c.id.in_(ids), runs.c.owner == self._owner, runs.c.status.in_(_ACTIVE))
                .values(heartbeat_at=DatabaseTime(-2 * self._lease), attempt=runs.c.attempt - _is_running())
            )

    async def claim_expired(self, max_attempts: int, *, except_ids: Sequence[str] = ()) -> Sequence[LostRun]:
        """Makes runs that no longer beat this process's, if they were tried less often than that.

        `but` are those that it drives: a process that could not beat for a while takes none of its own away.
        """
        lost = and_(self._expired(), runs.c.id.not_in(except_ids), _may_be_tried(max_attempts))
        claimed = list[LostRun]()
        async with self._database.write() as connection:
            oldest = _ROW.add_columns(runs.c.request_json).where(lost).order_by(runs.c.created_at).limit(CLAIM_BATCH)
            for row in (await connection.execute(oldest)).all():
                same = and_(runs.c.id == row.id, runs.c.owner == row.owner, runs.c.attempt == row.attempt)
                taken = await connection.execute(
                    update(runs)
                    .where(same, self._expired())
                    .values(owner=self._owner, attempt=runs.c.attempt + _is_running(), heartbeat_at=DatabaseTime())
                    .returning(runs.c.attempt)
                )
                if (attempt := taken.scalar()) is not None:
                    caller = Caller(tenant=row.tenant_id, user=row.user_id)
                    claimed.append(LostRun(_run_row(row), caller, attempt, row.request_json, row.cancel_requested))
        return claimed

    async def end_expired_runs(self, *, except_ids: Sequence[str] = (), max_attempts: int = 1) -> Sequence[str]:
        """Ends every run that no longer beats and that nobody may claim; `but` are those that this process drives.
        Their internal ids.
        """
        lost = and_(self._expired(), runs.c.id.not_in(except_ids), not_(_may_be_tried(max_attempts)))
        async with self._database.write() as connection:
            ended = await connection.execute(
                update(runs)
                .where(lost)
                .values(status="error", error_code="run_lost", ended_at=DatabaseTime())
                .returning(runs.c.id)
            )
            return [str(row.id) for row in ended]


def _is_running() -> ColumnElement[int]:
    """1 for a run that has begun, else 0: waiting in a queue is no attempt."""
    return case((runs.c.status == "running", 1), else_=0)


def _may_be_tried(attempts: int) -> ColumnElement[bool]:
    return and_(runs.c.request_json.is_not(None), or_(runs.c.status == "queued", runs.c.attempt < attempts))


# How many runs one transaction claims. Replicas that look at the same time share them.
CLAIM_BATCH = 32
_ACTIVE = ("queued", "running")
# Without the input of a run, which may be megabytes and is read by whoever recovers it only.
_COLUMNS = [column for column in runs.c if column is not runs.c.request_json]
_ROW: Select[Any] = select(*_COLUMNS, threads.c.client_thread_id.label("thread_key")).join(
    threads, threads.c.id == runs.c.thread_id
)


async def _find_run(connection: AsyncConnection, caller: Caller, which: ColumnElement[bool]) -> RunRow | None:
    """The newest of the caller's runs that is such a one."""
    mine = (runs.c.tenant_id == caller.tenant, runs.c.user_id == caller.user)
    asked = _ROW.where(*mine, which).order_by(runs.c.created_at.desc()).limit(1)
    row = (await connection.execute(asked)).one_or_none()
    return None if row is None else _run_row(row)


def _run_row(row: Row[Any]) -> RunRow:
    return RunRow(
        id=row.id,
        client_run_id=row.client_run_id,
        thread=row.thread_key,
        thread_id=row.thread_id,
        agent=row.agent_id,
        model=row.model,
        status=row.status,
        error_code=row.error_code,
        usage=row.usage or (),
        request=row.request_digest,
        idempotency_request=row.idempotency_digest,
        owner=row.owner,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def _idempotency_columns(idempotency: Idempotency) -> ColumnElement[bool]:
    return runs.c.idempotency_key == idempotency.key


async def _is_queued_for(connection: AsyncConnection, thread_id: str) -> bool:
    waiting = select(runs.c.id).where(runs.c.thread_id == thread_id, runs.c.status == "queued").limit(1)
    return (await connection.execute(waiting)).first() is not None


async def _waiting_agent(connection: AsyncConnection, thread_id: str) -> str | None:
    """The agent whose question the thread waits for an answer to, if it does."""
    # A run that failed or was stopped has neither asked nor answered.
    spoke = runs.c.status.in_(("success", "interrupt"))
    newest = select(runs.c.agent_id, runs.c.status).where(runs.c.thread_id == thread_id, spoke)
    row = (await connection.execute(newest.order_by(runs.c.created_at.desc()).limit(1))).one_or_none()
    return str(row.agent_id) if row is not None and row.status == "interrupt" else None


async def _thread_id(connection: AsyncConnection, caller: Caller, key: str, now: DatabaseTime) -> str:
    mine = (threads.c.tenant_id == caller.tenant, threads.c.user_id == caller.user, threads.c.client_thread_id == key)
    touched = await connection.execute(update(threads).where(*mine).values(updated_at=now).returning(threads.c.id))
    known: str | None = touched.scalar()
    if known is not None:
        return known
    thread_id = uuid4().hex
    await connection.execute(
        insert(threads).values(
            id=thread_id,
            tenant_id=caller.tenant,
            user_id=caller.user,
            client_thread_id=key,
            created_at=now,
            updated_at=now,
        )
    )
    return thread_id
