"""threads and runs"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "threads",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("title", sa.String(255)),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_threads"),
        sa.UniqueConstraint("tenant_id", "user_id", "key", name="uq_threads_tenant_id_user_id_key"),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("thread_id", sa.String(32), nullable=False),
        sa.Column("agent_id", sa.String(255), nullable=False),
        sa.Column("model", sa.String(255)),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("error_code", sa.String(64)),
        sa.Column("usage", sa.JSON),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("beat_at", _MOMENT, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name="fk_runs_thread_id", ondelete="CASCADE"),
        sa.UniqueConstraint("tenant_id", "user_id", "key", name="uq_runs_tenant_id_user_id_key"),
    )
    op.create_index("ix_runs_thread_id", "runs", ["thread_id"])
    running = sa.text("status = 'running'")
    op.create_index(
        "uq_runs_one_running", "runs", ["thread_id"], unique=True, sqlite_where=running, postgresql_where=running
    )
    op.create_index("ix_runs_beat_at", "runs", ["beat_at"], sqlite_where=running, postgresql_where=running)


def downgrade() -> None:
    op.drop_table("runs")
    op.drop_table("threads")
