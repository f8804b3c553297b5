import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from redis.asyncio import Redis
from sqlalchemy import URL, create_engine, make_url, text

from backend.settings import VARIABLES
from storage.redis import open_redis
from tests.services import start_postgres, start_redis

# Read before they are cleared: the servers that tests may use, each under names of their own.
NAMED_SERVERS = {name: os.environ.get(name) for name in ("DATABASE_URL", "OLLAMA_BASE_URL", "REDIS_URL")}


def pytest_configure(config: pytest.Config) -> None:
    for name in list(os.environ):
        if name in VARIABLES or name.startswith(
            ("AGENKIT_", "LANGFUSE_", "OPENAI_", "OTEL_", "LANGCHAIN_", "LANGSMITH_")
        ):
            del os.environ[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folder of a test says what kind it is."""
    for item in items:
        kind = item.path.relative_to(Path(__file__).parent).parts[0]
        item.add_marker("integration" if kind == "contracts" else kind)


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop(request: pytest.FixtureRequest) -> Iterator[BlockBuster | None]:
    # A server in another process is not ours to watch, and its tests wait for it.
    if request.node.get_closest_marker("e2e"):
        yield None
        return
    with blockbuster_ctx(
        ["agents", "artifacts", "backend", "evaluation", "graphs", "llm", "observability", "storage"]
    ) as watching:
        for function in watching.functions.values():
            # Before it is ready and after its last answer nobody waits for the loop.
            function.can_block_in("backend/resources.py", "open_resources")
            function.can_block_in("storage/database.py", "open_database")
            function.can_block_in("storage/checkpoints.py", {"_sqlite", "_postgres"})
            # What measures the coverage takes a lock at each file's first line, wherever that is run.
            function.can_block_in("coverage/collector.py", "lock_data")
            # What shows a traceback where nobody has configured logs, as in these tests, reads the sources.
            function.can_block_in("rich/traceback.py", "_render_stack")
        yield watching


@pytest.fixture(scope="session")
def postgres() -> Iterator[URL]:
    """A PostgreSQL: the one that DATABASE_URL named when the tests began, else one of a package's, started here."""
    if (named := NAMED_SERVERS["DATABASE_URL"]) is not None:
        yield make_url(named).set(drivername="postgresql+psycopg")
        return
    with start_postgres() as url:
        yield url


@pytest.fixture
def own_postgres(postgres: URL) -> Iterator[URL]:
    """A database of the test's own on it."""
    with _database_on(postgres) as own:
        yield own


@pytest.fixture(scope="module")
def postgres_database(postgres: URL) -> Iterator[URL]:
    """A database on it that the tests of one module share."""
    with _database_on(postgres) as shared:
        yield shared


@contextmanager
def _database_on(postgres: URL) -> Iterator[URL]:
    name = f"agenkit_test_{uuid4().hex[:12]}"
    engine = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    yield postgres.set(database=name)
    with engine.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    engine.dispose()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis: the one that REDIS_URL named when the tests began, else a server of this machine's, started here."""
    if (named := NAMED_SERVERS["REDIS_URL"]) is not None:
        yield named
        return
    with start_redis() as url:
        yield url


@pytest.fixture
async def redis_client(redis_url: str) -> AsyncIterator[Redis]:
    async with open_redis(redis_url) as client:
        yield client


@pytest.fixture
async def redis_prefix(redis_client: Redis) -> AsyncIterator[str]:
    """What a test begins the names of its keys with; they are gone after it."""
    prefix = f"agenkit-test-{uuid4().hex[:12]}:"
    yield prefix
    left = [key async for key in redis_client.scan_iter(match=f"{prefix}*", count=1000)]
    if left:
        await redis_client.delete(*left)


class CountingRedis(Redis):
    """Counts the commands that it is told to send."""

    commands = 0

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        self.commands += 1
        return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # so it is there


@pytest.fixture
async def hanging_redis() -> AsyncIterator[CountingRedis]:
    """A Redis that takes what it is told and never says a word."""
    leave = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await leave.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    client = CountingRedis(host="127.0.0.1", port=server.sockets[0].getsockname()[1], driver_info=None)
    yield client
    await client.aclose()
    leave.set()
    server.close()
    await server.wait_closed()
