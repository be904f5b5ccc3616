"""Preferences are changed field by field, taken back exactly, and given to new people as admins set them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from app.clock import utc_now
from app.database.base import db
from app.forms.preferences import read_undo
from app.models import AuditEntry, Delivery, User
from app.services.accounts import users
from app.services.base.errors import Invalid
from app.services.preferences import editing as preference_editing
from app.services.preferences import unsubscribe
from app.services.routing import quiet_hours as quiet
from app.services.routing import required_channels
from tests.support import factories
from tests.support.preferences import BEFORE, QUIET, SWITCHES

KEY = "a key for tests only"


def effective(values: dict[str, Any]) -> dict[str, Any]:
    """Without what a matrix says that is so anyhow."""
    cells = {
        (kind, way) for kind, ways in values["matrix"].items() for way, is_on in ways.items() if not is_on
    }
    return values | {"matrix": cells}


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=SWITCHES, quiet=QUIET)
def test_undo_brings_back_exactly_what_was(
    app: Flask, alice: User, chosen: dict[str, Any], quiet: dict[str, Any]
) -> None:
    now = BEFORE
    before = preference_editing.preferences_of(alice)
    changed = preference_editing.change(alice, chosen | {"quiet_hours": quiet}, now=now)
    preference_editing.change(alice, changed.before, now=now)
    assert effective(preference_editing.preferences_of(alice)) == effective(before)


def test_one_wrong_field_leaves_all_as_it_was(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    with pytest.raises(Invalid) as caught:
        preference_editing.change(
            alice, {"daily_digest": True, "digest_hour": 99, "quiet_hours": {"start": "x"}}
        )
    assert set(caught.value.errors) == {"digest_hour", "quiet_hours.start"}
    assert preference_editing.preferences_of(alice)["daily_digest"] is False


def test_two_changes_at_once_both_last(any_app: Flask) -> None:
    user_id = factories.user("alice@example.test").id
    cells = [("job", "email"), ("job", "in_app"), ("system", "email"), ("resume", "email")]
    start = threading.Barrier(len(cells))

    def switch_off(category: str, channel: str) -> None:
        with any_app.app_context():
            user = db.session.get_one(User, user_id)
            preference_editing.preferences_of(user)  # Read before the others write.
            start.wait()
            preference_editing.change(user, {"matrix": {category: {channel: False}}})

    threads = [threading.Thread(target=switch_off, args=cell) for cell in cells]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.expire_all()
    matrix = preference_editing.preferences_of(db.session.get_one(User, user_id))["matrix"]
    assert {(category, channel) for category, ways in matrix.items() for channel in ways} == set(cells)


def test_until_tomorrow_is_the_next_morning_on_ones_own_clock(app: Flask) -> None:
    user = factories.user("alice@example.test", time_zone="Asia/Kathmandu")
    evening = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)  # 00:15 of the 25th there
    preference_editing.pause(user, "tomorrow", now=evening)
    assert preference_editing.preferences_of(user, now=evening)["paused_until"] == "2026-11-26T02:15:00Z"
    preference_editing.pause(user, "2026-12-24T12:00", now=evening)
    assert preference_editing.preferences_of(user, now=evening)["paused_until"] == "2026-12-24T06:15:00Z"
    for wrong in ("2026-11-24T12:00", "soon", "2029-01-01T00:00"):
        with pytest.raises(Invalid) as caught:
            preference_editing.pause(user, wrong, now=evening)
        assert list(caught.value.errors) == ["paused_until"]


def test_only_ones_own_waiting_messages_are_looked_at_again(app: Flask, alice: User, charlie: User) -> None:
    now = utc_now()
    later = now + timedelta(hours=5)
    rows = [
        factories.delivery(factories.notification(user), reason=reason, due_at=later, state="pending")
        for user, reason in ((alice, "paused"), (alice, "scheduled"), (charlie, "paused"))
    ]
    preference_editing.change(alice, {"email_delay_minutes": 5}, now=now)
    due = {
        row.id: row.due_at
        for row in db.session.scalars(select(Delivery).execution_options(populate_existing=True))
    }
    assert [due[row.id] for row in rows] == [now, later, later]
    assert [row.reason for row in rows] == ["released", "scheduled", "paused"]


def test_a_pause_that_is_over_is_none(app: Flask, alice: User) -> None:
    now = utc_now()
    preference_editing.pause(alice, "hour", now=now)
    assert preference_editing.preferences_of(alice, now=now)["paused_until"]
    assert preference_editing.preferences_of(alice, now=now + timedelta(hours=1))["paused_until"] is None


def test_new_people_start_with_what_admins_set_and_nobody_else_is_affected(any_app: Flask) -> None:
    bob = factories.user("bob@example.test", role="admin")
    alice = factories.user("alice@example.test")
    wanted = {"daily_digest": True, "digest_hour": 7, "matrix": {"job": {"email": False}}}
    preference_editing.change_defaults(wanted | {"quiet_hours": {"enabled": True}}, actor=bob)
    dana = users.create_user("dana@example.test", "Dana", password="correct horse battery")
    found = preference_editing.preferences_of(dana)
    assert {name: found[name] for name in wanted} == wanted
    assert found["quiet_hours"]["enabled"]
    assert preference_editing.preferences_of(alice)["daily_digest"] is False
    assert db.session.scalar(select(AuditEntry.action)) == "preference_defaults.changed"
    with pytest.raises(Invalid):
        preference_editing.change_defaults({"time_zone": "Europe/Paris"}, actor=bob)


def test_a_lock_needs_a_reason_and_is_audited(app: Flask, bob: User) -> None:
    with pytest.raises(Invalid) as caught:
        required_channels.require("sports", "fax", " ", actor=bob)
    assert set(caught.value.errors) == {"category", "channel", "reason"}
    required_channels.require("system", "email", "Everybody must know.", actor=bob)
    assert required_channels.current_requirements() == {("system", "email"): "Everybody must know."}
    assert required_channels.release("system", "email", actor=bob) == "Everybody must know."
    assert required_channels.release("system", "email", actor=bob) == ""
    actions = db.session.scalars(select(AuditEntry.action)).all()
    assert actions == ["preference.locked", "preference.unlocked"]


def test_unsubscribing_from_what_is_locked_is_kept_for_later(app: Flask, alice: User, bob: User) -> None:
    required_channels.require("system", "email", "The law asks for it.", actor=bob)
    token = unsubscribe.unsubscribe_link(alice, "system", KEY, "").rpartition("/")[2]
    page = app.test_client().post(f"/unsubscribe/{token}").text
    assert "The law asks for it." in page
    assert preference_editing.preferences_of(alice)["matrix"] == {"system": {"email": False}}


def test_the_navigation_knows_the_pause_the_night_and_the_next_one(app: Flask) -> None:
    user = factories.user("alice@example.test", time_zone="Europe/Paris")
    noon = datetime(2026, 11, 24, 11, tzinfo=UTC)  # a Tuesday
    assert quiet.current_status(user, noon) is None
    preference_editing.change(user, {"quiet_hours": {"enabled": True, "days": [3]}}, now=noon)
    night = quiet.current_status(user, noon)
    assert night is not None
    assert night.begins_at == datetime(2026, 11, 26, 18, tzinfo=UTC)
    assert night.ends_at == datetime(2026, 11, 27, 6, 30, tzinfo=UTC)
    now = quiet.current_status(user, night.begins_at)
    assert now is not None
    assert (now.begins_at, now.ends_at) == (None, night.ends_at)
    preference_editing.pause(user, "hour", now=noon)
    paused = quiet.current_status(user, noon)
    assert paused is not None
    assert paused.is_paused


def test_a_pause_beyond_the_calendar_is_refused_in_words(app: Flask) -> None:
    east = factories.user("alice@example.test", time_zone="Pacific/Kiritimati")
    west = factories.user("charlie@example.test", time_zone="Pacific/Pago_Pago")
    for user, edge in ((east, "0001-01-01T00:00"), (west, "9999-12-31T23:59")):
        with pytest.raises(Invalid) as caught:
            preference_editing.pause(user, edge)
        assert list(caught.value.errors) == ["paused_until"]


def test_an_undo_nested_without_end_changes_nothing() -> None:
    assert read_undo(MultiDict({"values": "[" * 100_000})) == {}
