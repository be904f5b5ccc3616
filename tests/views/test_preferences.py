"""Preferences over HTTP: access, validation, changes and undo."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.database.base import db
from app.models import User
from app.services.preferences import editing as preference_editing
from app.services.preferences import fields
from tests.views.forms import send

SignIn = Callable[[User], FlaskClient]


def test_preferences_need_sign_in_and_defaults_need_an_admin(
    client: FlaskClient, alice: User, bob: User, sign_in: SignIn
) -> None:
    for path in ("/preferences", "/admin/preferences"):
        assert "/sign-in" in client.get(path).headers["Location"]
    assert sign_in(alice).get("/preferences").status_code == 200
    assert sign_in(alice).get("/admin/preferences").status_code == 403
    assert sign_in(bob).get("/admin/preferences").status_code == 200


@pytest.mark.parametrize("path", ["/preferences/pause", "/preferences/undo", "/admin/preferences/locks"])
def test_a_write_refuses_get(bob: User, sign_in: SignIn, path: str) -> None:
    assert sign_in(bob).get(path).status_code == 405


def test_a_form_changes_only_the_fields_it_showed(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    answer = send(
        client, "/preferences", "/preferences", shown="daily_digest", daily_digest="1", is_admin="1"
    )
    assert answer.status_code == 303
    db.session.expire_all()
    found = preference_editing.preferences_of(alice)
    assert found["daily_digest"] is True
    assert found["email_enabled"] is True, "a box that was not shown is not a box that was not ticked"


def test_errors_are_shown_beside_their_fields_and_stored_values_stay(alice: User, sign_in: SignIn) -> None:
    answer = send(sign_in(alice), "/preferences", "/preferences", time_zone='<b>"', digest_hour="99")
    assert answer.status_code == 422
    assert "Choose a time zone from the list" in answer.text
    assert "<b>" not in answer.text
    assert 'value="UTC"' in answer.text


@pytest.mark.parametrize("path", ["/preferences", "/admin/preferences"])
def test_every_preference_can_be_changed_alone_and_has_a_label(bob: User, sign_in: SignIn, path: str) -> None:
    assert [name for name, field in fields.FIELDS.items() if not field.label] == ["matrix"]
    client = sign_in(bob)
    assert send(client, path, path, shown="stack_notifications").status_code == 303
    assert "Group similar notifications off" in client.get(path).text


def test_a_change_can_be_undone(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    page = client.post(
        "/preferences",
        data={
            "shown": "matrix.job.email",
            "csrf_token": re.search(r'name="csrf_token" value="([^"]+)"', client.get("/preferences").text)[1],  # type: ignore[index]
        },
        headers={"HX-Request": "true"},
    ).text
    assert "Email off for Jobs" in page
    assert 'id="saved"' in page
    send(client, "/preferences", "/preferences/undo", values=json.dumps({"matrix": {"job": {"email": True}}}))
    db.session.expire_all()
    assert preference_editing.preferences_of(alice)["matrix"] == {"job": {"email": True}}


@pytest.mark.parametrize(
    "values", ["", "[]", "{", '{"user_id": 3}', '{"matrix": 7}', '{"digest_hour": 1e400}']
)
def test_a_forged_undo_changes_nothing(alice: User, sign_in: SignIn, values: str) -> None:
    before = preference_editing.preferences_of(alice)
    assert send(sign_in(alice), "/preferences", "/preferences/undo", values=values).status_code in {303, 422}
    db.session.expire_all()
    assert preference_editing.preferences_of(alice) == before


def test_the_quiet_hours_show_on_every_page(app: Flask, alice: User, sign_in: SignIn) -> None:
    preference_editing.change(alice, {"quiet_hours": {"enabled": True, "start": "00:00", "end": "23:59"}})
    page = sign_in(alice).get("/notifications").text
    assert "Urgent messages get through." in page
    preference_editing.change(
        alice, {"quiet_hours": {"enabled": False}, "theme": "dark", "density": "compact"}
    )
    page = sign_in(alice).get("/notifications").text
    assert "Urgent messages get through." not in page
    assert 'data-theme="dark"' in page
    assert 'data-density="compact"' in page
