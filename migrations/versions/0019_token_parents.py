"""Know which token a token was created with, and revoke the tokens of people who are deactivated."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("api_tokens") as table:
        table.add_column(sa.Column("parent_id", ID, nullable=True))
        table.create_foreign_key(
            op.f("fk_api_tokens_parent_id"), "api_tokens", ["parent_id"], ["id"], ondelete="CASCADE"
        )
        table.create_index(op.f("ix_api_tokens_parent_id"), ["parent_id"])
    # Reactivation does not revive them.
    op.execute(
        "UPDATE api_tokens SET revoked_at = CURRENT_TIMESTAMP WHERE revoked_at IS NULL"
        " AND user_id IN (SELECT id FROM users WHERE NOT is_enabled)"
    )


def downgrade() -> None:
    with op.batch_alter_table("api_tokens") as table:
        table.drop_index(op.f("ix_api_tokens_parent_id"))
        table.drop_constraint(op.f("fk_api_tokens_parent_id"), type_="foreignkey")
        table.drop_column("parent_id")
