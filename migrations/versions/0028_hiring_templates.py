"""Install the templates of stages, hires, rejections, offers and approvals where they are missing."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from app.catalog import TYPES

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

NAMES = (
    "candidate_stage_changed",
    "candidate_hired",
    "candidate_rejected",
    "offer_created",
    "offer_accepted",
    "approval_requested",
)


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
    now, connection = datetime.now(UTC), op.get_bind()
    templates = table("notification_templates", "id", "name", "notification_type", "version")
    versions = table("template_versions", "template_id", "number")
    installed = set(connection.execute(sa.select(templates.c.name)).scalars())
    for name in NAMES:
        if name in installed:
            continue
        words = TYPES[name].template
        text = {
            "title_template": words.title,
            "message_template": words.message,
            "email_subject": words.email_subject,
            "email_html": "",
            "sms_text": words.sms_text,
            "channels": list(words.channels),
            "priority": words.priority,
            "created_at": now,
        }
        live = {"is_active": True, "is_builtin": True, "version": 1, "updated_at": now}
        connection.execute(sa.insert(templates).values(**text, **live, name=name, notification_type=name))
        template_id = connection.scalar(sa.select(templates.c.id).where(templates.c.name == name))
        connection.execute(sa.insert(versions).values(**text, template_id=template_id, number=1))


def downgrade() -> None:
    templates = sa.table("notification_templates", *map(sa.column, ("id", "name")))
    versions = sa.table("template_versions", sa.column("template_id"))
    ids = sa.select(templates.c.id).where(templates.c.name.in_(NAMES))
    op.execute(sa.delete(versions).where(versions.c.template_id.in_(ids)))
    op.execute(sa.delete(templates).where(templates.c.name.in_(NAMES)))
