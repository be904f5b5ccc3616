from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, DeliveryAttempt, User
from app.services.accounts import administration
from app.services.deliveries import room_log
from app.services.routing import suppressions
from app.services.sending.email import SiteIdentity
from app.services.sending.worker import DeliveryWorker
from tests.support import factories
from tests.support.audit import audit_entries
from tests.support.rooms import add_room
from tests.views.forms import send

SignIn = Callable[[User], FlaskClient]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def captured(app: Flask, alice: User) -> Delivery:
    """An interview email that was captured because no mail server is configured."""
    interview = factories.interview(alice, location=f"Room {HOSTILE}")
    note = factories.notification(
        alice, f"Interview {HOSTILE}", interview_id=interview.id, interview_sequence=0
    )
    row = factories.delivery(note)
    DeliveryWorker(SiteIdentity("http://bellhop.test", "Bellhop <bellhop@example.test>", "k")).deliver_due()
    return row


def test_the_log_lists_the_newest_first(sign_in: SignIn, bob: User, alice: User) -> None:
    for number in range(3):
        factories.delivery(factories.notification(alice, f"Number {number}"))
    page = sign_in(bob).get("/admin/deliveries").text
    assert page.index("Number 2") < page.index("Number 1") < page.index("Number 0")


def test_paging_shows_each_delivery_once(sign_in: SignIn, bob: User, alice: User) -> None:
    for number in range(120):
        factories.delivery(factories.notification(alice, f"Number {number:03}"))
    client, address, seen = sign_in(bob), "/admin/deliveries", []
    while address:
        page = client.get(address).text
        seen += [title for title in (f"Number {number:03}" for number in range(120)) if title in page]
        rest = page.partition('rel="next" href="')[2]
        address = rest.partition('"')[0].replace("&amp;", "&")
    assert len(seen) == len(set(seen)) == 120


def test_filters_narrow_the_log(sign_in: SignIn, bob: User, alice: User) -> None:
    factories.delivery(factories.notification(alice, "One that left"), state="sent")
    factories.delivery(factories.notification(alice, "One that failed"), state="failed")
    factories.delivery(factories.notification(alice, "One in the app"), "in_app", state="sent", address="")
    page = sign_in(bob).get("/admin/deliveries?outcome=sent&channel=email").text
    assert "One that left" in page
    assert "One that failed" not in page
    assert "One in the app" not in page


def test_a_row_has_its_reason_and_opens_in_place(sign_in: SignIn, bob: User, alice: User) -> None:
    row = factories.delivery(
        factories.notification(alice),
        state="failed",
        reason="refused",
        reason_data={"detail": "550 no such user"},
    )
    db.session.add(
        DeliveryAttempt(
            delivery_id=row.id,
            number=1,
            started_at=row.created_at,
            finished_at=row.created_at,
            outcome="failed",
            response="550 5.1.1 no such user here",
        )
    )
    db.session.commit()
    client, path = sign_in(bob), f"/admin/deliveries/{row.id}"
    assert "Rejected: 550 no such user" in client.get("/admin/deliveries").text
    opened = client.get(path, headers={"HX-Request": "true"})
    assert opened.text.strip().startswith(f'<tbody class="log__entry" id="delivery-{row.id}"')
    assert "550 5.1.1 no such user here" in opened.text
    assert "HX-Request" in opened.headers["Vary"]
    assert "<!DOCTYPE html>" in client.get(path).text, "a page without scripts"
    closed = client.get(f"{path}?closed=1", headers={"HX-Request": "true"}).text
    assert "no such user here" not in closed
    token = opened.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    again = client.post(f"{path}/retry", data={"csrf_token": token}, headers={"HX-Request": "true"})
    assert "Waiting</span>" in again.text
    assert "Queued for resending." in again.text


