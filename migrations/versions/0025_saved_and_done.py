"""Index what is saved and what is done: few rows or none, for which a list walked all of a person's."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

INDEXES = (("saved", "saved_at IS NOT NULL"), ("done", "archived_at IS NOT NULL"))


def upgrade() -> None:
    for name, condition in INDEXES:
        op.create_index(
            f"ix_notifications_{name}",
            "notifications",
            ["recipient_id", "surfaced_at", "id"],
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )


def downgrade() -> None:
    for name, _condition in INDEXES:
        op.drop_index(f"ix_notifications_{name}", "notifications")
