import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from storage.database import CHECKPOINTS_LOCK
from storage.settings import StorageSettings

if TYPE_CHECKING:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg import AsyncConnection
    from psycopg.rows import DictRow
    from psycopg_pool import AsyncConnectionPool

    Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[DictRow]]


@asynccontextmanager
async def open_checkpointer(settings: StorageSettings) -> AsyncIterator[BaseCheckpointSaver[str]]:
    """LangGraph's saver for the database that the settings name. It knows threads by our internal id only."""
    opened = _sqlite(settings) if settings.embedded else _postgres(settings, lay=settings.migrates_at_start)
    async with opened as saver:
        yield saver


async def lay_checkpoints(settings: StorageSettings) -> None:
    """Makes the checkpointer's own tables, whatever the settings say of the start."""
    async with _sqlite(settings) if settings.embedded else _postgres(settings, lay=True):
        pass


@asynccontextmanager
async def _sqlite(settings: StorageSettings) -> AsyncIterator[BaseCheckpointSaver[str]]:
    # A file of its own: its long writes and ours would wait for each other.
    file = Path(settings.database.database or "agenkit.db")
    async with AsyncSqliteSaver.from_conn_string(str(file.with_name(f"{file.stem}-checkpoints.db"))) as saver:
        await saver.setup()
        yield saver


@asynccontextmanager
async def _postgres(settings: StorageSettings, *, lay: bool) -> AsyncIterator[BaseCheckpointSaver[str]]:
    # Loads libpq, which who runs embedded does not need.
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg import AsyncConnection
    from psycopg.rows import DictRow, dict_row
    from psycopg_pool import AsyncConnectionPool

    address = settings.database.set(drivername="postgresql").render_as_string(hide_password=False)
    pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
        address,
        min_size=1,
        max_size=settings.pool_size + settings.pool_overflow,
        timeout=settings.pool_timeout,
        max_lifetime=settings.pool_recycle,
        # A connection that the server has closed meanwhile costs a look, not a run.
        check=AsyncConnectionPool.check_connection,
        # `setup` builds indexes concurrently, which no transaction may hold.
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
        open=False,
    )
    async with pool:
        saver = AsyncPostgresSaver(pool)
        if lay:
            await _lay_alone(saver, pool)
        yield saver


async def _lay_alone(saver: "AsyncPostgresSaver", pool: "Pool") -> None:
    """Lays the tables while no other replica does.

    Who waits does so without a statement: an index that is built concurrently waits for every statement that goes on,
    also for one that waits for it.
    """
    async with pool.connection() as connection:
        while not await _taken(connection):  # noqa: ASYNC110  # it is another process's to say
            await asyncio.sleep(0.1)
        try:
            await saver.setup()
        finally:
            await connection.execute("SELECT pg_advisory_unlock(%s)", (CHECKPOINTS_LOCK,))


async def _taken(connection: "AsyncConnection[DictRow]") -> bool:
    row = await (await connection.execute("SELECT pg_try_advisory_lock(%s) AS taken", (CHECKPOINTS_LOCK,))).fetchone()
    return row is not None and bool(row["taken"])
