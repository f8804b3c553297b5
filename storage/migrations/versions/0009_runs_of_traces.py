"""of a trace that several runs share, each finds it"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_RUNS = sa.text("kind = 'run'")


def upgrade() -> None:
    op.create_index(
        "ix_spans_run",
        "spans",
        ["tenant_id", "user_id", "run", "trace_id"],
        sqlite_where=_RUNS,
        postgresql_where=_RUNS,
    )


def downgrade() -> None:
    op.drop_index("ix_spans_run", "spans")
