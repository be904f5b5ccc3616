"""Add what people follow and mute, and why an event reached each person."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "follows",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("subject", sa.String(220), nullable=False),
        sa.Column("mode", sa.String(10), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_follows"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_follows_user_id", ondelete="CASCADE"),
        sa.UniqueConstraint("user_id", "subject", name="uq_follows_user_id_subject"),
    )
    op.create_index("ix_follows_subject", "follows", ["subject", "mode"])
    op.add_column("notifications", sa.Column("routed_by", sa.String(20), nullable=False, server_default=""))


def downgrade() -> None:
    # In place: a table that SQLite rebuilds loses its triggers.
    op.execute("ALTER TABLE notifications DROP COLUMN routed_by")
    op.drop_table("follows")
