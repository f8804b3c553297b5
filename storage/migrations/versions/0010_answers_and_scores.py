"""a message is found by its id, and scores outlive their reviews until they are deleted elsewhere too"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "run_messages",
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("message", sa.String(255), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_messages_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "message", name="pk_run_messages"),
    )
    op.create_index("ix_run_messages_message", "run_messages", ["tenant_id", "user_id", "message"])
    op.create_table(
        "score_deletions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("deleted_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_score_deletions"),
    )
    op.create_index("ix_score_deletions_deleted_at", "score_deletions", ["deleted_at"])
    _index_waiting("exported_at IS NULL AND (score IS NOT NULL OR outcome = 'failed')")


def downgrade() -> None:
    _index_waiting("exported_at IS NULL AND score IS NOT NULL")
    op.drop_table("score_deletions")
    op.drop_table("run_messages")


def _index_waiting(condition: str) -> None:
    op.drop_index("ix_reviews_waiting", "reviews")
    where = sa.text(condition)
    op.create_index("ix_reviews_waiting", "reviews", ["created_at"], sqlite_where=where, postgresql_where=where)
