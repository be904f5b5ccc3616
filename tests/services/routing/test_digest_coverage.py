"""No notification is both emailed and in a digest, and none is in neither."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app import catalog
from app.catalog import DAILY_DIGEST
from app.database.base import db
from app.models import CapturedMail, Delivery, Digest, Notification, User
from app.services import create_notification
from app.services.digests import settle
from app.services.preferences import editing as preference_editing
from app.services.preferences import unsubscribe
from app.services.routing import reasons, wording
from app.services.sending.worker import DeliveryWorker
from app.services.templates import publishing as template_publishing
from tests.support import factories

# 07:00 in UTC; the digest is due at eight.
MORNING = datetime(2026, 11, 24, 7, tzinfo=UTC)
EIGHT = MORNING + timedelta(hours=1)
MINUTE = timedelta(minutes=1)
QUIET = {"quiet_enabled": True}
WAITING = {"email_delay_minutes": 60}


def subscriber(**preference: Any) -> User:
    return factories.user("dana@example.test", preference={"daily_digest": True} | preference)


def notify(user: User, title: str, priority: str, at: datetime = MORNING, **more: Any) -> Delivery:
    row = create_notification(user, "candidate_added", title, "", priority=priority, now=at, **more)
    return db.session.scalars(
        select(Delivery).where(Delivery.notification_id == row.id, Delivery.channel == "email")
    ).one()


def result_of(row: Delivery) -> tuple[str, str]:
    db.session.refresh(row)
    return row.state, row.reason


def digest_text(user: User) -> str:
    raw = db.session.scalars(
        select(CapturedMail.raw)
        .join(Delivery, Delivery.id == CapturedMail.delivery_id)
        .where(Delivery.recipient_id == user.id, Delivery.kind == DAILY_DIGEST)
    ).all()
    return b"".join(raw).decode()


def turn_off_for_everyone(actor: User) -> None:
    template_publishing.set_active(wording.by_name(DAILY_DIGEST).id, is_active=False, actor=actor)


def test_emails_are_sent_when_an_admin_turned_the_digest_off(
    app: Flask, bob: User, worker: DeliveryWorker
) -> None:
    dana = subscriber()
    turn_off_for_everyone(bob)
    mail = notify(dana, "News", "medium")
    assert (mail.state, mail.reason) == ("pending", "queued")
    worker.deliver_due(MORNING)
    assert result_of(mail)[0] == "sent"
    assert settle.send_due(DAILY_DIGEST, EIGHT) == 0


@pytest.mark.parametrize("preference", [QUIET | {"digest_hour": 6}, WAITING])
def test_a_held_email_is_not_sent_once_a_digest_includes_it(
    app: Flask, worker: DeliveryWorker, preference: dict[str, Any]
) -> None:
    dana = subscriber(**preference)
    at = MORNING - MINUTE if preference is not WAITING else MORNING + 30 * MINUTE
    mail = notify(dana, "Important", "high", at=at)
    assert mail.state == "pending"
    assert settle.send_due(DAILY_DIGEST, EIGHT if preference is WAITING else MORNING) == 1
    worker.deliver_due(EIGHT + timedelta(hours=1))
    assert result_of(mail) == ("skipped", "digested")
    assert "Important" in digest_text(dana)


def test_emails_that_no_digest_includes_are_sent(app: Flask, worker: DeliveryWorker) -> None:
    dana = subscriber(**WAITING)
    notify(dana, "Earlier", "medium")
    assert settle.send_due(DAILY_DIGEST, EIGHT) == 1
    later = notify(dana, "Important, later", "high", at=EIGHT + MINUTE)
    dana.preference.in_app_enabled = False
    db.session.commit()
    hidden = notify(dana, "Important, by email only", "high", at=EIGHT - MINUTE)
    worker.deliver_due(EIGHT + timedelta(hours=2))
    assert [result_of(later)[0], result_of(hidden)[0]] == ["sent", "sent"]


def test_urgent_emails_are_sent_even_if_a_digest_includes_them(app: Flask, worker: DeliveryWorker) -> None:
    dana = subscriber()
    mail = notify(dana, "Fire", "urgent")
    assert settle.send_due(DAILY_DIGEST, EIGHT) == 1
    worker.deliver_due(EIGHT)
    assert result_of(mail)[0] == "sent"


def by_preferences(user: User) -> None:
    preference_editing.change(user, {"daily_digest": False}, now=MORNING + MINUTE)


def by_link(user: User) -> None:
    unsubscribe.stop(unsubscribe.unsubscribe_link(user, DAILY_DIGEST, "k", "").rpartition("/")[2], "k")


def with_email_off(user: User) -> None:
    preference_editing.change(user, {"email_enabled": False}, now=MORNING + MINUTE)


def as_admin(_user: User) -> None:
    turn_off_for_everyone(factories.user("admin@example.test", role="admin"))


def test_notifications_of_a_digest_that_is_turned_off_say_so(any_app: Flask) -> None:
    other = factories.user("other@example.test", preference={"daily_digest": True})
    their_email = notify(other, "Theirs", "medium")
    for number, turn_off in enumerate((by_preferences, by_link, with_email_off, as_admin)):
        dana = factories.user(f"dana{number}@example.test", preference={"daily_digest": True})
        left, read = notify(dana, "Left", "medium"), notify(dana, "Read", "medium")
        db.session.get_one(Notification, read.notification_id).read_at = MORNING
        db.session.commit()
        assert result_of(their_email) == ("skipped", "in_digest")
        turn_off(dana)
        assert result_of(left) == ("skipped", "digest_gone")
        assert result_of(read) == ("skipped", "in_digest")
    assert "See the inbox" in reasons.describe(*result_of(left), {}, time_zone="UTC")
    assert result_of(their_email) == ("skipped", "digest_gone"), "an admin turned it off for everyone"


def test_notifications_by_email_only_are_emailed_when_the_digest_is_turned_off(
    app: Flask, worker: DeliveryWorker
) -> None:
    dana = subscriber(in_app_enabled=False)
    mail = notify(dana, "By email only", "medium")
    assert mail.reason == "in_digest"
    by_preferences(dana)
    assert result_of(mail) == ("pending", "queued")
    worker.deliver_due(MORNING + 2 * MINUTE)
    assert result_of(mail)[0] == "sent"


def test_notifications_that_a_digest_listed_keep_their_reason(app: Flask, worker: DeliveryWorker) -> None:
    dana = subscriber()
    listed = notify(dana, "Listed", "medium")
    settle.send_due(DAILY_DIGEST, EIGHT)
    worker.deliver_due(EIGHT)
    preference_editing.change(dana, {"daily_digest": False}, now=EIGHT + MINUTE)
    assert result_of(listed) == ("skipped", "in_digest")


def test_a_queued_digest_is_not_sent_when_it_is_turned_off(
    app: Flask, bob: User, worker: DeliveryWorker
) -> None:
    dana = subscriber()
    held = notify(dana, "Held", "medium")
    settle.send_due(DAILY_DIGEST, EIGHT)
    turn_off_for_everyone(bob)
    worker.deliver_due(EIGHT)
    mail = db.session.scalars(select(Delivery).join(Digest, Digest.delivery_id == Delivery.id)).one()
    assert result_of(mail) == ("skipped", "template_inactive")
    assert result_of(held) == ("skipped", "digest_gone")


def test_turning_the_digest_on_again_includes_what_waited(app: Flask, worker: DeliveryWorker) -> None:
    dana = subscriber()
    mail = notify(dana, "News", "medium")
    changed = preference_editing.change(dana, {"daily_digest": False}, now=MORNING + MINUTE)
    preference_editing.change(dana, changed.before, now=MORNING + 2 * MINUTE)
    assert result_of(mail) == ("skipped", "in_digest")
    settle.send_due(DAILY_DIGEST, EIGHT)
    worker.deliver_due(EIGHT)
    assert "News" in digest_text(dana)


def test_snoozed_notifications_are_not_emailed(app: Flask, worker: DeliveryWorker) -> None:
    dana = subscriber(daily_digest=False, **WAITING)
    mail = notify(dana, "Later", "high")
    row = db.session.get_one(Notification, mail.notification_id)
    row.snoozed_until = row.surfaced_at = EIGHT + timedelta(days=1)
    db.session.commit()
    worker.deliver_due(EIGHT + MINUTE)
    assert result_of(mail) == ("skipped", "read_before_sending")


STEPS = st.one_of(
    st.tuples(st.just("notify"), st.sampled_from(catalog.PRIORITIES)),
    st.tuples(st.just("daily_digest"), st.booleans()),
    st.tuples(st.just("in_app_enabled"), st.booleans()),
    st.tuples(st.just("quiet"), st.booleans()),
    st.tuples(st.just("email_delay_minutes"), st.sampled_from([0, 60])),
    st.tuples(st.just("runs"), st.integers(1, 5)),
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=4, max_size=20))
def test_any_sequence_of_changes_delivers_every_notification_once(
    app: Flask, worker: DeliveryWorker, steps: list[tuple[str, Any]]
) -> None:
    """A person gets notifications and changes preferences while the jobs run every other hour."""
    dana = factories.user(f"{factories.unique()}@example.test", preference={"daily_digest": True})
    now = MORNING
    for what, value in [*steps, ("runs", 14), ("daily_digest", False), ("runs", 7)]:
        if what == "notify":
            notify(dana, "News", value, at=now)
        elif what == "quiet":
            preference_editing.change(dana, {"quiet_hours": {"enabled": value}}, now=now)
        elif what != "runs":
            preference_editing.change(dana, {what: value}, now=now)
        for _run in range(value if what == "runs" else 0):
            now += timedelta(hours=2)
            settle.send_due(DAILY_DIGEST, now)
            worker.deliver_due(now)
        now += MINUTE
    listed = digest_times(dana)
    for row in db.session.scalars(select(Notification).where(Notification.recipient_id == dana.id)):
        (mail,) = [delivery for delivery in row.deliveries if delivery.channel == "email"]
        db.session.refresh(mail)
        arrived_at = row.surfaced_at or row.created_at
        if mail.state == "sent" and row.surfaced_at and row.priority != "urgent":
            assert mail.sent_at
            assert not any(arrived_at <= settled <= mail.sent_at for settled in listed)
        if mail.reason in {"in_digest", "digested"}:
            assert any(arrived_at <= settled for settled in listed)
        assert mail.state in {"sent", "skipped"}, "no email is still pending at the end"


def digest_times(user: User) -> list[datetime]:
    """Return when the digests that were sent to this person were settled."""
    sent = select(Digest.settled_at).join(Delivery, Delivery.id == Digest.delivery_id)
    return list(db.session.scalars(sent.where(Digest.user_id == user.id, Delivery.state == "sent")))
