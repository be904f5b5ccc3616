from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.database.base import db
from app.models import Announcement, AnnouncementDraft, Notification, User
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
    assert "2 of 2 people have it." in page
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


def scheduled(client: FlaskClient, admin: User, **fields: Any) -> tuple[Announcement, str]:
    """Schedule an announcement in two days; returns it and the address of its page."""
    at = (factories.utc_now() + timedelta(days=2)).astimezone(ZoneInfo(admin.time_zone))
    fields = FIELDS | {"when": "at", "deliver_at": f"{at:%Y-%m-%dT%H:%M}", "seen": "2"} | fields
    address = send(client, NEW, "/admin/announcements", **fields).headers["Location"]
    return db.session.scalars(select(Announcement)).one(), address


def test_the_button_says_when_and_to_how_many_it_will_be_sent(
    sign_in: SignIn, alice: User, bob: User
) -> None:
    bob.time_zone = "Europe/Paris"
    db.session.commit()
    fields = FIELDS | {"when": "at", "deliver_at": "2100-11-30T09:00"}
    page = send(sign_in(bob), NEW, "/admin/announcements/preview", **fields).text
    assert "Schedule for Tue 30 Nov, 09:00 (Paris) · 2 people" in page
    assert "Date and time (Paris)" in page


def test_a_scheduled_announcement_has_reached_no_one_until_its_time(
    sign_in: SignIn, alice: User, bob: User
) -> None:
    client = sign_in(bob)
    made, address = scheduled(client, bob)
    assert made.written == 2, "its notifications are already written"
    page = client.get(address).text
    assert "0 of 2 people have it." in page
    assert 'max="2" value="0"' in page
    assert "0 of 2 people" in client.get("/admin/announcements").text


def test_a_scheduled_announcement_is_edited(sign_in: SignIn, alice: User, bob: User) -> None:
    client = sign_in(bob)
    made, address = scheduled(client, bob)
    form = client.get(f"{address}/edit").text
    assert "Maintenance tonight" in form
    at = made.deliver_at.astimezone(ZoneInfo(bob.time_zone)) + timedelta(days=1)
    fields = FIELDS | {
        "audience": "roles",
        "roles": "recruiter",
        "title": "Maintenance tomorrow",
        "key": "two",
    }
    fields |= {"when": "at", "deliver_at": f"{at:%Y-%m-%dT%H:%M}", "seen": "1"}
    assert send(client, f"{address}/edit", address, **fields).location == address
    assert send(client, f"{address}/edit", address, **fields).location == address, "sent twice, edited once"
    row = db.session.scalars(select(Announcement)).one()
    assert (row.title, row.total, row.deliver_at) == ("Maintenance tomorrow", 1, made.deliver_at)
    live = select(Notification.recipient_id, Notification.title).where(Notification.status == "pending")
    assert db.session.execute(live).all() == [(alice.id, "Maintenance tomorrow")]
    assert "Maintenance tomorrow" in client.get(address).text


def test_announcements_are_filtered_by_state(sign_in: SignIn, alice: User, bob: User) -> None:
    client = sign_in(bob)
    scheduled(client, bob, title="Later")
    for title in ("Sent", "Busy", "Off"):
        send(client, NEW, "/admin/announcements", **FIELDS | {"title": title, "key": title}, seen="2")
    rows = {row.title: row for row in db.session.scalars(select(Announcement))}
    rows["Busy"].state, rows["Off"].state = "writing", "cancelled"
    rows["Off"].deliver_at = rows["Later"].deliver_at
    db.session.commit()

    def shown(**query: Any) -> set[str]:
        page = client.get("/admin/announcements", query_string=query).text
        return set(re.findall(r'<a href="/admin/announcements/\d+">(\w+)</a>', page))

    found = {name: shown(state=name) for name in ("scheduled", "writing", "written", "cancelled")}
    assert found == {"scheduled": {"Later"}, "writing": {"Busy"}, "written": {"Sent"}, "cancelled": {"Off"}}
    assert shown(state=["scheduled", "cancelled"]) == {"Later", "Off"}
    assert shown(state="nonsense") == {"Later", "Sent", "Busy", "Off"}
    nothing = client.get("/admin/announcements", query_string={"state": "written", "q": "Later"}).text
    assert "No announcement matches the search and the filters." in nothing


