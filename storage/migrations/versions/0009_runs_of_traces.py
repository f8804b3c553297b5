"""a trace is found by each run and thread that share it"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_HEADS = sa.text("kind IN ('run', 'request')")


def upgrade() -> None:
    for of in ("run", "thread"):
        columns = ["tenant_id", "user_id", of, "trace_id"]
        op.create_index(f"ix_spans_{of}", "spans", columns, sqlite_where=_HEADS, postgresql_where=_HEADS)
    op.drop_index("ix_traces_run", "traces")


def downgrade() -> None:
    op.create_index("ix_traces_run", "traces", ["tenant_id", "user_id", "run"])
    for of in ("thread", "run"):
        op.drop_index(f"ix_spans_{of}", "spans")
