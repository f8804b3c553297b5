"""Two databases, one contract: every test here runs against SQLite and against PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from storage import migrations
from storage.database import Database, open_database
from storage.settings import StorageSettings


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> StorageSettings:
    if request.param == "sqlite":
        return StorageSettings(data_dir=tmp_path, run_lease_seconds=1)
    url: URL = request.getfixturevalue("own_postgres")
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return StorageSettings.model_validate(
        {"data_dir": tmp_path, "database_url": address, "run_lease_seconds": 1, "migrate": "on"}
    )


@pytest.fixture
def migrated(settings: StorageSettings) -> StorageSettings:
    migrations.upgrade(settings.database)
    return settings


@pytest.fixture
async def database(migrated: StorageSettings) -> AsyncIterator[Database]:
    opened = open_database(migrated)
    yield opened
    await opened.aclose()
