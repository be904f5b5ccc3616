"""Add appearance preferences, defaults for new users, and required channels."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
TABLE = "user_notification_preferences"
ADDED = (
    ("single_key_shortcuts", sa.Boolean(), sa.true()),
    ("theme", sa.String(10), "system"),
    ("density", sa.String(12), "comfortable"),
)


def upgrade() -> None:
    for name, kind, value in ADDED:
        # The value is for the rows that are there already; new rows bring their own.
        op.add_column(TABLE, sa.Column(name, kind, nullable=False, server_default=value))
    with op.batch_alter_table(TABLE) as batch_op:
        for name, _kind, _value in ADDED:
            batch_op.alter_column(name, server_default=None)
    op.create_table(
        "preference_defaults",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("values", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preference_defaults")),
    )
    op.create_table(
        "preference_locks",
        sa.Column("category", sa.String(20), nullable=False),
        sa.Column("channel", sa.String(10), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("category", "channel", name=op.f("pk_preference_locks")),
    )


def downgrade() -> None:
    op.drop_table("preference_locks")
    op.drop_table("preference_defaults")
    with op.batch_alter_table(TABLE) as batch_op:
        for name, _kind, _value in ADDED:
            batch_op.drop_column(name)
