"""Reword the digest templates for any number; texts that admins edited stay."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

WORDS = {
    "daily_digest": (
        "{{unread_count}} notifications are waiting for you on {{digest_date}}.",
        "This is what you have not read yet on {{digest_date}}.",
    ),
    "weekly_summary": (
        "{{unread_count}} notifications are waiting for you in the week of {{digest_date}}.",
        "The past week in numbers, and what you have not read yet on {{digest_date}}.",
    ),
}


def reword(choose: tuple[int, int]) -> None:
    live = sa.table("notification_templates", *map(sa.column, ("id", "name", "version", "message_template")))
    kept = sa.table("template_versions", *map(sa.column, ("template_id", "number", "message_template")))
    for name, words in WORDS.items():
        old, new = (words[place] for place in choose)
        its = sa.select(live.c.id).where(live.c.name == name, live.c.version == 1)
        was = kept.c.number == 1, kept.c.template_id.in_(its), kept.c.message_template == old
        op.execute(sa.update(kept).where(*was).values(message_template=new))
        stands = live.c.name == name, live.c.version == 1, live.c.message_template == old
        op.execute(sa.update(live).where(*stands).values(message_template=new))


def upgrade() -> None:
    reword((0, 1))


def downgrade() -> None:
    reword((1, 0))