def test_an_edit_does_not_overwrite_the_edit_of_another_admin(
    sign_in: SignIn, alice: User, bob: User
) -> None:
    client = sign_in(bob)
    made, address = scheduled(client, bob)
    dana = sign_in(factories.user("dana@example.test", role="admin", name="Dana Moss"))
    mine, theirs = (revision(page) for page in (client.get(f"{address}/edit"), dana.get(f"{address}/edit")))
    at = made.deliver_at.astimezone(ZoneInfo(bob.time_zone))
    fields = FIELDS | {"when": "at", "deliver_at": f"{at:%Y-%m-%dT%H:%M}", "seen": "3"}
    hers = fields | {"title": "Maintenance at 23:00", "key": "hers", "revision": theirs}
    assert send(dana, f"{address}/edit", address, **hers).status_code == 303
    his = fields | {"message": "From 21:00.", "key": "his", "revision": mine}
    late = send(client, f"{address}/edit", address, **his)
    assert late.status_code == 409
    assert "Dana Moss edited this announcement in the meantime." in late.text
    assert "<del>at 23:00</del><ins>tonight</ins>" in late.text
    assert "From 21:00." in late.text
    row = db.session.scalars(select(Announcement)).one()
    assert (row.title, row.message) == ("Maintenance at 23:00", FIELDS["message"])
    again = his | {"key": "again", "revision": revision(late)}
    assert send(client, f"{address}/edit", address, **again).status_code == 303
    row = db.session.scalars(select(Announcement)).one()
    assert (row.title, row.message) == (FIELDS["title"], "From 21:00.")


def revision(page: TestResponse) -> str:
    found = re.search(r'name="revision" value="(\d+)"', page.text)
    assert found
    return found[1]


def test_what_was_sent_is_duplicated_but_not_edited(sign_in: SignIn, alice: User, bob: User) -> None:
    client = sign_in(bob)
    address = send(client, NEW, "/admin/announcements", **FIELDS, seen="2").location
    assert client.get(f"{address}/edit").location == address
    late = send(client, NEW, address, **FIELDS | {"key": "two", "seen": "2"})
    assert late.status_code == 409
    assert "Only a scheduled announcement can be edited." in late.text
    copy = client.get(f"{NEW}?copy={address.rpartition('/')[2]}").text
    assert 'value="Maintenance tonight"' in copy
    assert 'name="key" value="one"' not in copy


def test_a_draft_is_kept_for_its_author_until_it_is_sent(sign_in: SignIn, alice: User, bob: User) -> None:
    client = sign_in(bob)
    send(client, NEW, "/admin/announcements/drafts", **FIELDS | {"title": "Half of it", "message": ""})
    listed = client.get("/admin/announcements").text
    assert "Half of it" in listed
    draft = db.session.scalars(select(AnnouncementDraft)).one()
    form = client.get(f"{NEW}?draft={draft.id}").text
    assert 'value="Half of it"' in form
    assert count(Announcement) == count(Notification) == 0
    other = sign_in(factories.user("dana@example.test", role="admin"))
    assert "Half of it" not in other.get("/admin/announcements").text
    assert other.get(f"{NEW}?draft={draft.id}").status_code == 404
    assert send(other, NEW, f"/admin/announcements/drafts/{draft.id}/removal").status_code == 404
    send(
        client,
        NEW,
        "/admin/announcements/drafts",
        **FIELDS | {"title": "More of it", "draft_id": str(draft.id)},
    )
    assert count(AnnouncementDraft) == 1
    send(client, NEW, "/admin/announcements", **FIELDS, seen="3", draft_id=str(draft.id))
    assert (count(Announcement), count(AnnouncementDraft)) == (1, 0)


def test_a_form_that_is_saved_twice_at_once_is_one_draft(sign_in: SignIn, bob: User) -> None:
    client = sign_in(bob)
    send(client, NEW, "/admin/announcements/drafts", **FIELDS)
    send(client, NEW, "/admin/announcements/drafts", **FIELDS)
    assert count(AnnouncementDraft) == 1
    send(client, NEW, "/admin/announcements/drafts", **FIELDS | {"title": "Another"})
    assert count(AnnouncementDraft) == 2


