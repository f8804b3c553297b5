"""The schema's history, in Alembic's hands. Blocking: call it from a thread."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, create_engine
from sqlalchemy.pool import NullPool

from storage.database import translate_errors

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Revision:
    id: str
    description: str


class UnknownRevision(ValueError):
    """No step of the history has this name, or there is none to go to."""


def upgrade(url: URL, revision: str = "head") -> None:
    """Raises `StorageFailed` or `UnknownRevision`."""
    with translate_errors(), _known(revision):
        if url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        command.upgrade(_config(url), revision)


def downgrade(url: URL, revision: str = "-1") -> None:
    """Raises `StorageFailed` or `UnknownRevision`."""
    with translate_errors(), _known(revision):
        command.downgrade(_config(url), revision)


def history() -> Sequence[Revision]:
    """Newest first."""
    return [Revision(script.revision, script.doc) for script in _scripts().walk_revisions()]


def head() -> str:
    return _scripts().get_current_head() or ""


def current(url: URL) -> str | None:
    """The revision that the database is at; `None` for one without a schema. Raises `StorageFailed`."""
    engine = create_engine(blocking(url), poolclass=NullPool)
    with translate_errors(), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def blocking(url: URL) -> URL:
    """The same database for a driver that blocks."""
    return url.set(drivername="sqlite") if url.get_backend_name() == "sqlite" else url


@contextmanager
def _known(revision: str) -> Iterator[None]:
    try:
        yield
    except CommandError as error:
        raise UnknownRevision(f"There is no revision {revision!r} to go to") from error


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_HERE))


def _config(url: URL) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["url"] = blocking(url)
    return config
