"""Nothing is mailed both by itself and in a digest, and nothing is lost between the two."""

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
from app.services.sending.email import SiteIdentity
from app.services.sending.worker import DeliveryWorker
from app.services.templates import management as template_management
from tests.support import factories

# 07:00 in UTC; the digest comes at eight.
MORNING = datetime(2026, 11, 24, 7, tzinfo=UTC)
EIGHT = MORNING + timedelta(hours=1)
MINUTE = timedelta(minutes=1)
QUIET = {"quiet_enabled": True}
WAITS = {"email_delay_minutes": 60}


@pytest.fixture
def courier(app: Flask) -> DeliveryWorker:
    return DeliveryWorker(
        SiteIdentity("http://bellhop.test", "bellhop@example.test", app.config["SECRET_KEY"])
    )


def reader(**preference: Any) -> User:
    return factories.user("dana@example.test", preference={"daily_digest": True} | preference)


def tell(user: User, title: str, priority: str, at: datetime = MORNING, **more: Any) -> Delivery:
    row = create_notification(user, "candidate_added", title, "", priority=priority, now=at, **more)
    return db.session.scalars(
        select(Delivery).where(Delivery.notification_id == row.id, Delivery.channel == "email")
    ).one()


def again(row: Delivery) -> tuple[str, str]:
    db.session.refresh(row)
    return row.state, row.reason


def digest_text(user: User) -> str:
    raw = db.session.scalars(
        select(CapturedMail.raw)
        .join(Delivery, Delivery.id == CapturedMail.delivery_id)
        .where(Delivery.recipient_id == user.id, Delivery.kind == DAILY_DIGEST)
    ).all()
    return b"".join(raw).decode()


def switch_off_for_everyone(actor: User) -> None:
    template_management.set_active(wording.by_name(DAILY_DIGEST).id, is_active=False, actor=actor)


def test_without_a_digest_for_anybody_each_mail_goes_by_itself(
    app: Flask, bob: User, courier: DeliveryWorker
) -> None:
    dana = reader()
    switch_off_for_everyone(bob)
    mail = tell(dana, "News", "medium")
    assert (mail.state, mail.reason) == ("pending", "queued")
    courier.deliver_due(MORNING)
    assert again(mail)[0] == "sent"
    assert settle.send_due(DAILY_DIGEST, EIGHT) == 0


@pytest.mark.parametrize("preference", [QUIET | {"digest_hour": 6}, WAITS])
def test_a_pressing_mail_that_waited_until_a_digest_took_it_up_is_not_sent_beside_it(
    app: Flask, courier: DeliveryWorker, preference: dict[str, Any]
) -> None:
    dana = reader(**preference)
    at = MORNING - MINUTE if preference is not WAITS else MORNING + 30 * MINUTE
    mail = tell(dana, "Pressing", "high", at=at)
    assert mail.state == "pending"
    assert settle.send_due(DAILY_DIGEST, EIGHT if preference is WAITS else MORNING) == 1
    courier.deliver_due(EIGHT + timedelta(hours=1))
    assert again(mail) == ("skipped", "digested")
    assert "Pressing" in digest_text(dana)


def test_a_digest_that_does_not_hold_it_stops_no_mail(app: Flask, courier: DeliveryWorker) -> None:
    dana = reader(**WAITS)
    tell(dana, "Earlier", "medium")
    assert settle.send_due(DAILY_DIGEST, EIGHT) == 1
    later = tell(dana, "Pressing, later", "high", at=EIGHT + MINUTE)
    dana.preference.in_app_enabled = False
    db.session.commit()
    hidden = tell(dana, "Pressing, by mail alone", "high", at=EIGHT - MINUTE)
    courier.deliver_due(EIGHT + timedelta(hours=2))
    assert [again(later)[0], again(hidden)[0]] == ["sent", "sent"]


def test_what_is_urgent_goes_whatever_a_digest_holds(app: Flask, courier: DeliveryWorker) -> None:
    dana = reader()
    mail = tell(dana, "Fire", "urgent")
    assert settle.send_due(DAILY_DIGEST, EIGHT) == 1
    courier.deliver_due(EIGHT)
    assert again(mail)[0] == "sent"


def by_preferences(user: User) -> None:
    preference_editing.change(user, {"daily_digest": False}, now=MORNING + MINUTE)


def by_link(user: User) -> None:
    unsubscribe.stop(unsubscribe.unsubscribe_link(user, DAILY_DIGEST, "k", "").rpartition("/")[2], "k")


def without_any_mail(user: User) -> None:
    preference_editing.change(user, {"email_enabled": False}, now=MORNING + MINUTE)


def by_an_admin(_user: User) -> None:
    switch_off_for_everyone(factories.user("admin@example.test", role="admin"))


def test_what_waits_for_a_digest_that_will_not_come_says_so(any_app: Flask) -> None:
    other = factories.user("other@example.test", preference={"daily_digest": True})
    hers = tell(other, "Hers", "medium")
    for number, switch_off in enumerate((by_preferences, by_link, without_any_mail, by_an_admin)):
        dana = factories.user(f"dana{number}@example.test", preference={"daily_digest": True})
        left, read = tell(dana, "Left", "medium"), tell(dana, "Read", "medium")
        db.session.get_one(Notification, read.notification_id).read_at = MORNING
        db.session.commit()
        assert again(hers) == ("skipped", "in_digest")
        switch_off(dana)
        assert again(left) == ("skipped", "digest_gone")
        assert again(read) == ("skipped", "in_digest")
    assert "stands in the inbox" in reasons.describe(*again(left), {}, time_zone="UTC")
    assert again(hers) == ("skipped", "digest_gone"), "an admin switched it off for everyone"


