"""what people call their threads, and the order in which they list them"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("threads", sa.Column("title_by", sa.String(16)))
    op.add_column("threads", sa.Column("title_folded", sa.Text))
    op.add_column("threads", sa.Column("metadata", sa.JSON, nullable=False, server_default=sa.text("'{}'")))
    op.add_column("threads", sa.Column("forked_agent_id", sa.String(255)))
    op.create_index("ix_threads_updated", "threads", ["tenant_id", "user_id", "updated_at", "id"])
    op.create_index("ix_threads_created", "threads", ["tenant_id", "user_id", "created_at", "id"])
    op.create_table(
        "strays",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_strays"),
    )
    op.create_index("ix_strays_since", "strays", ["since"])
    op.create_index("ix_runs_thread_id_created_at", "runs", ["thread_id", "created_at"])
    op.drop_index("ix_runs_thread_id", "runs")


def downgrade() -> None:
    op.create_index("ix_runs_thread_id", "runs", ["thread_id"])
    op.drop_index("ix_runs_thread_id_created_at", "runs")
    op.drop_table("strays")
    op.drop_index("ix_threads_created", "threads")
    op.drop_index("ix_threads_updated", "threads")
    for column in ("forked_agent_id", "metadata", "title_folded", "title_by"):
        op.drop_column("threads", column)
