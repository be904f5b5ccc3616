"""The order of decisions: whether, when and why (not) one message goes to one person over one channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps

from app import catalog
from app.models import Delivery, Notification, UserNotificationPreference
from app.services.base.recipients import Recipient
from app.services.routing import quiet_hours
from app.services.routing.reasons import Verdict
from app.services.routing.required_channels import RequiredChannels


@dataclass(frozen=True)
class DecisionInput:
    """All that a decision looks at, as plain facts.

    `shown_at` is when it stands in the inbox; `due_at` when it could be sent: the same while publishing, now
    when it is looked at once more before sending. `useful_until` is when being told is of no more use;
    `is_digested`, that a daily digest has taken it up while its mail waited.
    """

    user: Recipient
    preference: UserNotificationPreference
    channel: str
    notification_type: str
    category: str
    priority: str
    address: str
    is_template_active: bool
    is_locked: bool
    suppressed_because: str | None
    shown_at: datetime
    due_at: datetime
    useful_until: datetime | None
    is_digest_live: bool
    is_digested: bool = False

    @property
    def is_urgent(self) -> bool:
        return self.priority == "urgent"

    @property
    def is_immediate(self) -> bool:
        """The inbox needs no address and wakes nobody."""
        return self.channel == "in_app"

    def skipped(self, reason: str) -> Verdict:
        return Verdict("skipped", reason, data={"channel": self.channel, "category": self.category})


Rule = Callable[[DecisionInput], Verdict | None]


def unless_required(rule: Rule) -> Rule:
    """What an admin locked reaches everyone: a person's own switches do not count."""

    @wraps(rule)
    def asked(q: DecisionInput) -> Verdict | None:
        return None if q.is_locked else rule(q)

    return asked


def _recipient(q: DecisionInput) -> Verdict | None:
    return None if q.user.is_enabled else q.skipped("recipient_inactive")


def _template(q: DecisionInput) -> Verdict | None:
    return None if q.is_template_active else q.skipped("template_inactive")


def _category(q: DecisionInput) -> Verdict | None:
    return None if getattr(q.preference, f"{q.category}_notifications") else q.skipped("category_off")


def _channel(q: DecisionInput) -> Verdict | None:
    return None if getattr(q.preference, f"{q.channel}_enabled") else q.skipped("channel_off")


def _matrix(q: DecisionInput) -> Verdict | None:
    return None if q.preference.matrix.get(q.category, {}).get(q.channel, True) else q.skipped("matrix_off")


def _address(q: DecisionInput) -> Verdict | None:
    if q.is_immediate:
        return None
    if not q.address:
        return q.skipped("no_address")
    if q.suppressed_because is not None:
        return Verdict("suppressed", "address_suppressed", data={"detail": q.suppressed_because})
    return None


def _digest(q: DecisionInput) -> Verdict | None:
    """Whoever gets a digest reads there what is not pressing."""
    is_pressing = q.priority in URGENT_PRIORITIES or q.notification_type in NEVER_IN_DIGEST
    if q.channel != "email" or not q.preference.daily_digest or not q.is_digest_live or is_pressing:
        return None
    return q.skipped("in_digest")


def _digested(q: DecisionInput) -> Verdict | None:
    """What waited until a digest took it up is read there, pressing or not."""
    return q.skipped("digested") if q.channel == "email" and q.is_digested and not q.is_urgent else None


def _hold(q: DecisionInput) -> Verdict | None:
    if q.is_urgent or q.is_immediate:
        return None
    held = quiet_hours.hold_until(q.user, q.preference, q.due_at)
    return Verdict("pending", held.reason, held.until) if held else None


def _unread_wait(q: DecisionInput) -> Verdict | None:
    minutes = q.preference.email_delay_minutes
    until = q.shown_at + timedelta(minutes=minutes)
    if q.channel != "email" or q.is_urgent or not minutes or until <= q.due_at:
        return None
    # A reminder of an interview that begins meanwhile is of no use: better told twice than too late.
    if q.useful_until is not None and until >= q.useful_until:
        return None
    return Verdict("pending", "unread_wait", until)


URGENT_PRIORITIES = frozenset({"high", "urgent"})
NEVER_IN_DIGEST = frozenset({"interview_reminder"})

# Product rule 6.3, in its order: the first that has something to say decides.
DECISIONS: tuple[Rule, ...] = (
    _recipient,
    _template,
    unless_required(_category),
    unless_required(_channel),
    unless_required(_matrix),
    _address,
    unless_required(_digest),
    _digested,
    _hold,
    _unread_wait,
)


def decide(question: DecisionInput, now: datetime) -> Verdict:
    """The verdict for one recipient and channel; nothing is read or written here."""
    for rule in DECISIONS:
        if verdict := rule(question):
            return verdict
    if question.due_at > now:
        return Verdict("pending", "scheduled", question.due_at)
    return Verdict("sent", "shown", now) if question.is_immediate else Verdict("pending", "queued", now)


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
    locks: RequiredChannels,
    useful_until: datetime | None,
    is_digest_live: bool,
) -> DecisionInput:
    """The question for one recipient and channel, from what a publisher has at hand."""
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
        is_locked=(category, channel) in locks,
        suppressed_because=suppressed.get((channel, address)),
        shown_at=due_at,
        due_at=due_at,
        useful_until=useful_until,
        is_digest_live=is_digest_live,
    )


def input_before_sending(
    delivery: Delivery,
    row: Notification,
    now: datetime,
    *,
    locks: RequiredChannels,
    is_digest_live: bool,
    digested_at: datetime | None,
) -> DecisionInput:
    """The question for a delivery that waited: what its reader has changed since counts.

    Its address and its template were decided on when it was written.

    Args:
        digested_at: when the newest digest of this person took up what stood unread in the inbox.
    """
    is_reminder = row.notification_type == "interview_reminder" and row.interview is not None
    return DecisionInput(
        user=Recipient.of(delivery.recipient),
        preference=delivery.recipient.preference,
        channel=delivery.channel,
        notification_type=row.notification_type,
        category=row.category,
        priority=row.priority,
        address=delivery.address,
        is_template_active=True,
        is_locked=(row.category, delivery.channel) in locks,
        suppressed_because=None,
        shown_at=max(row.deliver_at or row.created_at, row.created_at),
        due_at=now,
        useful_until=row.interview.starts_at if is_reminder and row.interview else row.expires_at,
        is_digest_live=is_digest_live,
        is_digested=bool(digested_at and row.surfaced_at and row.surfaced_at <= digested_at),
    )
