"""artifacts, their versions and what is remembered of a person"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def _owner() -> tuple[sa.Column, sa.Column]:
    return (
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
    )


def upgrade() -> None:
    op.create_table(
        "artifacts",
        sa.Column("id", sa.String(32), nullable=False),
        *_owner(),
        sa.Column("thread_id", sa.String(32)),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("name_folded", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("language", sa.String(64)),
        sa.Column("versions", sa.Integer, nullable=False),
        sa.Column("tip", sa.Integer, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_artifacts"),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name="fk_artifacts_thread_id", ondelete="CASCADE"),
    )
    op.create_index("ix_artifacts_updated", "artifacts", ["tenant_id", "user_id", "updated_at", "id"])
    op.create_index("ix_artifacts_thread", "artifacts", ["thread_id", "tenant_id", "user_id", "updated_at", "id"])
    op.create_index("ix_artifacts_kind", "artifacts", ["tenant_id", "user_id", "kind", "updated_at", "id"])
    op.create_table(
        "contents",
        *_owner(),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("text", sa.Text),
        sa.Column("blob", sa.String(255)),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", "digest", name="pk_contents"),
        sa.UniqueConstraint("blob", name="uq_contents_blob"),
    )
    op.create_table(
        "artifact_versions",
        sa.Column("artifact_id", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        *_owner(),
        sa.Column("parent", sa.Integer),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("author", sa.String(16), nullable=False),
        sa.Column("run", sa.String(255)),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("conflicts", sa.Integer, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("artifact_id", "number", name="pk_artifact_versions"),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifacts.id"], name="fk_artifact_versions_artifact_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id", "digest"],
            ["contents.tenant_id", "contents.user_id", "contents.digest"],
            name="fk_artifact_versions_tenant_id_user_id_digest",
        ),
    )
    op.create_index("ix_artifact_versions_digest", "artifact_versions", ["tenant_id", "user_id", "digest"])
    op.create_table(
        "artifact_shares",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("artifact_id", sa.String(32), nullable=False),
        *_owner(),
        sa.Column("token_digest", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT),
        sa.Column("revoked_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_artifact_shares"),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifacts.id"], name="fk_artifact_shares_artifact_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("token_digest", name="uq_artifact_shares_token_digest"),
    )
    op.create_index("ix_artifact_shares_created", "artifact_shares", ["artifact_id", "created_at", "id"])
    op.create_table(
        "memories",
        sa.Column("id", sa.String(32), nullable=False),
        *_owner(),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("source", sa.String(255)),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_memories"),
    )
    op.create_index("ix_memories_created", "memories", ["tenant_id", "user_id", "created_at", "id"])


def downgrade() -> None:
    for table in ("memories", "artifact_shares", "artifact_versions", "contents", "artifacts"):
        op.drop_table(table)
