"""What has happened since news of an interview or a digest was written, looked at once more before it is sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from app.catalog import DIGESTS
from app.database.base import db
from app.models import Delivery, Interview, Notification
from app.services.digests import contents as digest_contents
from app.services.interviews.reminder_texts import KIND as REMINDER

if TYPE_CHECKING:
    from app.services.sending.preflight import PreflightContext

# They say that and when an interview will be.
ANNOUNCING = frozenset({REMINDER, "interview_scheduled", "interview_rescheduled"})
# They come more than once about the same interview.
REPEATED = frozenset({REMINDER, "evaluation_due"})
# What goes out at once is news of its moment: the next follows it, in order, for calendars to count.
AT_ONCE = timedelta(minutes=2)


def _announced(delivery: Delivery, now: datetime) -> Interview | None:
    """The interview that this message announces, as it stands now; None for news that did not wait."""
    row = delivery.notification
    if row is None or row.notification_type not in ANNOUNCING or _is_prompt(delivery, now):
        return None
    return row.interview


def _is_prompt(delivery: Delivery, now: datetime) -> bool:
    row = delivery.notification
    is_reminder = row is not None and row.notification_type == REMINDER
    return not is_reminder and delivery.reason == "queued" and now - delivery.created_at < AT_ONCE


def _is_cancelled(delivery: Delivery, _grounds: PreflightContext, now: datetime) -> bool:
    interview = _announced(delivery, now)
    return interview is not None and interview.status == "cancelled"


def _is_over(delivery: Delivery, _grounds: PreflightContext, now: datetime) -> bool:
    interview = _announced(delivery, now)
    if interview is None:
        return False
    # What was booked when it had begun was never ahead, and is news all the same.
    return interview.status == "completed" or delivery.created_at < interview.starts_at <= now


def _is_moved(delivery: Delivery, _grounds: PreflightContext, now: datetime) -> bool:
    # A move lets the reminders of the former start expire; see `reminders.withdraw`.
    row = delivery.notification
    if row is None or row.interview is None:
        return False
    if row.notification_type == REMINDER:
        return _has_ended(row.expires_at, now)
    return _announced(delivery, now) is not None and (row.interview_sequence or 0) < row.interview.sequence


def _is_rebooked(delivery: Delivery, _grounds: PreflightContext, now: datetime) -> bool:
    row = delivery.notification
    if row is None or row.interview is None or row.notification_type != "interview_cancelled":
        return False
    return row.interview.status == "scheduled" and not _is_prompt(delivery, now)


def _is_repeated(delivery: Delivery, _grounds: PreflightContext, _now: datetime) -> bool:
    """Whether what waited has been said again meanwhile, nearer to the time: one of them is enough."""
    row = delivery.notification
    if row is None or row.notification_type not in REPEATED or row.interview_id is None:
        return False
    again = select(Notification.id).where(
        Notification.interview_id == row.interview_id,
        Notification.recipient_id == row.recipient_id,
        Notification.notification_type == row.notification_type,
        Notification.id > row.id,
    )
    return db.session.scalar(again.limit(1)) is not None


def _is_evaluated(delivery: Delivery, _grounds: PreflightContext, now: datetime) -> bool:
    row = delivery.notification
    return row is not None and row.notification_type == "evaluation_due" and _has_ended(row.expires_at, now)


def _is_digest_inactive(delivery: Delivery, grounds: PreflightContext, _now: datetime) -> bool:
    return delivery.kind in DIGESTS and delivery.kind not in grounds.live_digests


def _is_digest_off(delivery: Delivery, _grounds: PreflightContext, _now: datetime) -> bool:
    preference = delivery.recipient.preference
    return delivery.kind in DIGESTS and not (preference.email_enabled and getattr(preference, delivery.kind))


def _is_digest_empty(delivery: Delivery, _grounds: PreflightContext, now: datetime) -> bool:
    if delivery.kind not in DIGESTS:
        return False
    return not digest_contents.counts([delivery.recipient_id], delivery.created_at, now)


def _has_ended(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and expires_at <= now


# (what is looked at, the state it leads to, the reason's code), for `objections.RULES`.
RULES = (
    (_is_cancelled, "skipped", "interview_cancelled"),
    (_is_over, "skipped", "interview_over"),
    (_is_moved, "skipped", "interview_moved"),
    (_is_rebooked, "skipped", "interview_rebooked"),
    (_is_evaluated, "skipped", "evaluation_over"),
    (_is_repeated, "skipped", "said_again"),
    (_is_digest_inactive, "skipped", "template_inactive"),
    (_is_digest_off, "skipped", "digest_off"),
    (_is_digest_empty, "skipped", "read_before_sending"),
)
