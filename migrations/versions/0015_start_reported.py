"""When each recruiter was told of an interview's start, so that no reminder repeats the news."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("interview_recruiters", sa.Column("start_reported_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("interview_recruiters", "start_reported_at")
