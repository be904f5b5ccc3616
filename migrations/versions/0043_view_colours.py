"""Add the colours of saved views, which people choose."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("saved_views", sa.Column("colour", sa.String(10), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("saved_views", "colour")
