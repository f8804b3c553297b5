"""a version keeps the language that it is in"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("artifact_versions", sa.Column("language", sa.String(255)))


def downgrade() -> None:
    op.drop_column("artifact_versions", "language")
