"""The order of decisions: whether, when and why (not) one message goes to one person over one channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app import catalog
from app.models import User, UserNotificationPreference
from app.rendering.dates import zone
from app.services.verdicts import Verdict


@dataclass(frozen=True)
class Question:
    """All that a decision looks at, as plain facts."""

    user: User
    preference: UserNotificationPreference
    channel: str
    category: str
    priority: str
    address: str
    is_template_active: bool
    suppressed_because: str | None
    due_at: datetime

    @property
    def is_urgent(self) -> bool:
        return self.priority == "urgent"

    @property
    def is_immediate(self) -> bool:
        """The inbox needs no address and wakes nobody."""
        return self.channel == "in_app"

    def skipped(self, reason: str) -> Verdict:
        return Verdict("skipped", reason, data={"channel": self.channel, "category": self.category})


def _recipient(q: Question) -> Verdict | None:
    return None if q.user.is_enabled else q.skipped("recipient_inactive")


def _template(q: Question) -> Verdict | None:
    return None if q.is_template_active else q.skipped("template_inactive")


def _category(q: Question) -> Verdict | None:
    return None if getattr(q.preference, f"{q.category}_notifications") else q.skipped("category_off")


def _channel(q: Question) -> Verdict | None:
    return None if getattr(q.preference, f"{q.channel}_enabled") else q.skipped("channel_off")


def _matrix(q: Question) -> Verdict | None:
    return None if q.preference.matrix.get(q.category, {}).get(q.channel, True) else q.skipped("matrix_off")


def _address(q: Question) -> Verdict | None:
    if q.is_immediate:
        return None
    if not q.address:
        return q.skipped("no_address")
    if q.suppressed_because is not None:
        return Verdict("suppressed", "address_suppressed", data={"detail": q.suppressed_because})
    return None


def _quiet_hours(q: Question) -> Verdict | None:
    if q.is_urgent or q.is_immediate:
        return None
    paused, quiet = q.preference.paused_until, quiet_until(q.user, q.preference, q.due_at)
    if paused and paused > max(q.due_at, quiet or q.due_at):
        return Verdict("pending", "paused", paused)
    return Verdict("pending", "quiet_hours", quiet) if quiet else None


def _unread_wait(q: Question) -> Verdict | None:
    minutes = q.preference.email_delay_minutes
    if q.channel != "email" or q.is_urgent or not minutes:
        return None
    return Verdict("pending", "unread_wait", q.due_at + timedelta(minutes=minutes))


# Product rule 6.3, in its order: the first that has something to say decides.
DECISIONS: tuple[Callable[[Question], Verdict | None], ...] = (
    _recipient,
    _template,
    _category,
    _channel,
    _matrix,
    _address,
    _quiet_hours,
    _unread_wait,
)


def decide(question: Question, now: datetime) -> Verdict:
    """The verdict for one recipient and channel; nothing is read or written here."""
    for rule in DECISIONS:
        if verdict := rule(question):
            return verdict
    if question.due_at > now:
        return Verdict("pending", "scheduled", question.due_at)
    return Verdict("sent", "shown", now) if question.is_immediate else Verdict("pending", "queued", now)


def quiet_until(user: User, preference: UserNotificationPreference, instant: datetime) -> datetime | None:
    """When the quiet hours around an instant end; None outside them.

    A quiet night belongs to the day on which it starts. The clock is the person's own.
    """
    if not preference.quiet_enabled or preference.quiet_start == preference.quiet_end:
        return None
    local = instant.astimezone(zone(user.time_zone))
    crosses_midnight = preference.quiet_end < preference.quiet_start
    for start_day in (local.date(), local.date() - timedelta(days=1)):
        if start_day.weekday() not in preference.quiet_days:
            continue
        end_day = start_day + timedelta(days=crosses_midnight)
        start = datetime.combine(start_day, preference.quiet_start, local.tzinfo)
        end = datetime.combine(end_day, preference.quiet_end, local.tzinfo)
        # Compared as instants: on a night when the clock changes, wall times alone would mislead.
        if start.timestamp() <= instant.timestamp() < end.timestamp():
            return end.astimezone(instant.tzinfo)
    return None


ADDRESSES: dict[str, Callable[[User], str]] = {"email": lambda user: user.email}


def address_for(user: User, channel: str) -> str:
    """Where a channel reaches a person; empty where it cannot (yet)."""
    find = ADDRESSES.get(channel)
    return find(user) if find else ""


def question(
    user: User,
    channel: str,
    notification_type: str,
    priority: str,
    due_at: datetime,
    *,
    is_template_active: bool,
    suppressed: dict[tuple[str, str], str],
) -> Question:
    """The question for one recipient and channel, from what a publisher has at hand."""
    address = address_for(user, channel)
    return Question(
        user=user,
        preference=user.preference,
        channel=channel,
        category=catalog.category_of(notification_type),
        priority=priority,
        address=address,
        is_template_active=is_template_active,
        suppressed_because=suppressed.get((channel, address)),
        due_at=due_at,
    )
