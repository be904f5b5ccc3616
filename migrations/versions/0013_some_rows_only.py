"""Make the indexes by interview and by expiry partial: most notifications have neither."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLE = "notifications"
INTERVIEW, EXPIRING = "ix_notifications_interview_id", "ix_notifications_expiring"


def upgrade() -> None:
    op.drop_index(INTERVIEW, TABLE)
    for name, columns, condition in (
        (INTERVIEW, ["interview_id"], "interview_id IS NOT NULL"),
        (EXPIRING, ["recipient_id", "expires_at"], "expires_at IS NOT NULL"),
    ):
        some = sa.text(condition)
        op.create_index(name, TABLE, columns, sqlite_where=some, postgresql_where=some)


def downgrade() -> None:
    op.drop_index(EXPIRING, TABLE)
    op.drop_index(INTERVIEW, TABLE)
    op.create_index(INTERVIEW, TABLE, ["interview_id"])
