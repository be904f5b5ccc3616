"""Count sign-in attempts by network address and known browser, too."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sign_in_attempts") as table:
        table.add_column(sa.Column("address", sa.String(45), nullable=False, server_default=""))
        table.add_column(sa.Column("device", sa.String(32), nullable=False, server_default=""))
        table.create_index(op.f("ix_sign_in_attempts_address_at"), ["address", "attempted_at"])


def downgrade() -> None:
    with op.batch_alter_table("sign_in_attempts") as table:
        table.drop_index(op.f("ix_sign_in_attempts_address_at"))
        table.drop_column("device")
        table.drop_column("address")
