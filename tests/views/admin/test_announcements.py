from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.database.base import db
from app.models import Announcement, Notification, User
from app.services.announcements import management as announcement_management
from app.services.announcements import writer
from app.services.announcements.validation import AnnouncementRequest
from tests.support import factories
from tests.views.forms import send

SignIn = Callable[[User], FlaskClient]
NEW = "/admin/announcements/new"
FIELDS: dict[str, Any] = {
    "audience": "everyone",
    "title": "Maintenance tonight",
    "message": "From 22:00 to 22:30.",
    "priority": "medium",
    "channels": ["in_app", "email"],
    "when": "now",
    "key": "one",
}


def count(model: type[Any]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_the_preview_shows_the_audience_and_writes_nothing(sign_in: SignIn, alice: User, bob: User) -> None:
    admin, address = sign_in(bob), "/admin/announcements/preview"
    page = send(admin, NEW, address, **FIELDS)
    assert page.status_code == 200
    assert "Send to 2 people" in page.text
    assert "Show email" in page.text
    by_app = FIELDS | {"channels": ["in_app"]}
    assert "Show email" not in send(admin, NEW, address, **by_app).text
    assert 'name="seen" value="2"' in page.text
    assert count(Announcement) == count(Notification) == 0


def test_sending_to_the_previewed_audience_leads_to_the_progress_page(
    sign_in: SignIn, alice: User, bob: User
) -> None:
    client = sign_in(bob)
    answer = send(client, NEW, "/admin/announcements", **FIELDS, seen="2")
    assert answer.status_code == 303
    page = client.get(answer.headers["Location"]).text
    assert "Prepared for 2 of 2 people." in page
    assert "Maintenance tonight" in client.get("/admin/announcements").text
    assert count(Notification) == 2
    again = send(client, NEW, "/admin/announcements", **FIELDS, seen="2")
    assert again.headers["Location"] == answer.headers["Location"]
    assert count(Notification) == 2


def test_a_changed_form_that_was_already_sent_needs_a_second_confirmation(
    sign_in: SignIn, alice: User, bob: User
) -> None:
    client, fields = sign_in(bob), FIELDS | {"key": "form-1", "seen": "2"}
    send(client, NEW, "/admin/announcements", **fields)
    page = send(client, NEW, "/admin/announcements", **fields | {"title": "Another"})
    assert page.status_code == 409
    assert "was already sent" in page.text
    key = re.search(r'name="key" value="([^"]+)"', page.text)
    assert key
    fields |= {"title": "Another", "key": key[1]}
    assert send(client, NEW, "/admin/announcements", **fields).status_code == 303
    assert count(Announcement) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"when": "at", "deliver_at": "9999-12-31T12:00"},
        {"when": "zzz"},
        {"when": "zzz", "deliver_at": "2100-01-01T12:00"},
    ],
)
def test_an_impossible_time_is_rejected_beside_its_field(
    sign_in: SignIn, bob: User, wrong: dict[str, str]
) -> None:
    answer = send(sign_in(bob), NEW, "/admin/announcements", **FIELDS | wrong, seen="1")
    assert answer.status_code == 422
    assert 'id="deliver_at-error"' in answer.text
    assert count(Announcement) == 0


@pytest.mark.parametrize("seen", [{}, {"seen": "1"}, {"seen": "x"}])
def test_nothing_is_sent_when_the_audience_differs_from_the_preview(
    sign_in: SignIn, alice: User, bob: User, seen: dict[str, str]
) -> None:
    answer = send(sign_in(bob), NEW, "/admin/announcements", **FIELDS, **seen)
    assert answer.status_code == 409
    assert "The audience is now 2 people." in answer.text
    assert "Maintenance tonight" in answer.text
    assert count(Notification) == 0


def test_an_invalid_field_shows_its_error_and_keeps_the_input(sign_in: SignIn, bob: User) -> None:
    wrong = FIELDS | {"audience": "people", "emails": "nobody@example.test, x", "seen": "1"}
    answer = send(sign_in(bob), NEW, "/admin/announcements", **wrong)
    assert answer.status_code == 422
    assert 'id="emails-error"' in answer.text
    assert "nobody@example.test, x" in answer.text
    late = FIELDS | {"when": "at", "deliver_at": "soon", "seen": "1"}
    answer = send(sign_in(bob), NEW, "/admin/announcements", **late)
    assert answer.status_code == 422
    assert 'id="deliver_at-error"' in answer.text
    assert count(Announcement) == 0


