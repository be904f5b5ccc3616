"""Add full-text search: the words of each notification, and an index maintained by triggers.

Each word in the index is prefixed with its owner's id, so that a search reads only the searcher's own entries. On
SQLite a later migration must not rebuild `notifications` (batch mode), which would drop the triggers.
"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BATCH = 1000

# A row's words, each behind its owner's number; what stands in braces below is this of that row.
OWNED = "'u' || row.recipient_id || 'x' || replace(row.words, ' ', ' u' || row.recipient_id || 'x')"
OF = {row: OWNED.replace("row.", f"{row}.") for row in ("new", "old", "added", "notifications")}

SQLITE = (
    "CREATE VIRTUAL TABLE notification_search USING fts5(words, content='', columnsize=0, tokenize='ascii')",
    "INSERT INTO notification_search (rowid, words) SELECT id, {notifications} FROM notifications ORDER BY id",
    """CREATE TRIGGER notification_search_insert AFTER INSERT ON notifications BEGIN
        INSERT INTO notification_search (rowid, words) VALUES (new.id, {new});
    END""",
    # A table that keeps no text of its own is told what it has to forget.
    """CREATE TRIGGER notification_search_delete AFTER DELETE ON notifications BEGIN
        INSERT INTO notification_search (notification_search, rowid, words) VALUES ('delete', old.id, {old});
    END""",
    """CREATE TRIGGER notification_search_update AFTER UPDATE OF words, recipient_id ON notifications BEGIN
        INSERT INTO notification_search (notification_search, rowid, words) VALUES ('delete', old.id, {old});
        INSERT INTO notification_search (rowid, words) VALUES (new.id, {new});
    END""",
)
# A table of its own: an index on `notifications` would be written again with every row that is marked read.
# Its key is called as SQLite calls it, so that both are asked with the same query.
POSTGRESQL = (
    """CREATE TABLE notification_search (
        rowid BIGINT CONSTRAINT pk_notification_search PRIMARY KEY,
        recipient_id BIGINT NOT NULL,
        words TSVECTOR NOT NULL,
        CONSTRAINT fk_notification_search_rowid FOREIGN KEY (rowid) REFERENCES notifications (id) ON DELETE CASCADE
    )""",
    """INSERT INTO notification_search (rowid, recipient_id, words)
        SELECT id, recipient_id, to_tsvector('simple', {notifications}) FROM notifications""",
    # What waits to be sorted in is read by every search: little may wait.
    """CREATE INDEX ix_notification_search_words ON notification_search
        USING gin (words) WITH (gin_pending_list_limit = 256)""",
    # The planner takes every word for one of all people's: by this it knows how little is one person's.
    "CREATE INDEX ix_notification_search_recipient_id ON notification_search (recipient_id)",
    """CREATE FUNCTION index_new_notifications() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO notification_search (rowid, recipient_id, words)
            SELECT id, recipient_id, to_tsvector('simple', {added}) FROM added;
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER notification_search_insert AFTER INSERT ON notifications
        REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION index_new_notifications()""",
    """CREATE FUNCTION index_changed_notification() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE notification_search SET recipient_id = new.recipient_id, words = to_tsvector('simple', {new})
            WHERE rowid = new.id;
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER notification_search_update AFTER UPDATE OF words, recipient_id ON notifications
        FOR EACH ROW EXECUTE FUNCTION index_changed_notification()""",
)


def words_of(text: str) -> str:
    """The words as the application writes them: folded, in ASCII, one space between them."""
    if not text.isascii():
        text = "".join(
            char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char)
        )
    text = text.casefold().translate(str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"}))
    found = re.findall(r"[^\W_]+", text)[:1000]
    return " ".join("".join(map(_written, word[:60])) for word in found)


def _written(char: str) -> str:
    if char == "q":
        return "qq"
    return char if char.isascii() else f"q{ord(char):06x}"


def upgrade() -> None:
    op.execute("ALTER TABLE notifications ADD COLUMN words TEXT NOT NULL DEFAULT ''")
    connection = op.get_bind()
    rows = sa.table("notifications", *map(sa.column, ("id", "title", "message", "words")))
    change = sa.update(rows).where(rows.c.id == sa.bindparam("key")).values(words=sa.bindparam("found"))
    last = 0
    while True:
        page = sa.select(rows.c.id, rows.c.title, rows.c.message).where(rows.c.id > last)
        some = connection.execute(page.order_by(rows.c.id).limit(BATCH)).all()
        if not some:
            break
        found = [{"key": row.id, "found": words_of(f"{row.title}\n{row.message}")} for row in some]
        connection.execute(change, found)
        last = some[-1].id
    for statement in SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement.format(**OF))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for event in ("insert", "delete", "update"):
            op.execute(f"DROP TRIGGER notification_search_{event}")
        op.execute("DROP TABLE notification_search")
    else:
        op.execute("DROP TRIGGER notification_search_insert ON notifications")
        op.execute("DROP TRIGGER notification_search_update ON notifications")
        op.execute("DROP FUNCTION index_new_notifications()")
        op.execute("DROP FUNCTION index_changed_notification()")
        op.execute("DROP TABLE notification_search")
    op.execute("ALTER TABLE notifications DROP COLUMN words")
