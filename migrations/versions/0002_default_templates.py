"""Install the built-in templates; texts that admins edited stay."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from app.catalog import TYPES

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def table(name: str, *more: str) -> sa.TableClause:
    text = ("title_template", "message_template", "email_subject", "email_html", "sms_text", "priority")
    typed = (
        sa.column("channels", sa.JSON()),
        sa.column("is_active", sa.Boolean()),
        sa.column("is_builtin", sa.Boolean()),
        sa.column("created_at", sa.DateTime(timezone=True)),
        sa.column("updated_at", sa.DateTime(timezone=True)),
    )
    return sa.table(name, *map(sa.column, (*text, *more)), *typed)


def upgrade() -> None:
    now = datetime.now(UTC)
    words = {
        kind.name: {
            "title_template": kind.template.title,
            "message_template": kind.template.message,
            "email_subject": kind.template.email_subject,
            "email_html": "",
            "sms_text": kind.template.sms_text,
            "channels": list(kind.template.channels),
            "priority": kind.template.priority,
            "created_at": now,
        }
        for kind in TYPES.values()
    }
    live = {"is_active": True, "is_builtin": True, "version": 1, "updated_at": now}
    op.bulk_insert(
        table("notification_templates", "name", "notification_type", "version"),
        [{**text, **live, "name": name, "notification_type": name} for name, text in words.items()],
    )
    ids = {
        name: number
        for number, name in op.get_bind().execute(sa.text("SELECT id, name FROM notification_templates"))
    }
    op.bulk_insert(
        table("template_versions", "template_id", "number"),
        [{**text, "template_id": ids[name], "number": 1} for name, text in words.items()],
    )


def downgrade() -> None:
    op.execute("DELETE FROM template_versions")
    op.execute("DELETE FROM notification_templates")
