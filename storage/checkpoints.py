import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import aiosqlite
from langgraph.checkpoint.base import BaseCheckpointSaver

from storage.checkpoints_sqlite import SqliteCheckpoints, SqliteSaver
from storage.database import CHECKPOINTS_LOCK, StorageFailed
from storage.lease import Lease
from storage.serializer import Serializer
from storage.settings import StorageSettings

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.rows import DictRow

    from storage.checkpoints_postgres import PostgresCheckpoints


class Checkpoints(Protocol):
    """LangGraph's saver, and what it has no words for. Threads are known by our internal id only.

    Every method raises `StorageFailed`.
    """

    @property
    def saver(self) -> BaseCheckpointSaver[str]: ...

    async def delete_thread(self, thread: str) -> None:
        """Everything that is kept of a thread. May be said twice."""
        ...

    async def copy(self, thread: str, checkpoint: str, *, to: str) -> bool:
        """Gives another thread what led to a checkpoint, as its newest; `False` where there is none of this id.

        What was done from the checkpoint on is left behind; what it asks is asked there again.
        """
        ...

    async def prune(self, thread: str, *, keep: int) -> int:
        """Drops all but the newest `keep` checkpoints of a thread, 0 keeps all; the number of those dropped.

        The newest, which holds what the thread asks and waits for, always stays. To be called while nobody else writes
        the thread. A thread whose checkpoints are told as differences to earlier ones is left as it is.
        """
        ...


@asynccontextmanager
async def open_checkpoints(settings: StorageSettings, lease: Lease | None = None) -> AsyncIterator[Checkpoints]:
    """The checkpoints in the database that the settings name. With a lease, its saver writes only what that allows."""
    if settings.embedded:
        async with _sqlite(settings) as kept:
            kept.saver.lease = lease
            yield kept
    else:
        async with _postgres(settings, lay=settings.migrates_at_start) as shared:
            shared.saver.lease = lease
            yield shared


async def create_checkpoint_tables(settings: StorageSettings) -> None:
    """Makes the checkpointer's own tables, whatever the settings say of the start."""
    if settings.embedded:
        async with _sqlite(settings):
            return
    async with _postgres(settings, lay=True):
        return


@asynccontextmanager
async def _sqlite(settings: StorageSettings) -> AsyncIterator[SqliteCheckpoints]:
    # A file of its own: its long writes and ours would wait for each other.
    file = Path(settings.database.database or "agenkit.db")
    async with aiosqlite.connect(file.with_name(f"{file.stem}-checkpoints.db")) as connection:
        saver = SqliteSaver(connection, serde=Serializer())
        await saver.setup()
        yield SqliteCheckpoints(saver)


@asynccontextmanager
async def _postgres(settings: StorageSettings, *, lay: bool) -> AsyncIterator["PostgresCheckpoints"]:
    # Loads libpq, which who runs embedded does not need.
    from psycopg.rows import dict_row
    from psycopg_pool import AsyncConnectionPool

    from storage.checkpoints_postgres import PostgresCheckpoints
    from storage.postgres import BoundedConnection, bounded_connection, connection_parameters

    address = settings.database.set(drivername="postgresql").render_as_string(hide_password=False)
    if lay:
        await _create_under_lock(address)
    pool: AsyncConnectionPool[BoundedConnection] = AsyncConnectionPool(
        address,
        min_size=1,
        max_size=settings.pool_size + settings.pool_overflow,
        timeout=settings.pool_timeout_seconds,
        max_lifetime=settings.pool_recycle_seconds,
        # It waits twice as long after each failure; given up soon, whoever asks next tries anew.
        reconnect_timeout=_RECONNECT_SECONDS,
        connection_class=bounded_connection(settings),
        # A connection that the server has closed meanwhile costs a look, not a run.
        check=AsyncConnectionPool.check_connection,
        kwargs={**connection_parameters(settings), **_CONNECTION, "row_factory": dict_row},
        open=False,
    )
    async with pool:
        yield PostgresCheckpoints(pool)


_RECONNECT_SECONDS = 3.0
# `setup` builds indexes concurrently, which no transaction may hold.
_CONNECTION: Mapping[str, Any] = {"autocommit": True, "prepare_threshold": 0}


async def _create_under_lock(address: str) -> None:
    """Lays the tables while no other replica does, over a connection whose statements may take what they take.

    Who waits does so without a statement: an index that is built concurrently waits for every statement that goes on,
    also for one that waits for it.
    """
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg import AsyncConnection, Error
    from psycopg.rows import dict_row

    try:
        async with await AsyncConnection.connect(address, row_factory=dict_row, **_CONNECTION) as connection:
            while not await _lock(connection):  # noqa: ASYNC110  # it is another process's to say
                await asyncio.sleep(0.1)
            try:
                await AsyncPostgresSaver(connection).setup()
            finally:
                await connection.execute("SELECT pg_advisory_unlock(%s)", (CHECKPOINTS_LOCK,))
    except Error as error:
        raise StorageFailed(f"The checkpoints failed: {' '.join(str(error).split())}") from error


async def _lock(connection: "AsyncConnection[DictRow]") -> bool:
    row = await (await connection.execute("SELECT pg_try_advisory_lock(%s) AS taken", (CHECKPOINTS_LOCK,))).fetchone()
    return row is not None and bool(row["taken"])
