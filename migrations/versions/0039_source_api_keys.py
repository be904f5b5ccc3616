"""Add the API keys of sources, with which names are looked up."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sources", sa.Column("api_key", sa.Text(), nullable=False, server_default=""))
    op.add_column("sources", sa.Column("api_error", sa.String(300), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("sources", "api_error")
    op.drop_column("sources", "api_key")
