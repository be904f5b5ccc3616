"""The rules that are checked right before a delivery is sent: is it still wanted, and is it still true?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from app.catalog import DIGESTS
from app.database.base import db
from app.models import Delivery, Interview, Notification
from app.services.accounts import emails as account_emails
from app.services.follows.lookup import Mutes
from app.services.interviews.reminder_texts import KIND as REMINDER
from app.services.rooms import posting
from app.services.routing.reasons import HELD
from app.services.routing.required_channels import RequiredChannels
from app.services.sending import endpoint_health
from app.services.sending.claimed_digests import ClaimedDigests

# Types that announce an interview and its time.
ANNOUNCING = frozenset({REMINDER, "interview_scheduled", "interview_rescheduled"})
# Types that a person can get more than once about the same interview.
REPEATED = frozenset({REMINDER, "evaluation_due"})
# A message this young is sent even if the interview has changed since: the next message says so, and calendars
# need every step in order.
PROMPT = timedelta(minutes=2)


@dataclass(frozen=True)
class PreflightContext:
    """The facts that the rules use, for a batch of deliveries of one channel.

    Args:
        suppressed: addresses that nothing may be sent to.
        required_channels: pairs of category and channel that admins have made mandatory.
        active_digests: digests that admins have not turned off.
        digest_covers_until: by user id, when the newest daily digest collected what was unread.
        mutes: what the recipients have muted.
        digests: what digests hold. Unlike the other facts, it is read shortly before each of them is sent.
    """

    suppressed: Collection[str]
    required_channels: RequiredChannels
    active_digests: Collection[str]
    digest_covers_until: Mapping[int, datetime]
    mutes: Mutes
    digests: ClaimedDigests


def _recipient_is_disabled(delivery: Delivery, _context: PreflightContext, _now: datetime) -> bool:
    return delivery.has_recipient and not delivery.recipient.is_enabled


def _address_was_changed(delivery: Delivery, _context: PreflightContext, _now: datetime) -> bool:
    """Whether a link for choosing a password would go to an address that the account no longer has."""
    return delivery.kind in account_emails.LIFETIMES and delivery.address != delivery.recipient.email


def _invite_was_accepted(delivery: Delivery, _context: PreflightContext, _now: datetime) -> bool:
    return delivery.kind == "invitation" and delivery.recipient.password_hash is not None


def _interview_is_cancelled(delivery: Delivery, _context: PreflightContext, now: datetime) -> bool:
    interview = _announced_interview(delivery, now)
    return interview is not None and interview.status == "cancelled"


def _interview_has_begun(delivery: Delivery, _context: PreflightContext, now: datetime) -> bool:
    interview = _announced_interview(delivery, now)
    if interview is None:
        return False
    # An interview that was reported after its start is still news.
    return interview.status == "completed" or delivery.created_at < interview.starts_at <= now


def _interview_was_moved(delivery: Delivery, _context: PreflightContext, now: datetime) -> bool:
    row = delivery.content
    if row is None or row.interview is None:
        return False
    if isinstance(row, Notification) and row.notification_type == REMINDER:
        # Moving an interview makes the reminders of its old time expire; see `notifications.expiry`.
        return _has_expired(row, now)
    return (
        _announced_interview(delivery, now) is not None
        and (row.interview_sequence or 0) < row.interview.sequence
    )


def _interview_was_rebooked(delivery: Delivery, _context: PreflightContext, now: datetime) -> bool:
    row = delivery.content
    if row is None or row.interview is None or row.notification_type != "interview_cancelled":
        return False
    return row.interview.status == "scheduled" and not _is_prompt(delivery, now)


def _evaluation_is_settled(delivery: Delivery, _context: PreflightContext, now: datetime) -> bool:
    row = delivery.notification
    return row is not None and row.notification_type == "evaluation_due" and _has_expired(row, now)


def _was_repeated(delivery: Delivery, _context: PreflightContext, _now: datetime) -> bool:
    """Whether a newer reminder of the same kind exists. One of them is enough."""
    row = delivery.notification
    if row is None or row.notification_type not in REPEATED or row.interview_id is None:
        return False
    newer = select(Notification.id).where(
        Notification.interview_id == row.interview_id,
        Notification.recipient_id == row.recipient_id,
        Notification.notification_type == row.notification_type,
        Notification.id > row.id,
    )
    return db.session.scalar(newer.limit(1)) is not None


def _digest_is_inactive(delivery: Delivery, context: PreflightContext, _now: datetime) -> bool:
    return delivery.kind in DIGESTS and delivery.kind not in context.active_digests


def _digest_is_off(delivery: Delivery, _context: PreflightContext, _now: datetime) -> bool:
    if delivery.kind not in DIGESTS:
        return False
    preference = delivery.recipient.preference
    return not (preference.email_enabled and getattr(preference, delivery.kind))


def _digest_is_empty(delivery: Delivery, context: PreflightContext, now: datetime) -> bool:
    return delivery.kind in DIGESTS and not context.digests.find(delivery, now).unread.counts


def _notification_is_cancelled(delivery: Delivery, _context: PreflightContext, _now: datetime) -> bool:
    return delivery.notification is not None and delivery.notification.status == "cancelled"


def _is_expired(delivery: Delivery, _context: PreflightContext, now: datetime) -> bool:
    if delivery.expires_at is not None and delivery.expires_at <= now:
        return True
    return delivery.notification is not None and _has_expired(delivery.notification, now)


def _address_is_suppressed(delivery: Delivery, context: PreflightContext, _now: datetime) -> bool:
    return delivery.address in context.suppressed


def _endpoint_is_gone(delivery: Delivery, _context: PreflightContext, _now: datetime) -> bool:
    return endpoint_health.is_gone(delivery)


def _was_seen_while_held(delivery: Delivery, _context: PreflightContext, _now: datetime) -> bool:
    row = delivery.notification
    # A person who snoozed a notification has seen it.
    is_seen = row is not None and (row.read_at is not None or row.snoozed_until is not None)
    return is_seen and delivery.reason in HELD


def _room_is_closed(delivery: Delivery, _context: PreflightContext, _now: datetime) -> bool:
    return delivery.room_message is None or not delivery.room_message.room.is_open


def _room_may_not_know(delivery: Delivery, _context: PreflightContext, _now: datetime) -> bool:
    return delivery.room_message is not None and not posting.may_know(delivery.room_message)


def _room_knows_already(delivery: Delivery, _context: PreflightContext, _now: datetime) -> bool:
    return delivery.room_message is not None and posting.is_repeated(delivery.room_message)


Rule = Callable[[Delivery, PreflightContext, datetime], bool]
# (rule, state it leads to, reason code). The first rule that applies decides.
RULES: tuple[tuple[Rule, str, str], ...] = (
    (_recipient_is_disabled, "skipped", "recipient_inactive"),
    (_address_was_changed, "skipped", "address_changed"),
    (_invite_was_accepted, "skipped", "invite_accepted"),
    (_interview_is_cancelled, "skipped", "interview_cancelled"),
    (_interview_has_begun, "skipped", "interview_over"),
    (_interview_was_moved, "skipped", "interview_moved"),
    (_interview_was_rebooked, "skipped", "interview_rebooked"),
    (_evaluation_is_settled, "skipped", "evaluation_over"),
    (_was_repeated, "skipped", "said_again"),
    (_digest_is_inactive, "skipped", "template_inactive"),
    (_digest_is_off, "skipped", "digest_off"),
    (_digest_is_empty, "skipped", "read_before_sending"),
    (_notification_is_cancelled, "cancelled", "cancelled"),
    (_is_expired, "expired", "expired"),
    (_address_is_suppressed, "suppressed", "address_suppressed"),
    (_endpoint_is_gone, "skipped", "endpoint_gone"),
    (_was_seen_while_held, "skipped", "read_before_sending"),
)
# The same for messages to rooms, which have no preferences.
ROOM_RULES: tuple[tuple[Rule, str, str], ...] = (
    (_room_is_closed, "skipped", "room_closed"),
    (_room_may_not_know, "skipped", "confidential"),
    (_interview_is_cancelled, "skipped", "interview_cancelled"),
    (_interview_has_begun, "skipped", "interview_over"),
    (_interview_was_moved, "skipped", "interview_moved"),
    (_interview_was_rebooked, "skipped", "interview_rebooked"),
    (_is_expired, "expired", "expired"),
    (_room_knows_already, "skipped", "merged"),
)


def _announced_interview(delivery: Delivery, now: datetime) -> Interview | None:
    """Return the interview that a message announces, as it is now; None if the message did not have to wait."""
    row = delivery.content
    if row is None or row.notification_type not in ANNOUNCING or _is_prompt(delivery, now):
        return None
    return row.interview


def _is_prompt(delivery: Delivery, now: datetime) -> bool:
    row = delivery.content
    is_reminder = row is not None and row.notification_type == REMINDER
    return not is_reminder and delivery.reason == "queued" and now - delivery.created_at < PROMPT


def _has_expired(row: Notification, now: datetime) -> bool:
    return row.expires_at is not None and row.expires_at <= now
