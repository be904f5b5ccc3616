"""Preferences are changed field by field, can be undone exactly, and have defaults that admins set."""

from __future__ import annotations

import threading
from collections.abc import Callable
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
from app.services.base import audit
from app.services.base.errors import Invalid
from app.services.overview import checklist
from app.services.preferences import editing as preference_editing
from app.services.preferences import unsubscribe
from app.services.routing import quiet_hours as quiet
from app.services.routing import required_channels
from tests.support import factories
from tests.support.locks import run_in_between
from tests.support.preferences import BEFORE, QUIET, SWITCHES

KEY = "a key for tests only"


def without_default_cells(values: dict[str, Any]) -> dict[str, Any]:
    """Reduce a matrix to the cells that are off."""
    cells = {
        (category, channel)
        for category, channels in values["matrix"].items()
        for channel, is_on in channels.items()
        if not is_on
    }
    return values | {"matrix": cells}


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=SWITCHES, quiet=QUIET)
def test_undo_restores_the_previous_preferences(
    app: Flask, alice: User, chosen: dict[str, Any], quiet: dict[str, Any]
) -> None:
    now = BEFORE
    before = preference_editing.preferences_of(alice)
    changed = preference_editing.change(alice, chosen | {"quiet_hours": quiet}, now=now)
    preference_editing.change(alice, changed.before, now=now)
    assert without_default_cells(preference_editing.preferences_of(alice)) == without_default_cells(before)


def test_an_invalid_field_changes_nothing(any_app: Flask) -> None:
    alice = factories.user("alice@example.test")
    with pytest.raises(Invalid) as caught:
        preference_editing.change(
            alice, {"daily_digest": True, "digest_hour": 99, "quiet_hours": {"start": "x"}}
        )
    assert set(caught.value.errors) == {"digest_hour", "quiet_hours.start"}
    assert preference_editing.preferences_of(alice)["daily_digest"] is False


def test_concurrent_changes_are_all_kept(any_app: Flask) -> None:
    user_id = factories.user("alice@example.test").id
    cells = [("job", "email"), ("job", "in_app"), ("system", "email"), ("resume", "email")]
    start = threading.Barrier(len(cells))

    def turn_off(category: str, channel: str) -> None:
        with any_app.app_context():
            user = db.session.get_one(User, user_id)
            preference_editing.preferences_of(user)  # Load it before the others write.
            start.wait()
            preference_editing.change(user, {"matrix": {category: {channel: False}}})

    threads = [threading.Thread(target=turn_off, args=cell) for cell in cells]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.expire_all()
    matrix = preference_editing.preferences_of(db.session.get_one(User, user_id))["matrix"]
    assert {(category, channel) for category, channels in matrix.items() for channel in channels} == set(
        cells
    )


def test_a_pause_ends_in_the_persons_time_zone(app: Flask) -> None:
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


def test_a_change_releases_only_the_persons_own_held_messages(app: Flask, alice: User, charlie: User) -> None:
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


def test_a_pause_that_has_ended_is_not_returned(app: Flask, alice: User) -> None:
    now = utc_now()
    preference_editing.pause(alice, "hour", now=now)
    assert preference_editing.preferences_of(alice, now=now)["paused_until"]
    assert preference_editing.preferences_of(alice, now=now + timedelta(hours=1))["paused_until"] is None


def test_new_people_get_the_defaults_and_existing_people_do_not(any_app: Flask) -> None:
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


def test_requiring_a_channel_needs_a_reason_and_is_audited(app: Flask, bob: User) -> None:
    with pytest.raises(Invalid) as caught:
        required_channels.require("sports", "fax", " ", actor=bob)
    assert set(caught.value.errors) == {"category", "channel", "reason"}
    required_channels.require("system", "email", "Everyone must know.", actor=bob)
    assert required_channels.current_requirements() == {("system", "email"): "Everyone must know."}
    assert required_channels.release("system", "email", actor=bob) == "Everyone must know."
    assert required_channels.release("system", "email", actor=bob) == ""
    actions = db.session.scalars(select(AuditEntry.action)).all()
    assert actions == ["preference.locked", "preference.unlocked"]


def test_unsubscribing_from_a_required_channel_is_kept_for_later(app: Flask, alice: User, bob: User) -> None:
    required_channels.require("system", "email", "Required by law.", actor=bob)
    token = unsubscribe.unsubscribe_link(alice, "system", KEY, "").rpartition("/")[2]
    page = app.test_client().post(f"/unsubscribe/{token}").text
    assert "Required by law." in page
    assert preference_editing.preferences_of(alice)["matrix"] == {"system": {"email": False}}


def test_the_status_shows_a_pause_or_the_current_or_next_quiet_hours(app: Flask) -> None:
    user = factories.user("alice@example.test", time_zone="Europe/Paris")
    noon = datetime(2026, 11, 24, 11, tzinfo=UTC)  # a Tuesday
    assert quiet.current_status(user, noon) is None
    preference_editing.change(user, {"quiet_hours": {"enabled": True, "days": [3]}}, now=noon)
    night = quiet.current_status(user, noon)
    assert night is not None
    assert night.begins_at == datetime(2026, 11, 26, 18, tzinfo=UTC)
    assert night.ends_at == datetime(2026, 11, 27, 6, 30, tzinfo=UTC)
    current = quiet.current_status(user, night.begins_at)
    assert current is not None
    assert (current.begins_at, current.ends_at) == (None, night.ends_at)
    preference_editing.pause(user, "hour", now=noon)
    paused = quiet.current_status(user, noon)
    assert paused is not None
    assert paused.is_paused


def test_a_pause_beyond_the_calendar_is_rejected(app: Flask) -> None:
    east = factories.user("alice@example.test", time_zone="Pacific/Kiritimati")
    west = factories.user("charlie@example.test", time_zone="Pacific/Pago_Pago")
    for user, edge in ((east, "0001-01-01T00:00"), (west, "9999-12-31T23:59")):
        with pytest.raises(Invalid) as caught:
            preference_editing.pause(user, edge)
        assert list(caught.value.errors) == ["paused_until"]


def test_a_deeply_nested_undo_changes_nothing() -> None:
    assert read_undo(MultiDict({"values": "[" * 100_000})) == {}


def test_concurrent_changes_of_the_defaults_are_all_kept(
    pg_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = factories.user("bob@example.test", role="admin")

    def turn_on(name: str) -> None:
        preference_editing.change_defaults({name: True}, actor=bob)

    turn_on("push_enabled")
    place = (audit, "record")
    run_in_between(
        pg_app, monkeypatch, place, lambda: turn_on("daily_digest"), lambda: turn_on("weekly_summary")
    )
    stored = preference_editing.defaults()
    assert (stored["daily_digest"], stored["weekly_summary"]) == (True, True)


def require(actor: User) -> None:
    required_channels.require("interview", "email", "Policy", actor=actor)


def dismiss(actor: User) -> None:
    checklist.set_dismissed(is_dismissed=True, actor=actor)


@pytest.mark.parametrize("change", [require, dismiss])
def test_two_admins_may_set_the_same_at_once(
    pg_app: Flask, monkeypatch: pytest.MonkeyPatch, change: Callable[[User], None]
) -> None:
    bob = factories.user("bob@example.test", role="admin")
    run_in_between(pg_app, monkeypatch, (audit, "record"), lambda: change(bob), lambda: change(bob))
