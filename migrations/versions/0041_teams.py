"""Add Microsoft Teams: its switch in the preferences, and people's own addresses."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "user_notification_preferences",
        sa.Column("teams_enabled", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "teams_addresses",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("encrypted_address", sa.Text(), nullable=False),
        sa.Column("shown_address", sa.String(200), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("failing_since", INSTANT),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("disabled_at", INSTANT),
        sa.Column("disabled_reason", sa.String(300), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_teams_addresses_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams_addresses")),
        sa.UniqueConstraint("user_id", name=op.f("uq_teams_addresses_user_id")),
    )


def downgrade() -> None:
    op.drop_table("teams_addresses")
    op.drop_column("user_notification_preferences", "teams_enabled")