def test_everything_that_failed_and_matches_is_resent(sign_in: SignIn, bob: User, alice: User) -> None:
    for state in ("failed", "dead", "expired", "sent", "uncertain"):
        factories.delivery(factories.notification(alice), state=state)
    factories.delivery(factories.notification(bob), state="failed", address="bob@example.test")
    client, page = sign_in(bob), "/admin/deliveries?q=alice"
    assert "Resend all 3 failed" in client.get(page).text
    answer = send(client, page, "/admin/deliveries/retries", q="alice")
    assert answer.location == "/admin/deliveries?q=alice"
    assert "3 deliveries are queued for resending." in client.get(answer.location).text
    states = db.session.scalars(select(Delivery.state).order_by(Delivery.id)).all()
    assert states == ["pending"] * 3 + ["sent", "uncertain", "failed"]


def test_links_and_codes_that_no_one_waits_for_are_not_among_what_is_resent(
    sign_in: SignIn, bob: User, alice: User
) -> None:
    for kind in ("notification", "security_notice", "password_reset", "phone_code", "test"):
        factories.delivery(factories.notification(alice), kind=kind, state="expired")
    client, page = sign_in(bob), "/admin/deliveries"
    assert "Resend all 2 failed" in client.get(page).text
    send(client, page, "/admin/deliveries/retries")
    kinds = db.session.scalars(select(Delivery.kind).where(Delivery.state == "pending"))
    assert set(kinds) == {"notification", "security_notice"}


def test_the_filtered_log_is_downloaded_as_csv(sign_in: SignIn, bob: User, alice: User) -> None:
    title = '=HYPERLINK("https://evil.example")'
    factories.delivery(factories.notification(alice, title), state="failed", reason="expired")
    factories.delivery(factories.notification(alice, "Another"), state="sent", reason="sent")
    client = sign_in(bob)
    assert (
        "/admin/deliveries/deliveries.csv?outcome=failed"
        in client.get("/admin/deliveries?outcome=failed").text
    )
    answer = client.get("/admin/deliveries/deliveries.csv?outcome=failed")
    assert answer.headers["Content-Disposition"] == "attachment; filename=deliveries.csv"
    header, row = csv.reader(io.StringIO(answer.text.lstrip("\N{ZERO WIDTH NO-BREAK SPACE}")))
    assert dict(zip(header, row, strict=True))["Message"] == f"'{title}"
    assert row[6:8] == ["Failed", "Gave up: not delivered in time"]
    assert sign_in(alice).get("/admin/deliveries/deliveries.csv").status_code == 403


def test_the_download_names_rooms_among_people(sign_in: SignIn, bob: User, alice: User) -> None:
    factories.delivery(factories.notification(alice))
    room_log.send_test(add_room(bob).id, bob)
    answer = sign_in(bob).get("/admin/deliveries/deliveries.csv")
    _header, *rows = csv.reader(io.StringIO(answer.text))
    assert [row[3] for row in rows] == ["#hiring", alice.name]


def test_the_empty_log_says_what_will_be_there_or_offers_to_clear_the_filters(
    sign_in: SignIn, bob: User
) -> None:
    client = sign_in(bob)
    assert "Nothing sent yet" in client.get("/admin/deliveries").text
    filtered = client.get("/admin/deliveries?q=nobody").text
    assert "No matches" in filtered
    assert "Clear filters" in filtered


def test_a_bar_of_the_chart_leads_to_its_day(sign_in: SignIn, bob: User, alice: User) -> None:
    at = utc_now() - timedelta(days=2)
    factories.delivery(factories.notification(alice, "The day before yesterday"), created_at=at)
    factories.delivery(factories.notification(alice, "Not that day"))
    client = sign_in(bob)
    day = at.astimezone(ZoneInfo(bob.time_zone)).date()
    address = f"/admin/deliveries?since={day}&amp;until={day}"
    assert address in client.get("/admin/deliveries").text
    shown = client.get(address.replace("&amp;", "&")).text
    assert "The day before yesterday" in shown
    assert "Not that day" not in shown


