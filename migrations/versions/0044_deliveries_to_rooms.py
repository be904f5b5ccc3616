"""Leave deliveries that go to no room out of the index of messages to rooms: each one was written into it."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

NAME = "ix_deliveries_room_message_id"
TO_A_ROOM = sa.text("room_message_id IS NOT NULL")


def upgrade() -> None:
    op.drop_index(NAME, "deliveries")
    op.create_index(
        NAME, "deliveries", ["room_message_id"], sqlite_where=TO_A_ROOM, postgresql_where=TO_A_ROOM
    )


def downgrade() -> None:
    op.drop_index(NAME, "deliveries")
    op.create_index(NAME, "deliveries", ["room_message_id"])
