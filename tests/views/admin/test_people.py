"""Admin pages for accounts and the audit log."""

from __future__ import annotations

import csv
import io
import re

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import catalog
from app.clock import utc_now
from app.database.base import db
from app.models import Delivery, Notification, User
from app.services.accounts import administration, emails, users
from app.services.base import audit, paging
from app.services.base.audit import AuditFilters
from app.services.routing import suppressions
from tests.support import factories
from tests.views.forms import send

LIST = "/admin/users"


def test_an_admin_invites_a_person(sign_in, bob: User) -> None:
    client = sign_in(bob)
    form = {
        "email": "Dana@example.test",
        "name": "Dana Quill",
        "role": "recruiter",
        "is_enabled": "",
        "id": "1",
    }
    page = send(client, f"{LIST}?invite=1", LIST, **form).text
    assert "Dana Quill" in page
    assert "Bob Okafor" in page
    assert "Invited" in page
    assert db.session.scalar(select(Delivery.kind)) == "invitation"
    answer = send(client, f"{LIST}?invite=1", LIST, **form)
    assert answer.status_code == 422
    assert "An account with this email already exists" in answer.text
    assert 'value="Dana Quill"' in answer.text


def shown_link(page: str) -> str:
    """The path of the invite link on a page."""
    return re.search(r'id="invite-link">http://bellhop\.test(/password/reset/[\w.-]+)<', page)[1]


@pytest.mark.parametrize(
    ("mail_server", "sentence"),
    [
        ("", "Not sent (no mail server)."),
        ("smtp.example.test", "The invite to dana@example.test is queued."),
    ],
)
def test_an_invitation_says_what_happened_and_offers_the_link(
    app: Flask, sign_in, bob: User, mail_server: str, sentence: str
) -> None:
    app.config["MAIL_SERVER"] = mail_server
    page = send(
        sign_in(bob), f"{LIST}?invite=1", LIST, email="dana@example.test", name="Dana", role="recruiter"
    ).text
    assert sentence in page
    path = shown_link(page)
    stranger = app.test_client()
    assert "Welcome, Dana" in stranger.get(path).text
    assert send(stranger, path, path, password="a long one for now").location == "/sign-in"
    assert users.authenticate("dana@example.test", "a long one for now").name == "Dana"


def test_a_pending_invite_can_be_copied_later_and_is_audited(sign_in, bob: User, alice: User) -> None:
    client, dana = sign_in(bob), administration.invite("dana@example.test", "Dana", "recruiter", actor=bob)
    assert shown_link(send(client, LIST, f"{LIST}/{dana.id}/invitation/link").text)
    assert audit.page_for(AuditFilters(("user.invite_link_shown",))).rows[0].subject == dana.email
    answer = send(client, LIST, f"{LIST}/{alice.id}/invitation/link")
    assert "has no pending invite" in client.get(answer.location).text
    answer = send(sign_in(alice), "/account", f"{LIST}/{dana.id}/invitation/link")
    assert answer.status_code == 403


def test_an_admin_changes_a_role_and_back(sign_in, alice: User, bob: User) -> None:
    client, role = sign_in(bob), f"{LIST}/{alice.id}/role"
    answer = send(client, LIST, role, role="admin")
    assert answer.location == f"{LIST}/{alice.id}"
    page = client.get(answer.location).text
    assert "Alice Moreau is now an admin." in page
    assert sign_in(alice).get(LIST).status_code == 200
    undo = f"{role}?role=recruiter"
    assert f'action="{undo}" data-undo' in page
    send(client, LIST, undo)
    assert sign_in(alice).get(LIST).status_code == 403
    assert send(client, LIST, role, role="owner").status_code == 422


def test_a_deactivated_person_is_signed_out_until_reactivated(sign_in, alice: User, bob: User) -> None:
    client, hers = sign_in(bob), sign_in(alice)
    assert hers.get("/account").status_code == 200
    page = send(client, LIST, f"{LIST}/{alice.id}/deactivation")
    assert hers.get("/account").location.startswith("/sign-in")
    page = client.get(page.location).text
    assert f'action="{LIST}/{alice.id}/reactivation" data-undo' in page
    assert "Reactivate" in page
    send(client, LIST, f"{LIST}/{alice.id}/reactivation")
    assert users.authenticate(alice.email, factories.PASSWORD).id == alice.id


def test_an_admin_signs_a_person_out_everywhere(sign_in, alice: User, bob: User, charlie: User) -> None:
    client, hers, his = sign_in(bob), [sign_in(alice), sign_in(alice)], sign_in(charlie)
    path = f"{LIST}/{alice.id}/sessions/removal"
    assert send(his, "/account", path).status_code == 403
    assert "Alice Moreau is signed out everywhere." in client.get(send(client, LIST, path).location).text
    assert {each.get("/account").status_code for each in hers} == {302}
    assert his.get("/account").status_code == 200
    assert audit.page_for(AuditFilters(("session.ended",), person=alice.email)).rows[0].actor_id == bob.id
    assert send(client, LIST, f"{LIST}/99999/sessions/removal").status_code == 404


