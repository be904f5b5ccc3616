"""Store the ETag of stored responses."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("kept_answers", sa.Column("etag", sa.String(100), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("kept_answers", "etag")