def test_a_draft_that_was_deleted_meanwhile_is_saved_as_a_new_one(sign_in: SignIn, bob: User) -> None:
    client = sign_in(bob)
    send(client, NEW, "/admin/announcements/drafts", **FIELDS)
    draft_id = db.session.scalars(select(AnnouncementDraft.id)).one()
    send(client, NEW, f"/admin/announcements/drafts/{draft_id}/removal")
    answer = send(client, NEW, "/admin/announcements/drafts", **FIELDS, draft_id=str(draft_id))
    assert answer.status_code == 303
    assert "Maintenance tonight" in client.get("/admin/announcements").text


def test_a_test_goes_to_its_author_only(sign_in: SignIn, alice: User, bob: User) -> None:
    page = send(sign_in(bob), NEW, "/admin/announcements/test", **FIELDS)
    assert page.status_code == 200
    assert "A test is queued." in page.text
    assert 'value="Maintenance tonight"' in page.text, "the form is as it was"
    rows = db.session.execute(select(Notification.recipient_id, Notification.title)).all()
    assert rows == [(bob.id, "Test: Maintenance tonight")]
    assert count(Announcement) == 0
    empty = send(sign_in(bob), NEW, "/admin/announcements/test", **FIELDS | {"title": ""})
    assert empty.status_code == 422


@pytest.mark.parametrize(
    ("audience", "reason"),
    [
        ({"audience": "everyone"}, "You get this because an admin wrote to everyone."),
        (
            {"audience": "roles", "roles": "recruiter"},
            "You get this because an admin wrote to all recruiters.",
        ),
        (
            {"audience": "people", "emails": "alice@example.test"},
            "You get this because an admin wrote to you.",
        ),
    ],
)
def test_the_reason_names_the_audience(
    sign_in: SignIn, alice: User, bob: User, audience: dict[str, str], reason: str
) -> None:
    client, fields = sign_in(bob), FIELDS | audience
    assert reason in send(client, NEW, "/admin/announcements/mail", **fields).text
    seen = "2" if audience["audience"] == "everyone" else "1"
    send(client, NEW, "/admin/announcements", **fields, seen=seen)
    row = db.session.scalars(select(Notification).where(Notification.recipient_id == alice.id)).one()
    assert reason in sign_in(alice).get(f"/notifications/{row.id}").text
    mail = next(delivery for delivery in row.deliveries if delivery.channel == "email")
    assert reason in client.get(f"/admin/deliveries/{mail.id}").text


def test_announcements_are_searched(sign_in: SignIn, bob: User) -> None:
    for title in ("Maintenance", "Summer party"):
        wanted = AnnouncementRequest(everyone=True, title=title, message="Words")
        announcement_management.create(bob, wanted)
    page = sign_in(bob).get("/admin/announcements?q=party").text
    assert "Summer party" in page
    assert "Maintenance" not in page
    assert "No announcement contains" in sign_in(bob).get("/admin/announcements?q=%25").text


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
    assert set(db.session.scalars(select(Notification.title))) == {"New job: Pilot"}
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


def test_progress_shows_how_many_people_have_it(sign_in: SignIn, bob: User) -> None:
    db.session.add_all(factories.bare_user(f"p{number}@example.test") for number in range(300))
    db.session.commit()
    made = announcement_management.create(
        bob, AnnouncementRequest(everyone=True, title="News", message="Words")
    )
    client = sign_in(bob)
    piece = {"HX-Request": "true"}
    before = client.get(f"/admin/announcements/{made.id}", headers=piece).text
    assert "0 of 301 people have it." in before
    assert 'hx-trigger="every 2s"' in before
    writer.write_due()
    after = client.get(f"/admin/announcements/{made.id}", headers=piece).text
    assert "301 of 301 people have it." in after
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
    for path in ("", "/preview", "/mail", "/test", "/drafts", "/drafts/1/removal", "/1", "/1/cancellation"):
        answer = send(sign_in(alice), "/notifications", f"/admin/announcements{path}", **FIELDS)
        assert answer.status_code == 403
    assert sign_in(bob).get("/admin/announcements/preview").status_code in {404, 405}
    assert sign_in(bob).get("/admin/announcements/1/cancellation").status_code == 405
    assert sign_in(bob).get("/admin/announcements/999").status_code == 404
    assert count(Announcement) == 0
