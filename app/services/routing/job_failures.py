"""A job that fails again and again: the admins are told, once until it succeeds again."""

from __future__ import annotations

from datetime import datetime

from flask_babel import force_locale
from flask_babel import gettext as _

from app.rendering.texts import Texts
from app.services.base import audit, recipients
from app.services.base.recipients import Recipient
from app.services.routing import fanout

ALERT_AFTER = 3


def alert_admins(name: str, failures: int, error: str, now: datetime) -> None:
    """Announce a failure where it is the third in a row, in the caller's transaction; its cause stands in the log."""
    if failures != ALERT_AFTER:
        return
    audit.record("job.failed", name, error=error[:500])
    message = fanout.NotificationRequest(
        notification_type="system_alert",
        priority="high",
        channels=("in_app", "email"),
        words_for=lambda user: _words(user, name, error),
        action_url="/admin/jobs",
    )
    fanout.write(message, fanout.plan(message, recipients.active_admins(), now), now)


def _words(user: Recipient, name: str, error: str) -> Texts:
    with force_locale(user.locale):
        return Texts(
            title=_("The job “%(name)s” keeps failing", name=name),
            message=_(
                "It has failed %(times)s times in a row and is tried again. This is what it says: %(error)s\n\n"
                "You hear of this once, until it has succeeded again.",
                times=ALERT_AFTER,
                error=error[:500],
            ),
        )
