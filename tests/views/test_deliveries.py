from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.models import Delivery, User
from app.services.deliveries import Courier
from app.services.letters import Sender
from tests import factories

SignIn = Callable[[User], FlaskClient]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def kept(app: Flask, alice: User) -> Delivery:
    """A mail about an interview that was kept, because there is no mail server."""
    interview = factories.interview(alice, location=f"Room {HOSTILE}")
    note = factories.notification(
        alice, f"Interview {HOSTILE}", interview_id=interview.id, interview_sequence=0
    )
    row = factories.delivery(note)
    Courier(Sender("http://bellhop.test", "Bellhop <bellhop@example.test>", "k")).deliver_due()
    return row


def test_the_log_lists_the_newest_first(sign_in: SignIn, bob: User, alice: User) -> None:
    for number in range(3):
        factories.delivery(factories.notification(alice, f"Number {number}"))
    page = sign_in(bob).get("/admin/deliveries").text
    assert page.index("Number 2") < page.index("Number 1") < page.index("Number 0")


def test_paging_by_key_shows_each_row_once(sign_in: SignIn, bob: User, alice: User) -> None:
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


def test_a_kept_mail_can_be_read_whole_and_nothing_in_it_is_markup(
    sign_in: SignIn, bob: User, kept: Delivery
) -> None:
    page = sign_in(bob).get(f"/admin/deliveries/{kept.id}").text
    assert HOSTILE not in page
    assert "Interview &lt;script&gt;" in page
    for part in ("List-Unsubscribe", "BEGIN:VCALENDAR", "invite.ics", "You get this because"):
        assert part in page
    assert f'<iframe sandbox src="/admin/deliveries/{kept.id}/html"' in page


def test_the_html_of_a_kept_mail_comes_under_a_policy_of_its_own(
    sign_in: SignIn, bob: User, kept: Delivery
) -> None:
    answer = sign_in(bob).get(f"/admin/deliveries/{kept.id}/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox;" in policy
    assert "script" not in policy
    assert HOSTILE not in answer.text
    assert "<h1" in answer.text


def test_an_attempt_shows_the_servers_own_words(sign_in: SignIn, bob: User, kept: Delivery) -> None:
    from app.extensions import db
    from app.models import DeliveryAttempt

    entry = db.session.query(DeliveryAttempt).one()
    entry.response = "550 5.7.1 no <b>thanks</b>"
    db.session.commit()
    assert "550 5.7.1 no &lt;b&gt;thanks" in sign_in(bob).get(f"/admin/deliveries/{kept.id}").text


PATHS = ("", "/{id}", "/{id}/html")


@pytest.mark.parametrize("path", PATHS)
def test_a_recruiter_may_not_see_it(sign_in: SignIn, alice: User, kept: Delivery, path: str) -> None:
    assert sign_in(alice).get(f"/admin/deliveries{path.format(id=kept.id)}").status_code == 403


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_is_sent_to_sign_in(client: FlaskClient, kept: Delivery, path: str) -> None:
    assert "/sign-in" in client.get(f"/admin/deliveries{path.format(id=kept.id)}").headers["Location"]


def test_what_is_not_there_is_a_404(sign_in: SignIn, bob: User, alice: User) -> None:
    unsent = factories.delivery(factories.notification(alice))
    client = sign_in(bob)
    for path in ("999", "999/html", f"{unsent.id}/html", "9223372036854775808"):
        assert client.get(f"/admin/deliveries/{path}").status_code == 404
