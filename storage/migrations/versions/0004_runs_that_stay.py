"""runs that outlive their readers"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_GOING, _RUNNING = sa.text("status IN ('queued', 'running')"), sa.text("status = 'running'")
_UNIQUE = "uq_runs_tenant_id_user_id_idempotency_key"


def upgrade() -> None:
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("request", sa.String(64)))
        runs.add_column(sa.Column("asked", sa.JSON))
        runs.add_column(sa.Column("idempotency_key", sa.String(255)))
        runs.add_column(sa.Column("idempotency_request", sa.String(64)))
        runs.add_column(sa.Column("stop_asked", sa.Boolean, nullable=False, server_default=sa.false()))
        runs.create_unique_constraint(_UNIQUE, ["tenant_id", "user_id", "idempotency_key"])
    op.drop_index("ix_runs_beat_at", "runs")
    op.create_index("ix_runs_beat_at", "runs", ["beat_at"], sqlite_where=_GOING, postgresql_where=_GOING)


def downgrade() -> None:
    op.drop_index("ix_runs_beat_at", "runs")
    op.create_index("ix_runs_beat_at", "runs", ["beat_at"], sqlite_where=_RUNNING, postgresql_where=_RUNNING)
    with op.batch_alter_table("runs") as runs:
        runs.drop_constraint(_UNIQUE, type_="unique")
        runs.drop_column("stop_asked")
        runs.drop_column("idempotency_request")
        runs.drop_column("idempotency_key")
        runs.drop_column("asked")
        runs.drop_column("request")
