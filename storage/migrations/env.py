"""Alembic runs this file for every command."""

from alembic import context
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from storage.database import SETUP_LOCK
from storage.tables import metadata


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            # Replicas start together; one migrates, the others wait and then find nothing to do.
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SETUP_LOCK})
        context.run_migrations()


engine = create_engine(context.config.attributes["url"], poolclass=NullPool)
with engine.connect() as opened:
    _run(opened)