def test_date_filters_use_the_admins_time_zone(sign_in: SignIn, app: Flask, alice: User) -> None:
    admin = factories.user("dana@example.test", role="admin", time_zone="Pacific/Apia")  # 13 hours ahead
    client = sign_in(admin)
    for hour in (10, 12):
        at = datetime(2026, 3, 12, hour, tzinfo=UTC)
        factories.delivery(factories.notification(alice, f"At {hour} in UTC"), created_at=at)
    for day, shown, hidden in (("2026-03-12", "At 10", "At 12"), ("2026-03-13", "At 12", "At 10")):
        page = client.get(f"/admin/deliveries?since={day}&until={day}").text
        assert shown in page
        assert hidden not in page


def test_a_captured_email_is_shown_in_full_and_escaped(
    sign_in: SignIn, bob: User, captured: Delivery
) -> None:
    db.session.expire_all()  # The sender has a session of its own.
    page = sign_in(bob).get(f"/admin/deliveries/{captured.id}").text
    assert '<span class="tag">Not sent (no mail server)</span>' in page
    assert HOSTILE not in page
    assert "Interview &lt;script&gt;" in page
    for part in ("List-Unsubscribe", "BEGIN:VCALENDAR", "invite.ics", "You get this because"):
        assert part in page
    assert f'<iframe sandbox src="/admin/deliveries/{captured.id}/html"' in page


