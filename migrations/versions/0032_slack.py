"""Add Slack: its switch in the preferences, and what Slack calls a message that was posted."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "user_notification_preferences",
        sa.Column("slack_enabled", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("deliveries", sa.Column("remote_id", sa.String(100)))


def downgrade() -> None:
    op.drop_column("deliveries", "remote_id")
    op.drop_column("user_notification_preferences", "slack_enabled")
