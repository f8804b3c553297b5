"""what machines and people say of what was written"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "reviews",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("thread_id", sa.String(32)),
        sa.Column("run", sa.String(255)),
        sa.Column("message", sa.String(255)),
        sa.Column("agent_id", sa.String(255)),
        sa.Column("artifact_id", sa.String(32)),
        sa.Column("version", sa.Integer),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("judge", sa.String(255)),
        sa.Column("rubric", sa.String(64), nullable=False),
        sa.Column("rubric_version", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("told", sa.JSON, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("exported_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name="fk_reviews_thread_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], name="fk_reviews_artifact_id", ondelete="CASCADE"),
    )
    op.create_index("ix_reviews_created", "reviews", ["tenant_id", "user_id", "created_at", "id"])
    op.create_index("ix_reviews_run", "reviews", ["tenant_id", "user_id", "run", "created_at", "id"])
    op.create_index("ix_reviews_thread_id", "reviews", ["thread_id"])
    waiting = sa.text("exported_at IS NULL AND score IS NOT NULL")
    op.create_index(
        "ix_reviews_waiting", "reviews", ["created_at"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index("ix_reviews_artifact_id", "reviews", ["artifact_id"])
    op.create_table(
        "feedback",
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("message", sa.String(255), nullable=False),
        sa.Column("run", sa.String(255)),
        sa.Column("thumb", sa.Integer),
        sa.Column("score", sa.Float),
        sa.Column("comment", sa.Text),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("exported_at", _MOMENT),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", "message", name="pk_feedback"),
    )
    unsaid = sa.text("exported_at IS NULL")
    op.create_index("ix_feedback_waiting", "feedback", ["updated_at"], sqlite_where=unsaid, postgresql_where=unsaid)


def downgrade() -> None:
    op.drop_table("feedback")
    op.drop_table("reviews")
