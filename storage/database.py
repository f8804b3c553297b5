import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.clock import register_clock
from storage.settings import StorageSettings

# Held while tables are laid: replicas start together. Any number will do that nobody else takes.
SETUP_LOCK = 0x61676B31
CHECKPOINTS_LOCK = 0x61676B32

_BUSY_MILLISECONDS = 5000


class StorageFailed(Exception):
    """The database did not do what it was asked to: it is gone, locked for too long or full."""


class StorageRejected(StorageFailed):
    """The database is there and does not take what it was given: another try would end the same."""


class Database:
    """Short transactions over one pool. Nobody holds one while waiting for a model, a reader or a person."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # SQLite has one writer at a time, and whoever waits for its lock looks for it again and again, in no order: of
        # many in one process some would wait for ever. Here they stand in a line.
        self._turn: AbstractAsyncContextManager[None] = (
            asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()
        )

    @property
    def engine(self) -> AsyncEngine:
        return self._engine

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        with translate_errors():
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed at its end, and rolled back if it ends in an error."""
        with translate_errors():
            async with self._turn, self._engine.connect() as connection:
                await connection.execution_options(writes=True)
                async with connection.begin():
                    yield connection

    async def ping(self) -> None:
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def aclose(self) -> None:
        await self._engine.dispose()


@contextmanager
def translate_errors() -> Iterator[None]:
    """What the driver says, in our words; a broken constraint is an answer and passes."""
    try:
        yield
    except IntegrityError:
        raise
    except (SQLAlchemyError, OSError) as error:
        # The driver's own words, where it has some: SQLAlchemy's would add the statement and its values.
        why = getattr(error, "orig", None) or type(error).__name__
        raise StorageFailed(f"The database failed: {' '.join(str(why).split())}") from error


def open_database(settings: StorageSettings, *, connections: int | None = None) -> Database:
    """`connections`: how many at most, if not as many as the settings say (PostgreSQL)."""
    if settings.embedded:
        return Database(_sqlite(settings))
    # Loads libpq, which who runs embedded does not need.
    from storage.postgres import bounded_connection, connection_parameters

    return Database(
        create_async_engine(
            settings.database,
            hide_parameters=True,
            connect_args={
                **connection_parameters(settings),
                "async_creator_fn": bounded_connection(settings).connect,
            },
            pool_size=connections or settings.pool_size,
            max_overflow=0 if connections else settings.pool_overflow,
            pool_timeout=settings.pool_timeout_seconds,
            pool_recycle=settings.pool_recycle_seconds,
            pool_pre_ping=True,
        )
    )


def _sqlite(settings: StorageSettings) -> AsyncEngine:
    engine = create_async_engine(settings.database, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", _on_connect)
    event.listen(engine.sync_engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, record: object) -> None:
    # The driver would open transactions by itself, and too late.
    connection.isolation_level = None
    register_clock(connection)
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    # A transaction that starts as a reader and then writes cannot wait for another writer: SQLite refuses it at once.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
