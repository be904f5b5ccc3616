"""Mark urgent deliveries, and index the queues that each get their turn: urgent, tried again, held by a dead worker."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

IS_WAITING = "state IN ('pending', 'retry_wait')"


def upgrade() -> None:
    op.add_column(
        "deliveries", sa.Column("is_urgent", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    for name, columns, sqlite, postgresql in (
        ("urgent", ["due_at", "id"], "is_urgent = 1", "is_urgent"),
        ("retry", ["due_at", "id"], "state = 'retry_wait'", "state = 'retry_wait'"),
        ("suspect", ["crashes", "due_at", "id"], "crashes > 0", "crashes > 0"),
    ):
        op.create_index(
            f"ix_deliveries_{name}",
            "deliveries",
            columns,
            sqlite_where=sa.text(f"{IS_WAITING} AND {sqlite}"),
            postgresql_where=sa.text(f"{IS_WAITING} AND {postgresql}"),
        )


def downgrade() -> None:
    for name in ("suspect", "retry", "urgent"):
        op.drop_index(f"ix_deliveries_{name}", "deliveries")
    op.drop_column("deliveries", "is_urgent")
