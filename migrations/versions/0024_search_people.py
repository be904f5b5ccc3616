"""Add the words that people are found by: names without accents, addresses in both spellings of their domain."""

import sqlalchemy as sa
from alembic import op

from app.search_text import person_words

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    users = sa.table("users", *map(sa.column, ("id", "name", "email", "search_words")))
    people = connection.execute(sa.select(users.c.id, users.c.name, users.c.email)).all()
    # Before the column is added, which locks the table until the end.
    words = [{"key": row.id, "found": person_words(row.name, row.email)} for row in people]
    op.add_column("users", sa.Column("search_words", sa.Text(), nullable=False, server_default=""))
    change = sa.update(users).where(users.c.id == sa.bindparam("key"))
    if words:
        connection.execute(change.values(search_words=sa.bindparam("found")), words)


def downgrade() -> None:
    op.drop_column("users", "search_words")
