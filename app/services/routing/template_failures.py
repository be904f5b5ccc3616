"""A template that failed while a message was worded: the admins are told, once a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy.dialects import postgresql, sqlite

from app.clock import utc_now
from app.database.base import db
from app.models import Event
from app.rendering.texts import Texts
from app.services.base import audit, recipients
from app.services.base.recipients import Recipient
from app.services.routing import fanout

if TYPE_CHECKING:
    from app.services.routing.wording import Template

SOURCE = "bellhop:templates"


def report_template_failure(template: Template, error: str) -> None:
    """Tell the admins that these words failed and the built-in ones went out, in the caller's transaction.

    The event's pair of source and id is unique: however often and wherever a version fails, the log and the
    admins hear of it once.
    """
    now = utc_now()
    insert = sqlite.insert if db.engine.dialect.name == "sqlite" else postgresql.insert
    event_id = db.session.scalar(
        insert(Event)
        .values(
            source=SOURCE,
            # With the time it was made: a number may be given again after a template was deleted.
            external_id=f"{template.id}:{template.created_at.timestamp():.0f}:{template.version}",
            type="system.alert",
            occurred_at=now,
            received_at=now,
            data={"title": template.name, "message": error[:500], "alert_type": "template"},
        )
        .on_conflict_do_nothing()
        .returning(Event.id)
    )
    if event_id is None:
        return
    audit.record("template.failed", template.name, version=template.version, error=error[:500])
    message = fanout.NotificationRequest(
        notification_type="system_alert",
        priority="high",
        channels=("in_app", "email"),
        words_for=lambda user: _words(user, template, error),
        event_id=event_id,
        action_url=f"/admin/templates/{template.id}",
    )
    fanout.write(message, fanout.plan(message, recipients.active_admins(), now), now)


def _words(user: Recipient, template: Template, error: str) -> Texts:
    with force_locale(user.locale):
        return Texts(
            title=_("The template “%(name)s” failed", name=template.name),
            message=_(
                "Version %(version)s could not be filled in, so the built-in words were sent instead. "
                "This is what is wrong: %(error)s\n\n"
                "Nobody missed a message. You hear of this once; mend the template and publish it.",
                version=template.version,
                error=error[:500],
            ),
        )
