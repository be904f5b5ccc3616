"""Tells people about faults in Bellhop itself: a broken template, a failing job, a webhook that was disabled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask_babel import LazyString, force_locale
from flask_babel import lazy_gettext as _l

from app.clock import utc_now
from app.database.base import db
from app.database.writing import insert_ignore
from app.models import Event
from app.rendering.texts import Texts
from app.services.base import audit, recipients
from app.services.base.recipients import Recipient, TextReader
from app.services.routing import fanout

# The source of the events that record failed templates.
TEMPLATE_SOURCE = "bellhop:templates"
JOB_FAILURES_BEFORE_ALERT = 3
LONGEST_ERROR = 500


def raise_system_alert(
    people: Sequence[Recipient],
    title: LazyString,
    message: LazyString,
    action_url: str,
    now: datetime,
    *,
    is_exact: bool = False,
    event_id: int | None = None,
    channels: tuple[str, ...] = ("in_app", "email"),
) -> None:
    """Notify people of a fault, in the caller's transaction.

    Args:
        title, message: translated for each recipient.
        action_url: the page where the fault can be fixed.
        is_exact: do not add the recipients' own channels (SMS, push, webhooks).
        event_id: the event that recorded the fault, if there is one.
    """

    def texts_for(user: TextReader) -> Texts:
        with force_locale(user.locale):
            return Texts(title=str(title), message=str(message))

    request = fanout.NotificationRequest(
        notification_type="system_alert",
        priority="high",
        channels=channels,
        texts_for=texts_for,
        is_exact=is_exact,
        event_id=event_id,
        action_url=action_url,
    )
    fanout.write(request, fanout.plan(request, people, now), now)


def report_job_failure(job: str, failures: int, error: str, now: datetime) -> None:
    """Alert the admins to a job's third failure in a row, in the caller's transaction.

    Args:
        failures: how often the job has failed since it last succeeded.
    """
    if failures != JOB_FAILURES_BEFORE_ALERT:
        return
    error = error[:LONGEST_ERROR]
    audit.record("job.failed", job, error=error)
    raise_system_alert(
        recipients.active_admins(),
        _l("The job “%(name)s” keeps failing", name=job),
        _l(
            "It has failed %(times)s times in a row and will be retried. The error is: %(error)s\n\n"
            "You will not be alerted again until the job has succeeded.",
            times=failures,
            error=error,
        ),
        "/admin/jobs",
        now,
    )


def report_template_failure(
    template_id: int, name: str, version: int, created_at: datetime, error: str
) -> None:
    """Alert the admins that a template failed and the built-in text was sent, in the caller's transaction.

    A version is reported once, however often and in however many processes it fails: the event that records
    the failure is unique.

    Args:
        created_at: when the template was created. Ids are reused after a template is deleted.
    """
    now, error = utc_now(), error[:LONGEST_ERROR]
    event_id = db.session.scalar(
        insert_ignore(Event)
        .values(
            source=TEMPLATE_SOURCE,
            external_id=f"{template_id}:{created_at.timestamp():.0f}:{version}",
            type="system.alert",
            occurred_at=now,
            received_at=now,
            data={"title": name, "message": error, "alert_type": "template"},
        )
        .returning(Event.id)
    )
    if event_id is None:
        return
    audit.record("template.failed", name, version=version, error=error)
    raise_system_alert(
        recipients.active_admins(),
        _l("The template “%(name)s” failed", name=name),
        _l(
            "Version %(version)s could not be rendered, so the built-in text was sent instead. "
            "The error is: %(error)s\n\n"
            "No message was lost. You will not be alerted to this version again. Fix the template and publish it.",
            version=version,
            error=error,
        ),
        f"/admin/templates/{template_id}",
        now,
        event_id=event_id,
    )