def test_the_html_of_a_captured_email_is_sandboxed(sign_in: SignIn, bob: User, captured: Delivery) -> None:
    answer = sign_in(bob).get(f"/admin/deliveries/{captured.id}/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox;" in policy
    assert "script" not in policy
    assert HOSTILE not in answer.text
    assert "<h1" in answer.text


def test_an_attempt_shows_the_servers_response_escaped(
    sign_in: SignIn, bob: User, captured: Delivery
) -> None:
    entry = db.session.query(DeliveryAttempt).one()
    entry.response = "550 5.7.1 no <b>thanks</b>"
    db.session.commit()
    assert "550 5.7.1 no &lt;b&gt;thanks" in sign_in(bob).get(f"/admin/deliveries/{captured.id}").text


PATHS = ("", "/{id}", "/{id}/html")


@pytest.mark.parametrize("path", PATHS)
def test_recruiters_cannot_see_deliveries(
    sign_in: SignIn, alice: User, captured: Delivery, path: str
) -> None:
    assert sign_in(alice).get(f"/admin/deliveries{path.format(id=captured.id)}").status_code == 403


@pytest.mark.parametrize("path", PATHS)
def test_anonymous_visitors_go_to_sign_in(client: FlaskClient, captured: Delivery, path: str) -> None:
    assert "/sign-in" in client.get(f"/admin/deliveries{path.format(id=captured.id)}").headers["Location"]


def test_a_missing_delivery_is_a_404(sign_in: SignIn, bob: User, alice: User) -> None:
    shown = factories.delivery(factories.notification(alice), "in_app", address="")
    client = sign_in(bob)
    for path in ("999", "999/html", f"{shown.id}/html", "9223372036854775808"):
        assert client.get(f"/admin/deliveries/{path}").status_code == 404


def test_a_sent_email_can_be_read(sign_in: SignIn, bob: User, alice: User) -> None:
    row = factories.delivery(factories.notification(alice, f"News {HOSTILE}"), state="sent")
    page = sign_in(bob).get(f"/admin/deliveries/{row.id}").text
    assert "Rebuilt from the stored message." in page
    assert HOSTILE not in page
    assert f"d{row.id}." in page, "the Message-ID is the one it left with"


def test_the_link_in_a_sent_account_email_is_hidden(sign_in: SignIn, bob: User, alice: User) -> None:
    row = factories.delivery(
        factories.notification(alice), kind="password_reset", state="sent", notification_id=None
    )
    client = sign_in(bob)
    assert "/password/" not in client.get(f"/admin/deliveries/{row.id}").text
    assert client.get(f"/admin/deliveries/{row.id}/html").status_code == 404


def test_an_admin_resends_cancels_and_unblocks(sign_in: SignIn, bob: User, alice: User) -> None:
    failed = factories.delivery(factories.notification(alice), state="failed")
    suppressions.add("email", "gone@example.test", f"550 {HOSTILE}")
    db.session.commit()
    client, page, listed = sign_in(bob), f"/admin/deliveries/{failed.id}", "/admin/deliveries/suppressed"

    def after(action: str) -> str:
        return client.get(send(client, page, action).location).text

    assert "Queued for resending." in after(f"{page}/retry")
    assert "Cancelled. It won&#39;t be sent." in after(f"{page}/cancellation")
    assert "too late" in after(f"{page}/cancellation")
    assert "gone@example.test" in client.get(listed).text
    assert HOSTILE not in client.get(listed).text
    released = after(f"{listed}/1/release")
    assert "gone@example.test is no longer blocked." in released
    assert "No blocked addresses" in released


def test_delivery_actions_refuse_recruiters_and_get(sign_in: SignIn, alice: User) -> None:
    row = factories.delivery(factories.notification(alice), state="failed")
    client = sign_in(alice)
    for path in (f"{row.id}/retry", f"{row.id}/cancellation", "suppressed/1/release"):
        assert send(client, "/notifications", f"/admin/deliveries/{path}").status_code == 403
        assert client.get(f"/admin/deliveries/{path}").status_code == 405
    assert client.get("/admin/deliveries/suppressed").status_code == 403


@pytest.fixture
def invitation(app: Flask, bob: User, worker: DeliveryWorker) -> Delivery:
    """A captured invitation, as where no mail server is configured."""
    administration.invite("dana@example.test", "Dana", "recruiter", actor=bob)
    worker.deliver_due()
    return db.session.scalars(select(Delivery).where(Delivery.kind == "invitation")).one()


def test_a_link_for_choosing_a_password_is_hidden_until_an_admin_asks_for_it(
    sign_in: SignIn, client: FlaskClient, bob: User, invitation: Delivery
) -> None:
    admin, path = sign_in(bob), f"/admin/deliveries/{invitation.id}"
    for address in (path, f"{path}/html"):
        text = admin.get(address).text
        assert "Dana" in text
        assert "/password/reset/" not in text
    assert not audit_entries("delivery.link_revealed")
    shown = send(admin, path, f"{path}/secret").text
    (entry,) = audit_entries("delivery.link_revealed")
    assert (entry.actor_id, entry.subject) == (bob.id, "dana@example.test")
    found = re.search(r'id="revealed-secret">([^<]+)<', shown)
    assert found is not None
    link = found[1].removeprefix("http://bellhop.test")
    assert link not in str(entry.detail)
    assert "Welcome, Dana" in client.get(link).text


def test_only_admins_reveal_links_and_only_those_for_passwords(
    sign_in: SignIn, alice: User, bob: User, captured: Delivery, invitation: Delivery
) -> None:
    path = f"/admin/deliveries/{invitation.id}/secret"
    assert send(sign_in(alice), "/account", path).status_code == 403
    assert send(sign_in(bob), "/account", f"/admin/deliveries/{captured.id}/secret").status_code == 404
    assert sign_in(bob).get(path).status_code == 405
    assert not audit_entries("delivery.link_revealed")


def test_the_navigation_counts_the_failures_of_a_day_for_admins(
    sign_in: SignIn, alice: User, bob: User
) -> None:
    factories.delivery(factories.notification(alice), state="failed")
    counted = '<span class="nav__count nav__count--bad">1<span class="vh"> failed</span></span>'
    assert counted in sign_in(bob).get("/preferences").text
    assert counted not in sign_in(alice).get("/preferences").text


def test_an_admin_page_that_is_not_found_leads_back_to_the_admin_pages(
    sign_in: SignIn, alice: User, bob: User
) -> None:
    link = 'href="/admin">Go to the admin overview</a>'
    assert link in sign_in(bob).get("/admin/deliveries/999").text
    assert link not in sign_in(bob).get("/notifications/999").text
    assert link not in sign_in(alice).get("/admin/deliveries/999").text
