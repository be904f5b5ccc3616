from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.database.base import db
from app.models import Delivery, DeliveryAttempt, Notification, User
from app.services.announcements import management as announcement_management
from app.services.announcements import progress as announcement_progress
from app.services.announcements.validation import AnnouncementRequest
from app.services.deliveries import explanations
from app.services.events import publish as event_publish
from app.services.interviews import evaluations, reminder_texts, reminders
from tests.support import factories
from tests.support.browser import axe

SignIn = Callable[[User], FlaskClient]


def publish(kind: str, *people: User) -> Notification:
    body = factories.event_body(kind)
    from app.services.events import data as event_data

    event_publish.publish(
        event_publish.IncomingEvent(
            source="/platform",
            external_id=body["id"],
            type=kind,
            occurred_at=factories.utc_now(),
            data=event_data.validate(kind, body["data"]),
            recipients=[person.email for person in people] or None,
        )
    )
    return db.session.scalars(select(Notification).order_by(Notification.id.desc())).first()


@pytest.fixture
def refused(alice: User) -> Delivery:
    """An email to Alice that a server refused in its own words."""
    row = publish("interview.scheduled", alice)
    delivery = db.session.scalars(
        select(Delivery).where(Delivery.notification_id == row.id, Delivery.channel == "email")
    ).one()
    delivery.state, delivery.reason, delivery.attempts = "failed", "refused", 1
    delivery.reason_data = {"detail": "mailbox unknown"}
    now = factories.utc_now()
    db.session.add(
        DeliveryAttempt(
            delivery_id=delivery.id,
            number=1,
            started_at=now,
            finished_at=now,
            outcome="failed",
            response="550 <b>no such user</b>",
        )
    )
    db.session.commit()
    return delivery


def test_every_channel_is_explained_including_unused_ones(alice: User, refused: Delivery) -> None:
    found = explanations.for_owner(alice, refused.notification_id or 0)
    assert [(each.channel, each.state, each.reason) for each in found.channels] == [
        ("in_app", "sent", "shown"),
        ("email", "failed", "refused"),
        ("sms", "skipped", "not_used"),
        ("push", "skipped", "not_used"),
        ("slack", "skipped", "not_used"),
        ("teams", "skipped", "not_used"),
        ("webhook", "skipped", "not_used"),
    ]
    assert found.channels[1].sentence == "Rejected: mailbox unknown"
    assert found.event is not None
    assert found.event.source == "/platform"


def test_the_page_agrees_with_the_inbox_and_the_log(
    sign_in: SignIn, alice: User, bob: User, refused: Delivery
) -> None:
    pages = [
        sign_in(alice).get(f"/notifications/{refused.notification_id}").text,
        sign_in(alice).get(f"/notifications/{refused.notification_id}/explanation").text,
        sign_in(bob).get(f"/admin/deliveries/{refused.id}").text,
        sign_in(bob).get(f"/admin/deliveries/{refused.id}/explanation").text,
    ]
    assert all("Rejected: mailbox unknown" in page for page in pages)
    assert f"/notifications/{refused.notification_id}/explanation" in pages[0]
    assert f"/admin/deliveries/{refused.id}/explanation" in pages[2]


def test_only_admins_see_the_servers_responses(
    sign_in: SignIn, alice: User, bob: User, refused: Delivery
) -> None:
    own = sign_in(alice).get(f"/notifications/{refused.notification_id}/explanation").text
    assert "no such user" not in own
    assert "1 attempt" in own
    admins = sign_in(bob).get(f"/admin/deliveries/{refused.id}/explanation").text
    assert "550 &lt;b&gt;no such user" in admins
    assert ">Alice Moreau</a>, alice@example.test" in admins


def test_notifications_of_other_people_are_not_found_even_for_admins(
    sign_in: SignIn, bob: User, charlie: User, refused: Delivery
) -> None:
    for person in (bob, charlie):
        page = sign_in(person).get(f"/notifications/{refused.notification_id}/explanation")
        assert page.status_code == 404
    assert sign_in(charlie).get(f"/admin/deliveries/{refused.id}/explanation").status_code == 403
    assert sign_in(bob).get("/admin/deliveries/999/explanation").status_code == 404


def test_page_and_api_list_the_reminders_of_the_interview(sign_in: SignIn, alice: User, bob: User) -> None:
    now = factories.utc_now()
    soon = factories.interview(alice, starts_at=now + factories.timedelta(minutes=50))
    assert reminders.remind_due(now) == 1
    row = db.session.scalars(select(Notification).where(Notification.interview_id == soon.id)).one()
    mail = next(delivery for delivery in row.deliveries if delivery.channel == "email")
    for page in (
        sign_in(alice).get(f"/notifications/{row.id}/explanation").text,
        sign_in(bob).get(f"/admin/deliveries/{mail.id}/explanation").text,
    ):
        first, skipped, second = (
            page.index(text)
            for text in ("1 day before", "a closer reminder was sent instead", "1 hour before")
        )
        assert first < skipped < second
        assert "Notification created" in page[second:]
    told = sign_in(alice).get(f"/api/notifications/{row.id}/explain/").json["reminders"]
    assert [(one["lead"], one["words"].partition(":")[0]) for one in told] == [
        ("1 day", "Skipped"),
        ("1 hour", "Notification created"),
    ]


