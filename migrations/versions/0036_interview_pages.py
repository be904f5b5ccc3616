"""Keep the page of an interview on the platform, for its reminders and evaluations."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "interviews", sa.Column("action_url", sa.String(2000), nullable=False, server_default=sa.text("''"))
    )


def downgrade() -> None:
    op.drop_column("interviews", "action_url")
