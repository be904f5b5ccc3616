"""Lists and pulses whose HTML is kept: what changes them, by whomever or by itself, shows at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask

from app.database.base import db
from app.models import User
from app.services.notifications import actions
from tests.support import factories
from tests.views.inbox import HX, SignIn, titles

# Twenty minutes before midnight.
NOW = datetime(2026, 3, 11, 23, 40, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def read(sign_in: SignIn, alice: User) -> Callable[[timedelta], tuple[str, str]]:
    """Return what reads the inbox, and the pulse of an open page, some time after NOW."""
    with time_machine.travel(NOW - HOUR, tick=False):
        client = sign_in(alice)
        factories.notification(alice, "Always there")

    def after(passed: timedelta) -> tuple[str, str]:
        with time_machine.travel(NOW + passed, tick=False):
            return client.get("/notifications").text, client.get(
                "/notifications/pulse?list=1", headers=HX
            ).text

    return after


@pytest.mark.parametrize(
    ("fields", "before", "after"),
    [
        pytest.param({"surfaced_at": NOW + HOUR}, [], ["It"], id="surfaces"),
        pytest.param({"surfaced_at": NOW + HOUR, "snoozed_until": NOW + HOUR}, [], ["It"], id="snooze"),
        pytest.param({"expires_at": NOW + HOUR}, ["It"], [], id="expires"),
    ],
)
def test_a_list_changes_by_itself_on_time(
    read: Callable[[timedelta], tuple[str, str]],
    alice: User,
    fields: dict[str, datetime],
    before: list[str],
    after: list[str],
) -> None:
    factories.notification(alice, "It", created_at=NOW - HOUR / 2, **fields)
    assert ('id="waiting-count">1<' in read(timedelta())[0]) == ("snoozed_until" in fields)
    second = timedelta(seconds=1)
    for passed, shown in ((HOUR - second, before), (HOUR, after)):
        page, pulse = read(passed)
        assert titles(page) == [*shown, "Always there"]
        assert len(re.findall(r"n-\d+:", pulse)) == len(shown) + 1
        assert f'id="unread-count" hx-swap-oob="true">{len(shown) + 1}<' in pulse


def test_times_and_days_pass(read: Callable[[timedelta], tuple[str, str]]) -> None:
    wanted = {
        timedelta(seconds=-61): "Today, 58 minutes ago",
        timedelta(seconds=-1): "Today, 59 minutes ago",
        timedelta(): "Today, 1 hour ago",
        timedelta(minutes=19, seconds=29): "Today, 1 hour ago",
        timedelta(minutes=20): "Yesterday, Wednesday 11 March at 22:40",
    }
    for passed, text in wanted.items():
        page = read(passed)[0]
        heading, time = (
            re.findall(r'<h2 id="d-[^>]+>([^<]+)<', page),
            re.findall(r'"vh">([^<]+)</span></time>', page),
        )
        assert ", ".join([*heading, *time]) == text


def test_a_list_follows_its_reader_and_every_writer(
    read: Callable[[timedelta], tuple[str, str]], app: Flask, alice: User
) -> None:
    row = factories.notification(alice, "It", created_at=NOW - HOUR)
    assert "1 hour ago" in read(timedelta())[0]
    with app.app_context():  # Another process.
        actions.change(db.session.get_one(User, alice.id), "read", ids=[row.id])
        db.session.remove()
    page, pulse = read(timedelta())
    assert page.count("data-unread") == 1
    assert f"n-{row.id}:1." in pulse
    alice.time_zone = "Asia/Kathmandu"
    db.session.commit()
    assert "Thursday 12 March" in read(timedelta())[0]
    alice.locale = "de"
    alice.preference.stack_notifications = False
    db.session.commit()
    assert '<html lang="de"' in read(timedelta())[0]


def test_each_list_and_pulse_is_kept_for_itself(sign_in: SignIn, alice: User) -> None:
    client = sign_in(alice)
    for number in range(2):
        factories.notification(alice, f"Twin {number}", stack_key="twins")
    factories.notification(alice, "Old", read_at=datetime.now(UTC))
    stacked = client.get("/notifications", headers=HX).text
    assert "Old" in stacked
    assert "Old" not in client.get("/notifications?place=unread", headers=HX).text
    pulses = [client.get(f"/notifications/pulse{query}", headers=HX).text for query in ("", "?list=1")]
    assert [bool(re.search(r"n-\d+:", pulse)) for pulse in pulses] == [False, True]
    alice.preference.stack_notifications = False
    db.session.commit()
    flat = client.get("/notifications", headers=HX).text
    assert (len(titles(stacked)), len(titles(flat))) == (2, 3)
    # It would be that of the session for which the list was rendered.
    assert "csrf" not in flat
