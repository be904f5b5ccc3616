"""Admin pages for accounts and the audit log."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app.database.base import db
from app.models import Delivery, User
from app.services.accounts import administration, users
from app.services.base import audit
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
    assert send(client, LIST, LIST, **form).location == "/admin/users?q=dana@example.test"
    page = client.get(LIST).text
    assert "Dana Quill" in page
    assert "Invited" in page
    assert db.session.scalar(select(Delivery.kind)) == "invitation"
    answer = send(client, LIST, LIST, **form)
    assert answer.status_code == 422
    assert "An account with this email already exists" in answer.text
    assert 'value="Dana Quill"' in answer.text


def test_an_admin_changes_a_role_and_back(sign_in, alice: User, bob: User) -> None:
    client, role = sign_in(bob), f"{LIST}/{alice.id}/role"
    answer = send(client, LIST, f"{role}?q=alice", role="admin")
    assert answer.location == "/admin/users?q=alice"
    assert "Alice Moreau is now an admin." in client.get(LIST).text
    assert sign_in(alice).get(LIST).status_code == 200
    send(client, LIST, role, role="recruiter")
    assert sign_in(alice).get(LIST).status_code == 403
    assert send(client, LIST, role, role="owner").status_code == 422


def test_a_deactivated_person_is_signed_out_until_reactivated(sign_in, alice: User, bob: User) -> None:
    client, hers = sign_in(bob), sign_in(alice)
    assert hers.get("/account").status_code == 200
    send(client, LIST, f"{LIST}/{alice.id}/deactivation")
    assert hers.get("/account").location.startswith("/sign-in")
    assert "Reactivate" in client.get(LIST).text
    send(client, LIST, f"{LIST}/{alice.id}/reactivation")
    assert users.authenticate(alice.email, factories.PASSWORD).id == alice.id


def test_admins_cannot_demote_or_deactivate_themselves(sign_in, bob: User) -> None:
    client = sign_in(bob)
    assert f"{LIST}/{bob.id}/" not in client.get(LIST).text
    for path, form, reason in (
        ("deactivation", {}, "deactivate your own account. Ask another admin."),
        ("role", {"role": "recruiter"}, "remove your own admin role. Ask another admin."),
    ):
        assert send(client, LIST, f"{LIST}/{bob.id}/{path}", **form).location == LIST
        assert reason in client.get(LIST).text
    db.session.refresh(bob)
    assert (bob.role, bob.is_enabled) == ("admin", True)


def test_only_pending_invites_can_be_resent(sign_in, alice: User, bob: User) -> None:
    client, dana = sign_in(bob), administration.invite("dana@example.test", "Dana", "recruiter", actor=bob)
    send(client, LIST, f"{LIST}/{dana.id}/invitation")
    assert "Another invite to dana@example.test is queued." in client.get(LIST).text
    send(client, LIST, f"{LIST}/{alice.id}/invitation")
    assert "is not waiting for an invitation" in client.get(LIST).text
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
    "query", ["after=x", "before=-1", "after=99999999999999999999", "q=%00", "q=%ff", "after=0"]
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


def test_markup_in_a_name_is_escaped(sign_in, bob: User) -> None:
    name = '<script>alert(1)</script>"><img src=x>'
    factories.user("eve@example.test", name)
    audit.record("user.invited", name, actor=bob, note=name)
    db.session.commit()
    for page in (LIST, "/admin/audit"):
        text = sign_in(bob).get(page).text
        assert "<script>alert" not in text
        assert "<img" not in text


def test_the_audit_log_is_filtered_and_paged(app: Flask, sign_in, bob: User) -> None:
    for number in range(60):
        audit.record("thing.done", f"thing {number}", actor=bob)
    audit.record("thing.undone", "the last thing")
    db.session.commit()
    client = sign_in(bob)
    page = client.get("/admin/audit").text
    assert page.index("the last thing") < page.index("thing 59")
    assert page.count("<tr>") == 51
    assert "Older entries" in page
    assert client.get("/admin/audit?action=thing.undone").text.count("<tr>") == 2
    assert "the last thing" not in client.get(f"/admin/audit?person={bob.email.upper()}").text
    assert "No entries match." in client.get("/admin/audit?person=nobody@example.test").text
