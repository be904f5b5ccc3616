"""Add subscriptions: webhooks that belong to no person, and deliveries to them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
IS_WAITING = "state IN ('pending', 'retry_wait')"
QUEUES = (
    ("urgent", "due_at, id", "is_urgent = 1"),
    ("retry", "due_at, id", "state = 'retry_wait'"),
    ("suspect", "crashes, due_at, id", "crashes > 0"),
)


def index_queues_last() -> None:
    """Put back the order of the indexes, which rebuilding the table has lost.

    Of several that fit, SQLite takes the newest: these must be newer than `ix_deliveries_due`.
    """
    if op.get_bind().dialect.name == "sqlite":
        for name, columns, condition in QUEUES:
            op.execute(f"DROP INDEX ix_deliveries_{name}")
            op.execute(
                f"CREATE INDEX ix_deliveries_{name} ON deliveries ({columns}) WHERE {IS_WAITING} AND {condition}"
            )


def upgrade() -> None:
    with op.batch_alter_table("deliveries") as table:
        table.alter_column("recipient_id", existing_type=ID, nullable=True)
    index_queues_last()
    with op.batch_alter_table("webhooks") as table:
        table.alter_column("user_id", existing_type=ID, nullable=True)
        table.add_column(sa.Column("types", JSON, nullable=False, server_default=sa.text("'[]'")))


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE recipient_id IS NULL")
    op.execute("DELETE FROM webhooks WHERE user_id IS NULL")
    with op.batch_alter_table("webhooks") as table:
        table.drop_column("types")
        table.alter_column("user_id", existing_type=ID, nullable=False)
    with op.batch_alter_table("deliveries") as table:
        table.alter_column("recipient_id", existing_type=ID, nullable=False)
    index_queues_last()
