"""Index the names of companies for search."""

import sqlalchemy as sa
from alembic import op

from app.search_text import COMPANY, encode_token, tokenize

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

BATCH = 1000


def upgrade() -> None:
    """Add the companies in the events and interviews of the notifications that are here already."""
    connection = op.get_bind()
    rows = sa.table("notifications", *map(sa.column, ("id", "event_id", "interview_id", "words")))
    events = sa.table("events", sa.column("id"), sa.column("data", sa.JSON()))
    interviews = sa.table("interviews", *map(sa.column, ("id", "company_name")))
    page = (
        sa.select(rows.c.id, rows.c.words, events.c.data, interviews.c.company_name)
        .select_from(rows)
        .outerjoin(events, events.c.id == rows.c.event_id)
        .outerjoin(interviews, interviews.c.id == rows.c.interview_id)
        .order_by(rows.c.id)
        .limit(BATCH)
    )
    change = sa.update(rows).where(rows.c.id == sa.bindparam("key")).values(words=sa.bindparam("found"))
    last = 0
    while batch := connection.execute(page.where(rows.c.id > last)).all():
        found = [
            {"key": row.id, "found": f"{row.words} {marked}"}
            for row in batch
            if (marked := _marked(row.company_name or (row.data or {}).get("company_name")))
        ]
        if found:
            connection.execute(change, found)
        last = batch[-1].id


def downgrade() -> None:
    """Leave the words: the release before this one does not look for them."""


def _marked(name: object) -> str:
    return " ".join(COMPANY + encode_token(word) for word in tokenize(str(name or "")))