def test_what_would_have_come_by_mail_alone_is_mailed_by_itself(app: Flask, courier: DeliveryWorker) -> None:
    dana = reader(in_app_enabled=False)
    mail = tell(dana, "By mail alone", "medium")
    assert mail.reason == "in_digest"
    by_preferences(dana)
    assert again(mail) == ("pending", "queued")
    courier.deliver_due(MORNING + 2 * MINUTE)
    assert again(mail)[0] == "sent"


def test_what_a_digest_listed_stays_as_it_was_told(app: Flask, courier: DeliveryWorker) -> None:
    dana = reader()
    listed = tell(dana, "Listed", "medium")
    settle.send_due(DAILY_DIGEST, EIGHT)
    courier.deliver_due(EIGHT)
    preference_editing.change(dana, {"daily_digest": False}, now=EIGHT + MINUTE)
    assert again(listed) == ("skipped", "in_digest")


def test_a_digest_that_was_on_its_way_is_not_sent_and_what_it_held_says_so(
    app: Flask, bob: User, courier: DeliveryWorker
) -> None:
    dana = reader()
    held = tell(dana, "Held", "medium")
    settle.send_due(DAILY_DIGEST, EIGHT)
    switch_off_for_everyone(bob)
    courier.deliver_due(EIGHT)
    mail = db.session.scalars(select(Delivery).join(Digest, Digest.delivery_id == Delivery.id)).one()
    assert again(mail) == ("skipped", "template_inactive")
    assert again(held) == ("skipped", "digest_gone")


def test_who_wants_the_digest_after_all_finds_it_there(app: Flask, courier: DeliveryWorker) -> None:
    dana = reader()
    mail = tell(dana, "News", "medium")
    changed = preference_editing.change(dana, {"daily_digest": False}, now=MORNING + MINUTE)
    preference_editing.change(dana, changed.before, now=MORNING + 2 * MINUTE)
    assert again(mail) == ("skipped", "in_digest")
    settle.send_due(DAILY_DIGEST, EIGHT)
    courier.deliver_due(EIGHT)
    assert "News" in digest_text(dana)


def test_what_its_reader_put_off_meanwhile_is_not_mailed(app: Flask, courier: DeliveryWorker) -> None:
    dana = reader(daily_digest=False, **WAITS)
    mail = tell(dana, "Later", "high")
    row = db.session.get_one(Notification, mail.notification_id)
    row.snoozed_until = row.surfaced_at = EIGHT + timedelta(days=1)
    db.session.commit()
    courier.deliver_due(EIGHT + MINUTE)
    assert again(mail) == ("skipped", "read_before_sending")


STEPS = st.one_of(
    st.tuples(st.just("tell"), st.sampled_from(catalog.PRIORITIES)),
    st.tuples(st.just("daily_digest"), st.booleans()),
    st.tuples(st.just("in_app_enabled"), st.booleans()),
    st.tuples(st.just("quiet"), st.booleans()),
    st.tuples(st.just("email_delay_minutes"), st.sampled_from([0, 60])),
    st.tuples(st.just("runs"), st.integers(1, 5)),
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=4, max_size=20))
def test_whatever_is_switched_nothing_comes_twice_and_nothing_waits_for_a_digest_that_will_not_come(
    app: Flask, courier: DeliveryWorker, steps: list[tuple[str, Any]]
) -> None:
    """A person's events and switches, while the jobs run every other hour."""
    dana = factories.user(f"{factories.unique()}@example.test", preference={"daily_digest": True})
    now = MORNING
    for what, value in [*steps, ("runs", 14), ("daily_digest", False), ("runs", 7)]:
        if what == "tell":
            tell(dana, "News", value, at=now)
        elif what == "quiet":
            preference_editing.change(dana, {"quiet_hours": {"enabled": value}}, now=now)
        elif what != "runs":
            preference_editing.change(dana, {what: value}, now=now)
        for _run in range(value if what == "runs" else 0):
            now += timedelta(hours=2)
            settle.send_due(DAILY_DIGEST, now)
            courier.deliver_due(now)
        now += MINUTE
    listed = digest_times(dana)
    for row in db.session.scalars(select(Notification).where(Notification.recipient_id == dana.id)):
        (mail,) = [delivery for delivery in row.deliveries if delivery.channel == "email"]
        db.session.refresh(mail)
        came_since = row.surfaced_at or row.created_at
        if mail.state == "sent" and row.surfaced_at and row.priority != "urgent":
            assert mail.sent_at
            assert not any(came_since <= settled <= mail.sent_at for settled in listed)
        if mail.reason in {"in_digest", "digested"}:
            assert any(came_since <= settled for settled in listed)
        assert mail.state in {"sent", "skipped"}, "nothing is left over in the end"


def digest_times(user: User) -> list[datetime]:
    """When the digests that this person got were settled."""
    sent = select(Digest.settled_at).join(Delivery, Delivery.id == Digest.delivery_id)
    return list(db.session.scalars(sent.where(Digest.user_id == user.id, Delivery.state == "sent")))
