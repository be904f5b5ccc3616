"""What has happened since a reminder or a digest was written, looked at once more before it is sent."""

from __future__ import annotations

from datetime import datetime

from app.models import Delivery, Interview
from app.services import digest_contents
from app.services.digest_days import KINDS


def _reminded_of(delivery: Delivery) -> Interview | None:
    """The interview that this reminder announces, as it stands now."""
    row = delivery.notification
    return row.interview if row is not None and row.notification_type == "interview_reminder" else None


def _is_cancelled(delivery: Delivery, _grounds: object, _now: datetime) -> bool:
    interview = _reminded_of(delivery)
    return interview is not None and interview.status == "cancelled"


def _is_over(delivery: Delivery, _grounds: object, now: datetime) -> bool:
    interview = _reminded_of(delivery)
    return interview is not None and (interview.status == "completed" or interview.starts_at <= now)


def _is_moved(delivery: Delivery, _grounds: object, now: datetime) -> bool:
    # A move lets the reminders of the former start expire; see `reminders.withdraw`.
    row = delivery.notification
    return _reminded_of(delivery) is not None and row is not None and _has_ended(row.expires_at, now)


def _is_evaluated(delivery: Delivery, _grounds: object, now: datetime) -> bool:
    row = delivery.notification
    return row is not None and row.notification_type == "evaluation_due" and _has_ended(row.expires_at, now)


def _is_digest_off(delivery: Delivery, _grounds: object, _now: datetime) -> bool:
    preference = delivery.recipient.preference
    return delivery.kind in KINDS and not (preference.email_enabled and getattr(preference, delivery.kind))


def _is_digest_empty(delivery: Delivery, _grounds: object, now: datetime) -> bool:
    if delivery.kind not in KINDS:
        return False
    return not digest_contents.counts([delivery.recipient_id], delivery.created_at, now)


def _has_ended(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and expires_at <= now


# (what is looked at, the state it leads to, the reason's code), for `objections.RULES`.
RULES = (
    (_is_cancelled, "skipped", "interview_cancelled"),
    (_is_over, "skipped", "interview_over"),
    (_is_moved, "skipped", "interview_moved"),
    (_is_evaluated, "skipped", "evaluation_over"),
    (_is_digest_off, "skipped", "digest_off"),
    (_is_digest_empty, "skipped", "read_before_sending"),
)
