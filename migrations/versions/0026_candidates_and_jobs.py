"""Add the platform's ids of candidates and jobs, and index the names of candidates and jobs for search."""

import sqlalchemy as sa
from alembic import op

from app.search_text import CANDIDATE, JOB, encode_token, tokenize

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

BATCH = 1000
TABLES = ("notifications", "interviews", "announcements")
# Interviews name their recruiters themselves.
TABLES_WITH_TEAM = ("notifications", "announcements")


def upgrade() -> None:
    # First, because it takes long with many rows: until the columns are added, nobody waits.
    _index_names()
    json = sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql")
    for table in TABLES:
        op.add_column(table, sa.Column("candidate_id", sa.String(200)))
        op.add_column(table, sa.Column("job_id", sa.String(200)))
        op.add_column(
            table, sa.Column("is_confidential", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    for table in TABLES_WITH_TEAM:
        op.add_column(table, sa.Column("hiring_team", json, nullable=False, server_default="[]"))
    for name in ("candidate", "job"):
        where = sa.text(f"{name}_id IS NOT NULL")
        op.create_index(
            f"ix_notifications_{name}",
            "notifications",
            ["recipient_id", f"{name}_id", "surfaced_at", "id"],
            sqlite_where=where,
            postgresql_where=where,
        )


def downgrade() -> None:
    for name in ("candidate", "job"):
        op.drop_index(f"ix_notifications_{name}", "notifications")
    # In place: a table that SQLite rebuilds loses its triggers.
    for table in TABLES_WITH_TEAM:
        op.execute(f"ALTER TABLE {table} DROP COLUMN hiring_team")
    for table in TABLES:
        for column in ("candidate_id", "job_id", "is_confidential"):
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")


def _index_names() -> None:
    """Add the names in the events and interviews of the notifications that are here already."""
    connection = op.get_bind()
    rows = sa.table("notifications", *map(sa.column, ("id", "event_id", "interview_id", "words")))
    events = sa.table("events", sa.column("id"), sa.column("data", sa.JSON()))
    interviews = sa.table("interviews", *map(sa.column, ("id", "candidate_name", "job_title")))
    page = (
        sa.select(rows.c.id, rows.c.words, events.c.data, interviews.c.candidate_name, interviews.c.job_title)
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
            {"key": row.id, "found": f"{row.words} {names}"}
            for row in batch
            if (names := _names(row.data or {}, row.candidate_name, row.job_title))
        ]
        if found:
            connection.execute(change, found)
        last = batch[-1].id


def _names(data: dict, candidate: str | None, job: str | None) -> str:
    marked = ((CANDIDATE, candidate or data.get("candidate_name")), (JOB, job or data.get("job_title")))
    return " ".join(mark + encode_token(word) for mark, name in marked for word in tokenize(str(name or "")))