def test_admins_cannot_demote_or_deactivate_themselves(sign_in, bob: User) -> None:
    client = sign_in(bob)
    assert f"{LIST}/{bob.id}/" not in client.get(f"{LIST}/{bob.id}").text
    for path, form, reason in (
        ("deactivation", {}, "deactivate your own account. Ask another admin."),
        ("role", {"role": "recruiter"}, "remove your own admin role. Ask another admin."),
    ):
        answer = send(client, LIST, f"{LIST}/{bob.id}/{path}", **form)
        assert answer.location == f"{LIST}/{bob.id}"
        assert reason in client.get(answer.location).text
    db.session.refresh(bob)
    assert (bob.role, bob.is_enabled) == ("admin", True)


def test_only_pending_invites_can_be_resent(sign_in, alice: User, bob: User) -> None:
    client, dana = sign_in(bob), administration.invite("dana@example.test", "Dana", "recruiter", actor=bob)
    assert shown_link(send(client, LIST, f"{LIST}/{dana.id}/invitation").text)
    answer = send(client, LIST, f"{LIST}/{alice.id}/invitation")
    assert "has no pending invite" in client.get(answer.location).text
    assert len(db.session.scalars(select(Delivery)).all()) == 2


@pytest.mark.parametrize("path", ["role", "deactivation", "reactivation", "invitation"])
def test_account_changes_refuse_recruiters_and_get(sign_in, alice: User, bob: User, path: str) -> None:
    client = sign_in(alice)
    answer = send(client, "/account", f"{LIST}/{bob.id}/{path}", role="recruiter")
    assert answer.status_code == 403
    assert sign_in(bob).get(f"{LIST}/{alice.id}/{path}").status_code == 405
    for number in (2**62, 2**80):
        assert send(sign_in(bob), LIST, f"{LIST}/{number}/{path}", role="admin").status_code == 404
    db.session.refresh(bob)
    assert (bob.role, bob.is_enabled) == ("admin", True)


@pytest.mark.parametrize(
    "query", ["after=x", "before=-1", f"after={paging.write_key(['A', 2**63])}", "q=%00", "q=%ff", "after=Ww"]
)
def test_malformed_queries_still_show_a_list(sign_in, bob: User, query: str) -> None:
    client = sign_in(bob)
    assert client.get(f"{LIST}?{query}").status_code == 200
    assert client.get(f"/admin/audit?{query}&person={query}&action={query}").status_code == 200


def test_people_are_paged_and_found(sign_in, bob: User) -> None:
    for number in range(60):
        factories.user(f"p{number:02}@example.test", f"Person {number:02}")
    client = sign_in(bob)
    first = client.get(LIST)
    assert first.text.count('id="person-') == 50
    last = administration.page_for().next
    second = client.get(f"{LIST}?after={last}")
    assert second.text.count('id="person-') == 11
    assert "before=" in second.text
    assert client.get(f"{LIST}?q=P07@").text.count('id="person-') == 1
    assert "No one found for" in client.get(f"{LIST}?q=zzz").text


def test_people_are_filtered_by_role_and_state(sign_in, alice: User, bob: User, charlie: User) -> None:
    dana = administration.invite("dana@example.test", "Dana", "recruiter", actor=bob)
    administration.change(charlie.id, is_enabled=False, actor=bob)
    client = sign_in(bob)
    everyone = {alice.id, bob.id, charlie.id, dana.id}
    for query, expected in (
        ("state=invited", {dana.id}),
        ("state=deactivated", {charlie.id}),
        ("state=active", {alice.id, bob.id}),
        ("state=invited&state=deactivated", {dana.id, charlie.id}),
        ("role=admin", {bob.id}),
        ("role=recruiter&state=active&q=moreau", {alice.id}),
        ("role=nonsense&state=nonsense", everyone),
    ):
        page = client.get(f"{LIST}?{query}").text
        assert {int(found) for found in re.findall(r'id="person-(\d+)"', page)} == expected, query
    assert "No one here" in client.get(f"{LIST}?role=admin&state=deactivated").text


def test_an_admin_edits_a_name_and_an_address(sign_in, alice: User, bob: User) -> None:
    client, page = sign_in(bob), f"{LIST}/{alice.id}"
    old_link = reset_path(alice)
    assert client.get(old_link).status_code == 200
    answer = send(client, page, page, name="Alice M. Moreau", email="Alice.Moreau@Example.test")
    assert answer.location == page
    db.session.refresh(alice)
    assert (alice.name, alice.email) == ("Alice M. Moreau", "alice.moreau@example.test")
    assert client.get(old_link).status_code == 410
    notice = db.session.scalars(select(Delivery)).one()
    assert (notice.kind, notice.address) == ("security_notice", "alice@example.test")
    entry = audit.page_for(AuditFilters(("user.updated",))).rows[0]
    assert (entry.actor_id, entry.detail["before"]["email"]) == (bob.id, "alice@example.test")
    answer = send(client, page, page, name="", email=bob.email)
    assert answer.status_code == 422
    assert (
        "An account with this email already exists"
        in send(client, page, page, name="A", email=bob.email).text
    )
    send(client, page, page, name=alice.name, email=alice.email)
    assert len(audit.page_for(AuditFilters(("user.updated",))).rows) == 1


