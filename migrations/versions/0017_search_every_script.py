"""Index again the notifications whose words are split or folded differently now: those beyond ASCII, and long ones.

One chunk after the other, and only rows that change. The triggers of 0011 bring the new words to the index. On
PostgreSQL each chunk is committed, so that no row is locked for long; killed, the migration goes on where it was.
"""

import sqlalchemy as sa
from alembic import op

from app.search_text import index_text

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

CHUNK = 1000


def upgrade() -> None:
    connection = op.get_bind()
    rows = sa.table("notifications", *map(sa.column, ("id", "title", "message", "words")))
    update = sa.update(rows).where(rows.c.id == sa.bindparam("key")).values(words=sa.bindparam("new_words"))
    last_id = 0
    while True:
        chunk = connection.execute(
            sa.select(rows).where(rows.c.id > last_id).order_by(rows.c.id).limit(CHUNK)
        ).all()
        if not chunk:
            return
        changed = [
            {"key": row.id, "new_words": words}
            for row in chunk
            if (words := index_text(row.title, row.message)) != row.words
        ]
        if changed:
            connection.execute(update, changed)
            if connection.dialect.name == "postgresql":
                # The driver begins the next transaction, which Alembic ends.
                connection.connection.dbapi_connection.commit()
        last_id = chunk[-1].id


def downgrade() -> None:
    """Nothing to take back: the older code reads these words, and writes its own for new notifications."""
