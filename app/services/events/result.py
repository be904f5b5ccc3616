"""What became of an event: a verdict for each recipient and channel, as a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy import bindparam, select

from app.database.base import Base, db
from app.models import Delivery, Notification, User
from app.services.base.recipients import Recipient
from app.services.routing import fanout
from app.services.routing import reasons as verdicts
from app.services.routing.reasons import Verdict

EVENTS = Base.metadata.tables["events"]
_KNOWN = select(EVENTS.c.id, EVENTS.c.type).where(
    EVENTS.c.source == bindparam("source"), EVENTS.c.external_id == bindparam("external_id")
)


@dataclass(frozen=True)
class RecipientVerdict:
    """What was, or would be, decided for one recipient and channel; `reason` is a sentence."""

    recipient_email: str
    notification_id: int | None
    channel: str
    state: str
    reason: str
    due_at: datetime | None


@dataclass(frozen=True)
class PublishResult:
    """The outcome of an event. A duplicate answers with the first one's type and verdicts, as they stand now."""

    event_id: int | None
    type: str
    is_duplicate: bool = False
    say: Callable[[], list[RecipientVerdict]] = list

    @cached_property
    def verdicts(self) -> list[RecipientVerdict]:
        """For each recipient and channel; put into words when somebody asks."""
        return self.say()


def result_of_plans(plans: Sequence[fanout.Plan], ids: Sequence[int] | None) -> list[RecipientVerdict]:
    """The verdicts of what was, or would be, written; `ids` are the notifications', in the plans' order."""
    said: dict[tuple[str, str, str], str] = {}

    def sentence(user: Recipient, verdict: Verdict) -> str:
        # A thousand people are told the same few sentences: each is made once for a clock and a language.
        key = (user.time_zone, user.locale, repr(verdict))
        if key not in said:
            said[key] = verdicts.describe(
                verdict.state,
                verdict.reason,
                verdict.data,
                time_zone=user.time_zone,
                locale=user.locale,
                due_at=verdict.due_at,
            )
        return said[key]

    return [
        RecipientVerdict(
            plan.user.email,
            ids[place] if ids else None,
            channel,
            verdict.state,
            sentence(plan.user, verdict),
            verdict.due_at,
        )
        for place, plan in enumerate(plans)
        for channel, verdict in plan.verdicts.items()
    ]


def earlier_result(source: str, external_id: str) -> PublishResult | None:
    """What became of an event that was reported before; None where it was not."""
    names = {"source": source, "external_id": external_id}
    known = db.session.execute(_KNOWN, names).one_or_none()
    if known is None:
        return None
    rows = db.session.execute(
        select(User, Delivery)
        .join(Notification, Notification.id == Delivery.notification_id)
        .join(User, User.id == Notification.recipient_id)
        .where(Notification.event_id == known.id)
        .order_by(Delivery.id)
    )
    found = [
        RecipientVerdict(
            user.email,
            row.notification_id,
            row.channel,
            row.state,
            verdicts.describe(
                row.state,
                row.reason,
                row.reason_data,
                time_zone=user.time_zone,
                locale=user.locale,
                due_at=row.due_at,
            ),
            row.due_at,
        )
        for user, row in rows
    ]
    return PublishResult(known.id, known.type, is_duplicate=True, say=lambda: found)