def reset_path(user: User) -> str:
    return emails.make_password_link("password_reset", user, "a key for tests only", "", utc_now())


def test_another_address_of_an_invited_person_gets_the_invite(sign_in, bob: User) -> None:
    client = sign_in(bob)
    dana = administration.invite("dnaa@example.test", "Dana", "recruiter", actor=bob)
    page = f"{LIST}/{dana.id}"
    send(client, page, page, name="Dana", email="dana@example.test")
    sent = db.session.scalars(select(Delivery).order_by(Delivery.id)).all()
    assert [(each.kind, each.address) for each in sent] == [
        ("invitation", "dnaa@example.test"),
        ("invitation", "dana@example.test"),
    ]


def test_a_persons_page_shows_channels_preferences_and_reasons(sign_in, alice: User, bob: User) -> None:
    alice.preference.matrix = {"resume": {"email": False}}
    alice.preference.quiet_enabled = True
    suppressions.add("email", alice.email, "550 no such user")
    row = factories.notification(alice, "Priya moved")
    factories.delivery(row, state="skipped", reason="read_before_sending")
    other = factories.notification(bob, "Not hers")
    factories.delivery(other)
    page = sign_in(bob).get(f"{LIST}/{alice.id}").text
    assert "550 no such user" in page
    assert "19:00 to 07:30, every night" in page
    assert re.search(r">Not sent</span>\s*<span>already read in the inbox<", page)
    assert "Priya moved" in page
    assert "Not hers" not in page
    assert f'href="/admin/deliveries?q={alice.email}"' in page
    cells = re.findall(r'<th scope="row">Resumes</th>(.*?)</tr>', page, re.DOTALL)[0]
    assert re.findall(r'class="vh">(On|Off)<', cells) == ["On", "Off"]


def test_an_event_is_simulated_for_a_person_and_nothing_is_written(sign_in, alice: User, bob: User) -> None:
    client, page = sign_in(bob), f"{LIST}/{alice.id}"
    alice.preference.interview_notifications = False
    db.session.commit()
    shown = client.get(f"{page}?event=interview.scheduled").text
    assert "Not sent: Interview notifications are turned off in the preferences" in shown
    shown = client.get(f"{page}?event=candidate.added&priority=urgent").text
    assert shown.count("Right away</span>") == 2
    assert "turned off in the preferences" not in shown
    for name, event in catalog.EVENTS.items():
        if event.notification_type:
            shown = client.get(f"{page}?event={name}").text
            assert 'aria-label="Result"' in shown, name
            assert "note--bad" not in shown, name
    administration.change(alice.id, is_enabled=False, actor=bob)
    assert "is deactivated." in client.get(f"{page}?event=job.created").text
    assert 'aria-label="Result"' not in client.get(f"{page}?event=nonsense").text
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 0


def test_the_filtered_list_is_downloaded_as_csv(
    sign_in, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(administration, "PAGE_OF_EXPORT", 2)
    invited = administration.invite("nora@example.test", "Nora Vale", "recruiter", actor=bob)
    administration.change(alice.id, is_enabled=False, actor=bob)
    factories.user("charlie@example.test", "Charlie Reyes")
    answer = sign_in(bob).get(f"{LIST}.csv?role=recruiter")
    assert answer.headers["Content-Disposition"] == "attachment; filename=people.csv"
    header, *rows = csv.reader(io.StringIO(answer.text.lstrip("\ufeff")))
    assert header == ["Name", "Email", "Role", "State", "Created", "Last sign-in"]
    assert [(row[1], row[3]) for row in rows] == [
        (alice.email, "Deactivated"),
        ("charlie@example.test", "Active"),
        (invited.email, "Invited"),
    ]
    assert "/admin/users.csv?role=recruiter" in sign_in(bob).get(f"{LIST}?role=recruiter").text
    assert sign_in(alice).get(f"{LIST}.csv").status_code in {302, 403}


def test_a_persons_page_is_for_admins_only(sign_in, alice: User, bob: User, charlie: User) -> None:
    client = sign_in(alice)
    for path in (f"{LIST}/{charlie.id}", f"{LIST}/{alice.id}"):
        assert client.get(path).status_code == 403
        assert send(client, "/account", path, name="Mallory", email="m@example.test").status_code == 403
    assert sign_in(bob).get(f"{LIST}/999999").status_code == 404


def test_markup_in_a_name_is_escaped(sign_in, bob: User) -> None:
    name = '<script>alert(1)</script>"><img src=x>'
    factories.user("eve@example.test", name)
    audit.record("user.invited", name, actor=bob, note=name)
    db.session.commit()
    eve = users.by_email("eve@example.test")
    for page in (LIST, f"{LIST}/{eve.id}", "/admin/audit"):
        text = sign_in(bob).get(page).text
        assert "<script>alert" not in text
        assert "<img" not in text
