"""Drop the index of the owners in the full-text index: no query reads it, because the words name their owner."""

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

INDEX, TABLE = "ix_notification_search_recipient_id", "notification_search"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index(INDEX, TABLE)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(INDEX, TABLE, ["recipient_id"])
