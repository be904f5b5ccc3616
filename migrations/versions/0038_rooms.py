"""Add rooms, and what is posted to them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)
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
    op.create_table(
        "rooms",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("channel", sa.String(10), nullable=False),
        sa.Column("encrypted_address", sa.Text(), nullable=False),
        sa.Column("shown_address", sa.String(200), nullable=False),
        sa.Column("secret_salt", sa.String(32), nullable=False),
        sa.Column("subjects", JSON, nullable=False),
        sa.Column("is_confidential_allowed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("locale", sa.String(10), nullable=False),
        sa.Column("paused_at", INSTANT),
        sa.Column("removed_at", INSTANT),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("failing_since", INSTANT),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("disabled_at", INSTANT),
        sa.Column("disabled_reason", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rooms")),
    )
    op.create_table(
        "room_messages",
        sa.Column("id", ID, nullable=False),
        sa.Column("room_id", ID, nullable=False),
        sa.Column("event_id", ID),
        sa.Column("interview_id", ID),
        sa.Column("interview_sequence", sa.Integer()),
        sa.Column("notification_type", sa.String(40), nullable=False),
        sa.Column("category", sa.String(20), nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("priority", sa.String(10), nullable=False),
        sa.Column("metadata", JSON, nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("action_url", sa.String(2000), nullable=False),
        sa.Column("candidate_id", sa.String(200)),
        sa.Column("job_id", sa.String(200)),
        sa.Column("is_confidential", sa.Boolean(), nullable=False),
        sa.Column("fact_key", sa.String(64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["room_id"], ["rooms.id"], name=op.f("fk_room_messages_room_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_room_messages_event_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["interview_id"],
            ["interviews.id"],
            name=op.f("fk_room_messages_interview_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_messages")),
    )
    op.create_index("ix_room_messages_fact", "room_messages", ["room_id", "fact_key", "id"])
    op.create_index(op.f("ix_room_messages_event_id"), "room_messages", ["event_id"])
    op.create_index(op.f("ix_room_messages_interview_id"), "room_messages", ["interview_id"])
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("room_message_id", ID))
        table.create_foreign_key(
            op.f("fk_deliveries_room_message_id"),
            "room_messages",
            ["room_message_id"],
            ["id"],
            ondelete="CASCADE",
        )
    op.create_index(op.f("ix_deliveries_room_message_id"), "deliveries", ["room_message_id"])
    index_queues_last()


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE room_message_id IS NOT NULL")
    op.drop_index(op.f("ix_deliveries_room_message_id"), "deliveries")
    with op.batch_alter_table("deliveries") as table:
        table.drop_constraint(op.f("fk_deliveries_room_message_id"), type_="foreignkey")
        table.drop_column("room_message_id")
    index_queues_last()
    op.drop_table("room_messages")
    op.drop_table("rooms")
