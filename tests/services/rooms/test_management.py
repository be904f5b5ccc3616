"""Rooms as admins add and change them: each field is checked, and the address stays a secret."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import utc_now
from app.database.base import db
from app.models import AuditEntry, Room, User
from app.services.base.errors import Conflict, Invalid, LimitReached, NotFound
from app.services.deliveries import room_log
from app.services.rooms import management
from tests.support import factories
from tests.support.delivery import SITE
from tests.support.rooms import HOOK, add_room


@pytest.fixture
def bob(app: Flask) -> User:
    return factories.user("bob@example.test", role="admin", time_zone="Asia/Tokyo")


def change(room: Room, bob: User, **fields: Any) -> Room:
    return management.change(room.id, actor=bob, secret=SITE.secret, **fields)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 101),
        ("channel", "email"),
        ("channel", "push"),
        ("address", ""),
        ("address", "x" * 1001),
        ("address", "hooks.slack.com/services/T1/B1/x"),
        ("address", "http://hooks.slack.com/services/T1/B1/x"),
        ("address", "https://hooks.slack.com.example.com/services/T1/B1/x"),
        ("address", "https://user@hooks.slack.com/services/T1/B1/x"),
        ("address", "https://hooks.slack.com/"),
        ("address", "http://127.0.0.1:5000/services/T1/B1/x"),
        ("address", "C042"),  # There is no bot.
        ("subjects", []),
        ("subjects", "*"),
        ("subjects", ["*", 7]),
        ("subjects", ["job:"]),
        ("subjects", ["type:interview_reminder"]),
        ("subjects", ["type:daily_digest"]),
        ("subjects", ["category:people"]),
        ("subjects", ["candidate:cand-77"]),
        ("subjects", [f"job:{n}" for n in range(101)]),
        ("time_zone", "Tokyo"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(bob: User, field: str, value: object) -> None:
    with pytest.raises(Invalid) as caught:
        add_room(bob, **{field: value})
    assert list(caught.value.errors) == [field]
    assert db.session.scalar(select(Room)) is None


@pytest.mark.parametrize(
    "address",
    ["https://127.0.0.1/x", "https://10.0.0.8/x", "https://printer.local/x", "http://example.com/x", "/x"],
)
def test_a_webhook_must_be_on_the_public_internet(bob: User, address: str) -> None:
    with pytest.raises(Invalid) as caught:
        add_room(bob, channel="webhook", address=address)
    assert list(caught.value.errors) == ["address"]


def test_a_stand_in_for_slack_may_be_on_this_machine(app: Flask, bob: User) -> None:
    app.config["SLACK_BASE_URL"] = "http://127.0.0.1:9001"
    assert add_room(bob, address="http://127.0.0.1:9001/services/T1/B1/x").id
    for other in ("http://127.0.0.1:90012/services/x", "http://127.0.0.1:9002/services/x"):
        with pytest.raises(Invalid):
            add_room(bob, address=other)


def test_a_channel_id_needs_a_bot(app: Flask, bob: User) -> None:
    app.config["SLACK_BOT_TOKEN"] = "xoxb-1"
    room = add_room(bob, address="C0123456789")
    assert room.shown_address == "C0123456789"


def test_the_address_is_stored_encrypted_and_shown_in_part(bob: User) -> None:
    room = add_room(bob, "job:job-12", "job:job-12", "*")
    assert (room.subjects, room.time_zone) == (["job:job-12", "*"], "Asia/Tokyo")
    assert room.shown_address == "https://hooks.slack.com/…cret"
    assert "planted" not in room.encrypted_address
    assert management.address_of(room, SITE.secret) == HOOK
    assert management.address_of(room, "another key") is None
    change(room, bob, address=HOOK + "2", name="#hired")
    entries = list(db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)))
    assert [entry.action for entry in entries] == ["room.created", "room.changed"]
    assert not any("planted" in f"{entry.subject} {entry.detail}" for entry in entries)


@pytest.mark.parametrize("path", ["", "/", "/a", "/short?key=1"])
def test_only_the_host_of_a_short_address_is_shown(bob: User, path: str) -> None:
    room = add_room(bob, channel="webhook", address=f"https://hooks.example.com{path}")
    assert room.shown_address == "https://hooks.example.com/…"


def test_a_room_is_removed_and_restored(bob: User) -> None:
    room = add_room(bob)
    management.remove(room.id, actor=bob)
    assert management.list_rooms() == []
    for attempt in (lambda: management.get(room.id), lambda: management.remove(room.id, actor=bob)):
        with pytest.raises(NotFound):
            attempt()
    assert management.list_removed() == [room]
    management.restore(room.id, actor=bob)
    assert management.list_rooms() == [room]
    with pytest.raises(NotFound):
        management.restore(room.id, actor=bob)


def test_a_removed_room_makes_way_for_another(bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(management, "MAX_ROOMS", 1)
    room = add_room(bob)
    with pytest.raises(Conflict, match="Remove one first"):
        add_room(bob)
    management.remove(room.id, actor=bob)
    other = add_room(bob)
    assert management.list_rooms() == [other]


def test_a_new_address_turns_a_room_on_again(bob: User) -> None:
    room = add_room(bob)
    room.disabled_at, room.disabled_reason, room.failures = utc_now(), "404 no_service", 1
    db.session.commit()
    with pytest.raises(Conflict):
        room_log.send_test(room.id, bob)
    change(room, bob, address=HOOK + "2")
    assert (room.disabled_at, room.disabled_reason, room.failures) == (None, "", 0)
    assert room_log.send_test(room.id, bob).title == "Test from Bellhop"


def test_ten_tests_are_possible_in_ten_minutes(bob: User) -> None:
    room = add_room(bob)
    for _time in range(10):
        room_log.send_test(room.id, bob)
    with pytest.raises(LimitReached) as caught:
        room_log.send_test(room.id, bob)
    assert 0 < caught.value.retry_after <= 600
    room_log.send_test(add_room(bob).id, bob)
