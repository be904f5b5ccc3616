"""The first steps of an installation. Each ticks itself off when it has happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, select

from app.clock import utc_now
from app.database.base import db
from app.database.writing import upsert, writing
from app.models import (
    Delivery,
    Event,
    Installation,
    PreferenceDefaults,
    PreferenceLock,
    TemplateVersion,
    User,
)
from app.models.delivery import OPEN_STATES
from app.services.accounts import direct_messages
from app.services.announcements import management as announcements
from app.services.base import audit
from app.services.deliveries import delivery_log
from app.services.deliveries.delivery_log import DeliveryRow
from app.services.routing import alerts

# Events that Bellhop made itself.
OWN_SOURCES = (
    direct_messages.TEST_SOURCE,
    alerts.TEMPLATE_SOURCE,
    announcements.SOURCE,
    "bellhop:demo",
)


@dataclass(frozen=True)
class Checklist:
    """The first steps, and what is known of each.

    Args:
        mail_server: its name; empty if emails are only captured.
        test: the reader's newest test email.
        people: how many have an account, invited ones included.
        event: the type of the first event of another program, and when it arrived.
    """

    mail_server: str
    is_mail_sent: bool
    test: DeliveryRow | None
    people: int
    event: tuple[str, datetime] | None
    has_own_texts: bool
    has_own_defaults: bool

    @property
    def done(self) -> dict[str, bool]:
        """Whether each step is done, in order."""
        return {
            "mail": self.is_mail_sent,
            "invite": self.people > 1,
            "event": self.event is not None,
            "texts": self.has_own_texts,
            "defaults": self.has_own_defaults,
        }

    @property
    def is_test_open(self) -> bool:
        """Whether the test email is still to be sent."""
        return self.test is not None and self.test.delivery.state in OPEN_STATES

    @property
    def is_waiting(self) -> bool:
        """Whether something may change at any moment, without anyone touching the page."""
        return self.event is None or self.is_test_open


def is_dismissed() -> bool:
    """Whether an admin hid the checklist."""
    stored = db.session.get(Installation, 1, populate_existing=True)
    return stored is not None and stored.checklist_dismissed_at is not None


def load_checklist(reader: User, config: Mapping[str, Any]) -> Checklist:
    """Look at each step.

    Args:
        reader: the admin who reads it; the test email is their own.
        config: the application's configuration.
    """
    sent = exists().where(
        Delivery.channel == "email", Delivery.state == "sent", Delivery.reason != delivery_log.CAPTURED
    )
    facts = db.session.execute(
        select(
            select(func.count()).select_from(User).scalar_subquery().label("people"),
            exists().where(TemplateVersion.number > 1).label("has_own_texts"),
            (select(PreferenceDefaults.id).exists() | select(PreferenceLock.category).exists()).label(
                "has_own_defaults"
            ),
            (sent if config["MAIL_SERVER"] else exists().where(User.id < 0)).label("is_mail_sent"),
        )
    ).one()
    first = select(Event.type, Event.received_at).where(Event.source.not_in(OWN_SOURCES))
    event = db.session.execute(first.order_by(Event.id).limit(1)).one_or_none()
    return Checklist(
        mail_server=config["MAIL_SERVER"] or "",
        is_mail_sent=bool(facts.is_mail_sent),
        test=_newest_test(reader),
        people=facts.people,
        event=(event.type, event.received_at) if event else None,
        has_own_texts=bool(facts.has_own_texts),
        has_own_defaults=bool(facts.has_own_defaults),
    )


def send_test_email(user: User) -> None:
    """Queue a test email to an admin, and commit. Raises LimitReached if they sent ten within ten minutes."""
    direct_messages.queue_test(user, "email", user.email)


def set_dismissed(*, is_dismissed: bool, actor: User, now: datetime | None = None) -> None:
    """Hide the checklist for all admins, or show it again."""
    dismissed_at = (now or utc_now()) if is_dismissed else None
    with writing():
        row = upsert(Installation).values(id=1, checklist_dismissed_at=dismissed_at)
        changed = {"checklist_dismissed_at": dismissed_at}
        db.session.execute(row.on_conflict_do_update(index_elements=["id"], set_=changed))
        audit.record("checklist.dismissed" if is_dismissed else "checklist.restored", actor=actor)


def _newest_test(user: User) -> DeliveryRow | None:
    newest = select(Delivery).where(
        Delivery.recipient_id == user.id, Delivery.kind == "test", Delivery.channel == "email"
    )
    found = db.session.scalar(
        newest.order_by(Delivery.id.desc()).limit(1).execution_options(populate_existing=True)
    )
    return delivery_log.delivery_row(found, user) if found else None
