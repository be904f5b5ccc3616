"""Add the stack key that groups notifications about the same subject."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# The day in UTC: rows that are here already need not split where their readers' midnight was.
DAY = {
    "sqlite": sa.func.strftime("%Y%m%d", sa.column("surfaced_at")),
    "postgresql": sa.func.to_char(sa.func.timezone("UTC", sa.column("surfaced_at")), "YYYYMMDD"),
}


def upgrade() -> None:
    op.add_column("notifications", sa.Column("stack_key", sa.String(80), nullable=False, server_default=""))
    columns = ("notification_type", "interview_id", "surfaced_at", "stack_key")
    rows = sa.table("notifications", *(sa.column(name, sa.String) for name in columns))
    interview = sa.cast(rows.c.interview_id, sa.String)
    key = rows.c.notification_type + "-" + interview + "-" + DAY[op.get_bind().dialect.name]
    of_interviews = rows.c.interview_id.is_not(None), rows.c.surfaced_at.is_not(None)
    op.execute(sa.update(rows).where(*of_interviews).values(stack_key=key))
    op.create_index(
        "ix_notifications_stack",
        "notifications",
        ["recipient_id", "stack_key", "surfaced_at", "id"],
        sqlite_where=sa.text("stack_key <> ''"),
        postgresql_where=sa.text("stack_key <> ''"),
    )
    op.add_column(
        "user_notification_preferences",
        sa.Column("stack_notifications", sa.Boolean(), nullable=False, server_default=sa.true()),
    )


def downgrade() -> None:
    op.drop_index("ix_notifications_stack", "notifications")
    # In place: a table that SQLite rebuilds loses its triggers.
    op.execute("ALTER TABLE notifications DROP COLUMN stack_key")
    op.execute("ALTER TABLE user_notification_preferences DROP COLUMN stack_notifications")
