"""what runs did, as spans"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "traces",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("agent_id", sa.String(255)),
        sa.Column("thread", sa.String(255)),
        sa.Column("run", sa.String(255)),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("error", sa.String(64)),
        sa.Column("began_at", _MOMENT, nullable=False),
        sa.Column("nanoseconds", sa.BigInteger, nullable=False),
        sa.Column("spans", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", "id", name="pk_traces"),
    )
    op.create_index("ix_traces_began", "traces", ["tenant_id", "user_id", "began_at", "id"])
    op.create_index("ix_traces_run", "traces", ["tenant_id", "user_id", "run"])
    op.create_index("ix_traces_age", "traces", ["began_at"])
    op.create_table(
        "spans",
        sa.Column("trace_id", sa.String(32), nullable=False),
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("parent", sa.String(16)),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("agent_id", sa.String(255)),
        sa.Column("thread", sa.String(255)),
        sa.Column("run", sa.String(255)),
        sa.Column("error", sa.String(64)),
        sa.Column("began", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger, nullable=False),
        sa.Column("attributes", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", "trace_id", "id", name="pk_spans"),
    )
    op.create_index("ix_spans_began", "spans", ["began"])


def downgrade() -> None:
    op.drop_table("spans")
    op.drop_table("traces")
