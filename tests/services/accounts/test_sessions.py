"""Sessions end when they are ended, idle or old, and no request can revive one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.database.base import db
from app.models import BrowserSession, User
from app.services.accounts import administration, emails, sessions, users
from app.services.accounts.sessions import SessionLimits
from app.services.base.errors import Conflict, NotFound
from app.services.operations import retention
from tests.support import factories
from tests.support.audit import audit_entries
from tests.support.retention import KEPT
from tests.support.second_factor import turn_on

LIMITS = SessionLimits(idle=timedelta(days=14), longest=timedelta(days=90))
NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)


def count() -> int:
    return db.session.scalar(select(func.count()).select_from(BrowserSession)) or 0


def only() -> BrowserSession:
    return db.session.scalars(select(BrowserSession), execution_options={"populate_existing": True}).one()


@pytest.mark.parametrize(
    "change",
    [lambda user: users.change_password(user, factories.PASSWORD, "another long password"), turn_on],
    ids=["password", "two-step sign-in"],
)
def test_none_is_started_for_an_account_that_has_changed_since_it_was_checked(
    any_app: Flask, change: Callable[[User], object]
) -> None:
    user = factories.user("dana@example.test")
    with any_app.app_context():
        change(db.session.get_one(User, user.id))
    with pytest.raises(Conflict):
        sessions.start(user)
    assert count() == 0


def test_the_key_is_not_stored(app: Flask, alice: User) -> None:
    key = sessions.start(alice, browser="Firefox", address="192.0.2.1", now=NOW)
    row = only()
    assert key not in {value for value in vars(row).values() if isinstance(value, str)}
    assert (row.browser, row.address) == ("Firefox", "192.0.2.1")
    found = sessions.find(key, LIMITS, now=NOW)
    assert found is not None
    assert (found.user, found.session_id) == (alice, row.id)
    assert sessions.find(row.digest, LIMITS, now=NOW) is None
    assert sessions.find(f"{alice.id}.0", LIMITS, now=NOW) is None


@pytest.mark.parametrize("is_brief", [False, True])
def test_a_session_knows_its_user(any_app: Flask, is_brief: bool) -> None:
    user = factories.user("dana@example.test", locale="en@h12", time_zone="Asia/Tokyo")
    user.preference.stack_notifications = False
    key = sessions.start(user)
    db.session.remove()
    found = sessions.find(key, LIMITS, is_brief=is_brief)
    assert found is not None
    values = ("en@h12", "Asia/Tokyo", False)
    assert (found.locale, found.time_zone, found.is_stacked) == values
    assert (found.user.id, found.user.email) == (found.user_id, "dana@example.test")
    assert (found.user.locale, found.user.time_zone, found.user.preference.stack_notifications) == values


@pytest.mark.parametrize("is_brief", [False, True])
def test_a_session_shows_its_user_as_the_request_has_changed_them(any_app: Flask, is_brief: bool) -> None:
    key = sessions.start(factories.user("dana@example.test", name="Dana"))
    db.session.remove()
    found = sessions.find(key, LIMITS, is_brief=is_brief)
    assert found is not None
    shown = found.shown
    assert (shown.name, shown.initials, shown.preference.theme) == ("Dana", "D", "system")
    assert list(db.session) == []
    found.user.name = "Dana Osei"
    assert found.shown.name == "Dana Osei"
    db.session.rollback()


@pytest.mark.parametrize("is_brief", [False, True])
def test_a_session_ends_at_once_with_the_account(any_app: Flask, is_brief: bool) -> None:
    user = factories.user("dana@example.test")
    key = sessions.start(user)
    assert sessions.find(key, LIMITS, is_brief=is_brief) is not None
    user.is_enabled = False
    db.session.commit()
    assert sessions.find(key, LIMITS, is_brief=is_brief) is None


def test_what_a_request_does_with_its_ended_session_reaches_no_other_one(
    app: Flask, alice: User, bob: User
) -> None:
    first = sessions.find(sessions.start(alice, now=NOW), LIMITS, now=NOW)
    assert first is not None
    sessions.end(alice, first.session_id)
    key = sessions.start(bob, address="192.0.2.1", now=NOW)
    assert only().id == first.session_id, "SQLite gives the id to the next one"
    sessions.record_seen(first, address="192.0.2.99", now=NOW + timedelta(hours=1))
    assert only().address == "192.0.2.1"
    assert sessions.find(sessions.confirm(first, now=NOW), LIMITS, now=NOW) is None
    sessions.sign_out(first)
    found = sessions.find(key, LIMITS, now=NOW)
    assert found is not None
    assert found.user_id == bob.id


def test_keys_are_never_the_same(app: Flask, alice: User) -> None:
    assert len({sessions.start(alice) for _ in range(20)}) == 20


def test_an_idle_session_ends(app: Flask, alice: User) -> None:
    key = sessions.start(alice, now=NOW)
    last = NOW + timedelta(days=14)
    assert sessions.find(key, LIMITS, now=last - timedelta(seconds=1)) is not None
    assert sessions.find(key, LIMITS, now=last) is None


def test_a_session_in_use_ends_after_its_maximum_age(app: Flask, alice: User) -> None:
    key = sessions.start(alice, now=NOW)
    for day in range(10, 90, 10):
        found = sessions.find(key, LIMITS, now=NOW + timedelta(days=day))
        assert found is not None
        sessions.record_seen(found, now=NOW + timedelta(days=day))
    assert sessions.find(key, LIMITS, now=NOW + timedelta(days=90, seconds=-1)) is not None
    assert sessions.find(key, LIMITS, now=NOW + timedelta(days=90)) is None


def test_a_shorter_limit_ends_sessions_that_are_open(app: Flask, alice: User) -> None:
    key = sessions.start(alice, now=NOW)
    later = NOW + timedelta(days=3)
    assert sessions.find(key, LIMITS, now=later) is not None
    assert sessions.find(key, SessionLimits(timedelta(days=2), LIMITS.longest), now=later) is None


def test_use_is_recorded_once_in_five_minutes(app: Flask, alice: User) -> None:
    key = sessions.start(alice, address="192.0.2.1", now=NOW)
    found = sessions.find(key, LIMITS, now=NOW)
    assert found is not None
    assert not found.is_seen_due(NOW + timedelta(minutes=4))
    later = NOW + timedelta(minutes=5)
    assert found.is_seen_due(later)
    sessions.record_seen(found, address="192.0.2.2", now=later)
    # A simultaneous request that read the row before.
    sessions.record_seen(found, address="192.0.2.3", now=later + timedelta(seconds=1))
    assert (only().last_seen_at, only().address) == (later, "192.0.2.2")


def test_signing_out_ends_the_session_and_is_audited_once(app: Flask, alice: User) -> None:
    key = sessions.start(alice)
    other = sessions.start(alice)
    found = sessions.find(key, LIMITS)
    assert found is not None
    sessions.sign_out(found, origin="192.0.2.1")
    sessions.sign_out(found, origin="192.0.2.1")
    assert sessions.find(key, LIMITS) is None
    assert sessions.find(other, LIMITS) is not None
    (entry,) = audit_entries("sign_out")
    assert (entry.actor_id, entry.detail) == (alice.id, {"origin": "192.0.2.1"})


def test_the_id_of_an_ended_session_may_be_given_again(app: Flask, alice: User) -> None:
    sessions.start(alice)
    ended = db.session.scalars(select(BrowserSession)).one()
    sessions.end_all(alice)
    db.session.commit()
    sessions.start(alice)
    assert ended not in db.session


def test_another_persons_session_cannot_be_ended(app: Flask, alice: User, charlie: User) -> None:
    key = sessions.start(alice)
    with pytest.raises(NotFound):
        sessions.end(charlie, only().id)
    assert sessions.find(key, LIMITS) is not None


def test_signing_out_everywhere_else_keeps_this_session(app: Flask, alice: User, charlie: User) -> None:
    here, there, his = sessions.start(alice), sessions.start(alice), sessions.start(charlie)
    found = sessions.find(here, LIMITS)
    assert found is not None
    assert sessions.end_others(alice, found.session_id) == 1
    assert [sessions.find(key, LIMITS) is not None for key in (here, there, his)] == [True, False, True]


def test_a_new_password_ends_every_session(app: Flask, alice: User) -> None:
    key = sessions.start(alice)
    users.change_password(alice, factories.PASSWORD, "another long password")
    assert sessions.find(key, LIMITS) is None


def test_a_password_chosen_by_link_ends_every_session(app: Flask, alice: User) -> None:
    key = sessions.start(alice)
    link = emails.make_password_link("password_reset", alice, "s", "", datetime.now(UTC))
    emails.set_password_by_link(link.rpartition("/")[2], "another long password", secret="s")
    assert sessions.find(key, LIMITS) is None


def test_deactivation_ends_every_session_and_reactivation_revives_none(
    app: Flask, alice: User, bob: User
) -> None:
    key = sessions.start(alice)
    administration.change(alice.id, is_enabled=False, actor=bob)
    assert sessions.find(key, LIMITS) is None
    administration.change(alice.id, is_enabled=True, actor=bob)
    assert sessions.find(key, LIMITS) is None


def test_sessions_of_a_person_who_is_disabled_by_other_means_do_not_work(app: Flask, alice: User) -> None:
    key = sessions.start(alice)
    alice.is_enabled = False
    db.session.commit()
    assert sessions.find(key, LIMITS) is None


def test_retention_deletes_ended_sessions_and_no_others(app: Flask, alice: User) -> None:
    sessions.start(alice, now=NOW - timedelta(days=15))
    open_one = sessions.start(alice, now=NOW - timedelta(days=13))
    assert retention.purge(KEPT, NOW, session_limits=LIMITS) == 1
    assert count() == 1
    assert sessions.find(open_one, LIMITS, now=NOW) is not None


def test_sessions_work_on_both_databases(any_app: Flask) -> None:
    user = factories.user("dana@example.test")
    key, other = sessions.start(user, now=NOW), sessions.start(user, now=NOW)
    found = sessions.find(key, LIMITS, now=NOW)
    assert found is not None
    sessions.record_seen(found, now=NOW + timedelta(minutes=6))
    assert next(iter(sessions.for_user(user, LIMITS, now=NOW))).id == found.session_id
    assert sessions.end_others(user, found.session_id) == 1
    assert sessions.find(other, LIMITS, now=NOW) is None


def test_the_values_of_a_session_are_those_of_its_user(app: Flask, alice: User) -> None:
    alice.preference.stack_notifications = False
    db.session.commit()
    key = sessions.start(alice)
    db.session.remove()
    found = sessions.find(key, LIMITS)
    assert found is not None
    assert (found.user_id, found.email, found.is_admin) == (alice.id, alice.email, False)
    assert (found.locale, found.time_zone, found.is_stacked) == (alice.locale, alice.time_zone, False)
    assert not db.session.identity_map
    found.user.locale, found.user.time_zone = "de", "Asia/Tokyo"
    found.user.preference.stack_notifications = True
    assert (found.locale, found.time_zone, found.is_stacked) == ("de", "Asia/Tokyo", True)
