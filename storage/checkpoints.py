from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from storage.database import SETUP_LOCK
from storage.settings import StorageSettings


@asynccontextmanager
async def open_checkpointer(settings: StorageSettings) -> AsyncIterator[BaseCheckpointSaver[str]]:
    """LangGraph's saver for the database that the settings name. It knows threads by our internal id only."""
    opened = _sqlite(settings) if settings.embedded else _postgres(settings)
    async with opened as saver:
        yield saver


@asynccontextmanager
async def _sqlite(settings: StorageSettings) -> AsyncIterator[BaseCheckpointSaver[str]]:
    # A file of its own: its long writes and ours would wait for each other.
    file = Path(settings.database.database or "agenkit.db")
    async with AsyncSqliteSaver.from_conn_string(str(file.with_name(f"{file.stem}-checkpoints.db"))) as saver:
        await saver.setup()
        yield saver


@asynccontextmanager
async def _postgres(settings: StorageSettings) -> AsyncIterator[BaseCheckpointSaver[str]]:
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
        # `setup` builds indexes concurrently, which no transaction may hold.
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
        open=False,
    )
    async with pool:
        saver = AsyncPostgresSaver(pool)
        if settings.migrates_at_start:
            async with pool.connection() as connection:
                await connection.execute("SELECT pg_advisory_lock(%s)", (SETUP_LOCK,))
                try:
                    await saver.setup()
                finally:
                    await connection.execute("SELECT pg_advisory_unlock(%s)", (SETUP_LOCK,))
        yield saver
