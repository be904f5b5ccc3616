"""Decides whether and when one notification is sent to one person over one channel.

`RULES` holds the order of the decisions: each is a function below, and the first that returns a verdict decides. Urgent
messages pass quiet hours and pauses in `_hold_for_quiet_hours`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps

from app import catalog
from app.models import Delivery, Notification, UserNotificationPreference
from app.services.base.recipients import Recipient
from app.services.follows.lookup import Mutes, find_mute, list_subjects
from app.services.routing import quiet_hours
from app.services.routing.reasons import Verdict
from app.services.routing.required_channels import RequiredChannels

PRIORITIES_NOT_IN_DIGEST = frozenset({"high", "urgent"})
TYPES_NOT_IN_DIGEST = frozenset({"interview_reminder"})


@dataclass(frozen=True)
class DecisionInput:
    """Everything that a decision depends on.

    `shown_at` is when the notification appears in the inbox. `due_at` is when it could be sent: the same at publishing,
    the present when a held delivery is checked before sending. After `useful_until` it is too late to send it.
    `is_listed_in_digest` means that a daily digest has included it while its email was held. `muted_by` is the
    subject that the person has muted.
    """

    user: Recipient
    preference: UserNotificationPreference
    channel: str
    notification_type: str
    category: str
    priority: str
    address: str
    is_template_active: bool
    is_required: bool
    suppressed_because: str | None
    shown_at: datetime
    due_at: datetime
    useful_until: datetime | None
    is_digest_active: bool
    is_listed_in_digest: bool = False
    muted_by: str | None = None

    @property
    def is_urgent(self) -> bool:
        return self.priority == "urgent"

    @property
    def is_inbox(self) -> bool:
        """The inbox needs no address and disturbs no one."""
        return self.channel == "in_app"

    def skip(self, reason: str) -> Verdict:
        return Verdict("skipped", reason, data={"channel": self.channel, "category": self.category})


Rule = Callable[[DecisionInput], Verdict | None]


def _unless_required(rule: Rule) -> Rule:
    """Apply a rule only where an admin does not require the channel."""

    @wraps(rule)
    def checked(facts: DecisionInput) -> Verdict | None:
        return None if facts.is_required else rule(facts)

    return checked


def _skip_disabled_account(facts: DecisionInput) -> Verdict | None:
    return None if facts.user.is_enabled else facts.skip("recipient_inactive")


def _skip_inactive_template(facts: DecisionInput) -> Verdict | None:
    return None if facts.is_template_active else facts.skip("template_inactive")


def _skip_muted(facts: DecisionInput) -> Verdict | None:
    if facts.muted_by is None or facts.is_urgent:
        return None
    return facts.skip(f"{facts.muted_by.partition(':')[0]}_muted")


def _skip_category(facts: DecisionInput) -> Verdict | None:
    is_on = getattr(facts.preference, f"{facts.category}_notifications")
    return None if is_on else facts.skip("category_off")


def _skip_channel(facts: DecisionInput) -> Verdict | None:
    is_on = getattr(facts.preference, f"{facts.channel}_enabled")
    return None if is_on else facts.skip("channel_off")


def _skip_matrix_cell(facts: DecisionInput) -> Verdict | None:
    is_on = facts.preference.matrix.get(facts.category, {}).get(facts.channel, True)
    return None if is_on else facts.skip("matrix_off")


def _skip_unreachable(facts: DecisionInput) -> Verdict | None:
    if facts.is_inbox:
        return None
    if not facts.address:
        return facts.skip("no_address")
    if facts.suppressed_because is not None:
        return Verdict("suppressed", "address_suppressed", data={"detail": facts.suppressed_because})
    return None


def _leave_to_digest(facts: DecisionInput) -> Verdict | None:
    """Leave what can wait to the daily digest."""
    if facts.channel != "email" or not facts.preference.daily_digest or not facts.is_digest_active:
        return None
    if facts.priority in PRIORITIES_NOT_IN_DIGEST or facts.notification_type in TYPES_NOT_IN_DIGEST:
        return None
    return facts.skip("in_digest")


def _skip_listed_in_digest(facts: DecisionInput) -> Verdict | None:
    """Skip an email that was held until a digest included the notification, whatever its priority below urgent."""
    if facts.channel == "email" and facts.is_listed_in_digest and not facts.is_urgent:
        return facts.skip("digested")
    return None


def _hold_for_quiet_hours(facts: DecisionInput) -> Verdict | None:
    # Urgent messages are sent during quiet hours and pauses.
    if facts.is_urgent or facts.is_inbox:
        return None
    hold = quiet_hours.hold_until(facts.user, facts.preference, facts.due_at)
    return Verdict("pending", hold.reason, hold.until) if hold else None


def _hold_while_unread(facts: DecisionInput) -> Verdict | None:
    """Hold an email for as long as its recipient wants to have time to read the notification in the inbox."""
    minutes = facts.preference.email_delay_minutes
    if facts.channel != "email" or facts.is_urgent or not minutes:
        return None
    until = facts.shown_at + timedelta(minutes=minutes)
    if until <= facts.due_at:
        return None
    # Send it now rather than too late.
    if facts.useful_until is not None and until >= facts.useful_until:
        return None
    return Verdict("pending", "unread_wait", until)


RULES: tuple[Rule, ...] = (
    _skip_disabled_account,
    _skip_inactive_template,
    _unless_required(_skip_muted),
    _unless_required(_skip_category),
    _unless_required(_skip_channel),
    _unless_required(_skip_matrix_cell),
    _skip_unreachable,
    _unless_required(_leave_to_digest),
    _skip_listed_in_digest,
    _hold_for_quiet_hours,
    _hold_while_unread,
)


def decide(facts: DecisionInput, now: datetime) -> Verdict:
    """Return the verdict for one recipient and channel, without reading or writing anything."""
    for rule in RULES:
        if verdict := rule(facts):
            return verdict
    if facts.due_at > now:
        return Verdict("pending", "scheduled", facts.due_at)
    return Verdict("sent", "shown", now) if facts.is_inbox else Verdict("pending", "queued", now)


def decision_input(
    user: Recipient,
    channel: str,
    notification_type: str,
    priority: str,
    due_at: datetime,
    *,
    address: str,
    is_template_active: bool,
    suppressed: Mapping[tuple[str, str], str],
    required: RequiredChannels,
    useful_until: datetime | None,
    is_digest_active: bool,
    muted_by: str | None,
) -> DecisionInput:
    """Gather the input of a decision at publishing.

    Args:
        address: the recipient's first address on the channel; "" if there is none.
        suppressed: the reasons of suppressed addresses, by channel and address.
    """
    category = catalog.category_of(notification_type)
    return DecisionInput(
        user=user,
        preference=user.preference,
        channel=channel,
        notification_type=notification_type,
        category=category,
        priority=priority,
        address=address,
        is_template_active=is_template_active,
        is_required=(category, channel) in required,
        suppressed_because=suppressed.get((channel, address)),
        shown_at=due_at,
        due_at=due_at,
        useful_until=useful_until,
        is_digest_active=is_digest_active,
        muted_by=muted_by,
    )


def input_before_sending(
    delivery: Delivery,
    row: Notification,
    now: datetime,
    *,
    required: RequiredChannels,
    is_digest_active: bool,
    digested_at: datetime | None,
    mutes: Mutes,
) -> DecisionInput:
    """Gather the input of the decision on a delivery that is about to be sent: preferences may have changed.

    Its address and its template were decided on at publishing.

    Args:
        digested_at: when the recipient's newest daily digest was settled.
        mutes: what the recipient has muted.
    """
    is_reminder = row.notification_type == "interview_reminder" and row.interview is not None
    return DecisionInput(
        user=Recipient.from_user(delivery.recipient),
        preference=delivery.recipient.preference,
        channel=delivery.channel,
        notification_type=row.notification_type,
        category=row.category,
        priority=row.priority,
        address=delivery.address,
        is_template_active=True,
        is_required=(row.category, delivery.channel) in required,
        suppressed_because=None,
        shown_at=max(row.deliver_at or row.created_at, row.created_at),
        due_at=now,
        useful_until=row.interview.starts_at if is_reminder and row.interview else row.expires_at,
        is_digest_active=is_digest_active,
        muted_by=find_mute(
            delivery.recipient_id,
            list_subjects(row.candidate_id, row.job_id, row.notification_type),
            mutes,
        ),
        is_listed_in_digest=bool(digested_at and row.surfaced_at and row.surfaced_at <= digested_at),
    )