def test_every_reminder_outcome_has_a_text(app: Flask) -> None:
    assert {*reminders.WITHDRAWN, "sent", "late", "over", "passed"} == set(reminder_texts.OUTCOMES)


def test_account_emails_have_no_explanation(sign_in: SignIn, bob: User) -> None:
    mail = Delivery(recipient_id=bob.id, kind="invitation", channel="email", address=bob.email)
    db.session.add(mail)
    db.session.commit()
    client = sign_in(bob)
    assert "explanation" not in client.get(f"/admin/deliveries/{mail.id}").text
    assert client.get(f"/admin/deliveries/{mail.id}/explanation").status_code == 404


def test_explanations_need_sign_in(client: FlaskClient, refused: Delivery) -> None:
    for path in (f"/notifications/{refused.notification_id}", f"/admin/deliveries/{refused.id}"):
        assert "/sign-in" in client.get(f"{path}/explanation").headers["Location"]


def test_the_page_says_why_the_person_is_a_recipient(app: Flask, alice: User, bob: User) -> None:
    def reason(row: Notification) -> str:
        owner = db.session.get_one(User, row.recipient_id)
        return explanations.for_owner(owner, row.id).recipient_reason

    def announced(**audience: object) -> Notification:
        made = announcement_management.create(
            bob, AnnouncementRequest(title="News", message="Words", **audience)
        )
        number = dict(announcement_progress.list_recipients(made))[alice.email]
        return db.session.get_one(Notification, number)

    assert reason(publish("job.created", alice)) == "Named in the event."
    assert "all active recruiters" in reason(publish("job.created"))
    assert reason(announced(everyone=True)) == "An admin announced it to everyone."
    assert reason(announced(roles=["recruiter"])) == "An admin announced it to all recruiters."
    assert "selected people" in reason(announced(recipients=[alice.email]))
    over = factories.interview(
        alice,
        starts_at=factories.utc_now() - factories.timedelta(hours=4),
        status="completed",
        completed_at=factories.utc_now() - factories.timedelta(hours=3),
    )
    assert evaluations.remind_due() == 1
    row = db.session.scalars(select(Notification).where(Notification.interview_id == over.id)).one()
    assert reason(row) == "It goes to the recruiters of this interview."
    assert "directly" in reason(factories.notification(alice))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_is_accessible(
    page_factory: Callable[..., object],
    live_server: str,
    sign_in: SignIn,
    bob: User,
    refused: Delivery,
    width: int,
    scheme: str,
) -> None:
    page = page_factory(live_server, width=width, color_scheme=scheme)
    page.goto("/sign-in")
    page.get_by_label("Email").fill(bob.email)
    page.get_by_label("Password", exact=True).fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/notifications")
    page.goto(f"/admin/deliveries/{refused.id}/explanation")
    assert axe(page) == []
    if shots := __import__("os").environ.get("J_SHOTS"):
        page.screenshot(path=f"{shots}/why_{width}_{scheme}.png")


@pytest.mark.parametrize(
    ("preference", "target"),
    [
        ({"interview_notifications": False}, "/preferences#interview"),
        ({"matrix": {"interview": {"email": False}}}, "/preferences#interview"),
        ({"email_enabled": False}, "/preferences#channels"),
        ({"email_delay_minutes": 15}, "/preferences#channels"),
    ],
)
def test_a_verdict_links_to_what_can_change_it_for_its_owner_only(
    sign_in: SignIn, bob: User, preference: dict[str, object], target: str
) -> None:
    person = factories.user("dana@example.test", preference={"in_app_enabled": True, **preference})
    row = publish("interview.scheduled", person)
    delivery = db.session.scalars(
        select(Delivery).where(Delivery.notification_id == row.id, Delivery.channel == "email")
    ).one()
    page = sign_in(person).get(f"/notifications/{row.id}/explanation").text
    assert f'href="{target}">Change this' in page
    assert "Not used: " in page
    assert f'href="{target}">Change this' in sign_in(person).get(f"/notifications/{row.id}").text
    page = sign_in(bob).get(f"/admin/deliveries/{delivery.id}/explanation").text
    assert "Change this" not in page
    assert f'href="/admin/users/{person.id}"' in page


def test_the_pane_links_what_can_be_changed(sign_in: SignIn, alice: User) -> None:
    row = factories.notification(alice)
    factories.delivery(row, state="skipped", reason="channel_off", reason_data={"channel": "email"})
    page = sign_in(alice).get(f"/notifications/{row.id}").text
    assert 'href="/preferences#channels">Change this<span class="vh"> (Email)</span>' in page


def test_admins_are_not_addressed_as_the_recipient(sign_in: SignIn, alice: User, bob: User) -> None:
    row = factories.notification(alice)
    delivery = factories.delivery(row, state="sent", reason="sent")
    assert "You get this" in sign_in(alice).get(f"/notifications/{row.id}/explanation").text
    page = sign_in(bob).get(f"/admin/deliveries/{delivery.id}/explanation").text
    assert "You get this" not in page
    assert "How this reached them" in page
