"""Add the outages of channels, so that admins are alerted once to each, whatever restarts."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_outages",
        sa.Column("channel", sa.String(10), primary_key=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alerted_at", sa.DateTime(timezone=True)),
        sa.Column("detail", sa.String(300), nullable=False),
        sa.Column("is_our_fault", sa.Boolean(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("channel_outages")
