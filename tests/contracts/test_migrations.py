import os
import subprocess
import sys
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, create_engine, inspect
from sqlalchemy.pool import NullPool

from storage import migrations
from storage.settings import StorageSettings
from storage.tables import metadata


def _tables(settings: StorageSettings) -> set[str]:
    engine = create_engine(migrations.blocking(settings.database), poolclass=NullPool)
    with engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def test_each_step_goes_up_and_down_and_up_again(settings: StorageSettings) -> None:
    url = settings.database
    steps = [revision.id for revision in reversed(migrations.history())]
    before = [None, *steps]
    for at, step in enumerate(steps):
        migrations.upgrade(url, step)
        assert migrations.current(url) == step
        migrations.downgrade(url)
        assert migrations.current(url) == before[at]
        migrations.upgrade(url, step)
    assert migrations.current(url) == migrations.head()


def test_down_to_the_beginning_leaves_no_table(settings: StorageSettings) -> None:
    migrations.upgrade(settings.database)
    assert {"threads", "runs"} <= _tables(settings)
    migrations.downgrade(settings.database, "base")
    assert _tables(settings) == {"alembic_version"}


def test_the_migrations_make_the_tables_that_the_code_knows(migrated: StorageSettings) -> None:
    engine = create_engine(migrations.blocking(migrated.database), poolclass=NullPool)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_every_table_has_a_tenant_and_a_user() -> None:
    for table in metadata.tables.values():
        assert {"tenant_id", "user_id"} <= set(table.c.keys())
        assert not table.c.tenant_id.nullable
        assert not table.c.user_id.nullable


def test_replicas_that_start_together_lay_the_tables_once(own_postgres: URL, tmp_path: Path) -> None:
    address = own_postgres.set(drivername="postgresql").render_as_string(hide_password=False)
    command = [str(Path(sys.executable).with_name("agenkit")), "migrate", "up"]
    environment = {**os.environ, "DATABASE_URL": address}
    replicas = [subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL) for _ in range(4)]
    assert [replica.wait(60) for replica in replicas] == [0, 0, 0, 0]
    assert migrations.current(own_postgres) == migrations.head()