def test_a_scheduled_announcement_uses_the_admins_time_zone_and_can_be_cancelled(
    sign_in: SignIn, alice: User, bob: User
) -> None:
    bob.time_zone = "Asia/Kathmandu"
    db.session.commit()
    there = (factories.utc_now() + timedelta(days=2)).astimezone(ZoneInfo(bob.time_zone))
    client = sign_in(bob)
    fields = FIELDS | {"when": "at", "deliver_at": there.strftime("%Y-%m-%dT%H:%M"), "seen": "2"}
    answer = send(client, NEW, "/admin/announcements", **fields)
    made = db.session.scalars(select(Announcement)).one()
    assert made.deliver_at == there.replace(second=0, microsecond=0)
    address = answer.headers["Location"]
    assert "Scheduled" in client.get(address).text
    send(client, address, f"{address}/cancellation")
    page = client.get(address).text
    assert "Cancelled before anyone received it." in page
    assert "Cancel announcement" not in page
    assert set(db.session.scalars(select(Notification.status))) == {"cancelled"}


def test_a_template_requires_values_for_its_variables(sign_in: SignIn, alice: User, bob: User) -> None:
    client, new = sign_in(bob), f"{NEW}?template_name=job_created"
    page = client.get(new).text
    assert 'name="context.job_title"' in page
    assert 'name="title"' not in page
    fields = {name: value for name, value in FIELDS.items() if name not in {"title", "message"}} | {
        "template_name": "job_created",
        "context.job_title": "Pilot",
        "seen": "2",
    }
    missing = send(client, new, "/admin/announcements", **fields)
    assert missing.status_code == 422
    assert "Company name: The template needs a value for this." in missing.text
    assert 'id="context.company_name-error"' in missing.text
    fields["context.company_name"] = "Aero"
    assert send(client, new, "/admin/announcements", **fields).status_code == 303
    assert set(db.session.scalars(select(Notification.title))) == {"New Job: Pilot"}
    assert client.get(f"{NEW}?template_name=none").status_code == 404


def test_the_email_preview_is_sandboxed_and_escapes_markup(sign_in: SignIn, bob: User) -> None:
    hostile = "<script>alert(1)</script>"
    fields = FIELDS | {"title": hostile, "message": hostile, "emails": hostile, "action_url": hostile}
    client = sign_in(bob)
    page = send(client, NEW, "/admin/announcements/preview", **fields)
    assert hostile not in page.text
    answer = send(client, NEW, "/admin/announcements/mail", **(fields | {"action_url": ""}))
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert hostile not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_progress_shows_how_many_people_are_prepared_for(sign_in: SignIn, bob: User) -> None:
    db.session.add_all(factories.bare_user(f"p{number}@example.test") for number in range(300))
    db.session.commit()
    made = announcement_management.create(
        bob, AnnouncementRequest(everyone=True, title="News", message="Words")
    )
    client = sign_in(bob)
    piece = {"HX-Request": "true"}
    before = client.get(f"/admin/announcements/{made.id}", headers=piece).text
    assert "Prepared for 0 of 301 people." in before
    assert 'hx-trigger="every 2s"' in before
    writer.write_due()
    after = client.get(f"/admin/announcements/{made.id}", headers=piece).text
    assert "Prepared for 301 of 301 people." in after
    assert "<html" not in after
    late = send(client, NEW, f"/admin/announcements/{made.id}/cancellation")
    assert "can no longer be cancelled" in client.get(late.headers["Location"]).text


def test_the_list_is_paged(sign_in: SignIn, bob: User) -> None:
    for number in range(60):
        announcement_management.create(
            bob, AnnouncementRequest(everyone=True, title=f"News {number:02}", message="Words")
        )
    client = sign_in(bob)
    first = client.get("/admin/announcements").text
    rest = re.search(r'rel="next" href="([^"]+)"', first)
    assert rest is not None
    second = client.get(rest[1]).text
    assert "News 59" in first
    assert "News 10" in first
    assert "News 09" in second
    assert "News 10" not in second
    assert client.get("/admin/announcements?before=9223372036854775808").status_code == 200


PATHS = ("", "/new", "/{id}")


@pytest.mark.parametrize("path", PATHS)
def test_announcements_are_for_admins_only(
    client: FlaskClient, sign_in: SignIn, alice: User, bob: User, path: str
) -> None:
    made = announcement_management.create(
        bob, AnnouncementRequest(everyone=True, title="News", message="Words")
    )
    address = f"/admin/announcements{path.format(id=made.id)}"
    assert sign_in(alice).get(address).status_code == 403
    assert "/sign-in" in client.get(address).headers["Location"]


def test_writes_are_for_admins_and_refuse_get(sign_in: SignIn, alice: User, bob: User) -> None:
    for path in ("", "/preview", "/mail", "/1/cancellation"):
        answer = send(sign_in(alice), "/notifications", f"/admin/announcements{path}", **FIELDS)
        assert answer.status_code == 403
    assert sign_in(bob).get("/admin/announcements/preview").status_code in {404, 405}
    assert sign_in(bob).get("/admin/announcements/1/cancellation").status_code == 405
    assert sign_in(bob).get("/admin/announcements/999").status_code == 404
    assert count(Announcement) == 0
