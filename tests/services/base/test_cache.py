"""Nothing that is remembered is older than the last change of its owner's inbox by any process."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from app.clock import utc_now
from app.database.base import db
from app.services.accounts import tokens
from app.services.base import cache
from app.services.notifications import actions, counts, json_list
from app.services.notifications.filters import Filters
from tests.support import factories

ROOT = Path(__file__).resolve().parents[3]

ANOTHER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
for line in sys.stdin:
    connection.executescript(f"BEGIN; {line}; COMMIT")
    print("done", flush=True)
"""


@pytest.fixture
def elsewhere(database_file: Path):
    """Run a statement in another process and wait until it is committed."""
    process = subprocess.Popen(
        [sys.executable, "-c", ANOTHER, str(database_file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )

    def run(statement: str) -> None:
        process.stdin.write(statement + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"

    yield run
    process.communicate()


def test_a_token_revoked_by_another_process_fails_at_the_next_call(client, alice, elsewhere):
    row, text = tokens.create(alice, "script", ["read"])
    headers = {"Authorization": f"Bearer {text}"}
    for _ in range(3):
        assert client.get("/api/notifications/unread-count/", headers=headers).status_code == 200
    elsewhere(f"UPDATE api_tokens SET revoked_at = '2026-01-01 00:00:00.000000' WHERE id = {row.id}")
    assert client.get("/api/notifications/unread-count/", headers=headers).status_code == 401


def test_changes_by_another_process_show_in_the_next_count_and_list(alice, elsewhere):
    row = factories.notification(alice)
    for _ in range(2):
        assert counts.unread_count(alice.id) == 1
        assert b'"is_read":false' in json_list.page_for(alice.id, Filters("all")).rows
    elsewhere(
        f"UPDATE notifications SET read_at = '2026-01-01 00:00:00.000000' WHERE id = {row.id};"
        f"UPDATE users SET inbox_version = inbox_version + 1 WHERE id = {alice.id}"
    )
    assert counts.unread_count(alice.id) == 0
    assert b'"is_read":true' in json_list.page_for(alice.id, Filters("all")).rows


def test_changes_by_this_process_show_in_the_next_count(any_app):
    alice = factories.user("alice@example.test")
    for number in range(1, 4):
        row = factories.notification(alice)
        assert counts.unread_count(alice.id) == number
    actions.mark_notification_as_read(row.id, alice)
    assert counts.unread_count(alice.id) == 2


def test_cached_answers_end_when_a_notification_surfaces_or_expires(alice):
    now = utc_now()
    soon, later = now + timedelta(minutes=5), now + timedelta(minutes=10)
    before = now - timedelta(minutes=1)
    factories.notification(alice, "comes", created_at=before, surfaced_at=soon)
    factories.notification(alice, "goes", created_at=before, expires_at=later)

    def seen(at) -> tuple[int, int]:
        page = json_list.page_for(alice.id, Filters("all"), now=at)
        return counts.unread_count(alice.id, at), page.rows.count(b'"title"')

    instants = (now, soon - timedelta(seconds=1), soon, later - timedelta(seconds=1), later)
    assert [seen(at) for at in instants] == [(1, 1), (1, 1), (2, 2), (2, 2), (1, 1)]


def test_uncommitted_values_are_not_cached(alice):
    row = factories.notification(alice)
    assert counts.unread_count(alice.id) == 1
    row.read_at = utc_now()
    db.session.flush()
    assert counts.unread_count(alice.id) == 0
    db.session.rollback()
    assert counts.unread_count(alice.id) == 1


def test_what_follows_from_an_uncommitted_change_is_not_kept(alice):
    memory, now = cache.Memory(10), utc_now()
    row = factories.notification(alice)
    row.read_at = now
    db.session.flush()
    memory.put(alice.id, "key", now, ("uncommitted", None), alice.inbox_version)
    assert memory.peek(alice.id, "key", now) is None
    db.session.rollback()
    memory.put(alice.id, "key", now, ("committed", None), alice.inbox_version)
    assert memory.peek(alice.id, "key", now) == (alice.inbox_version, "committed")


def test_without_a_commit_a_look_up_is_not_repeated(alice):
    asked = []

    def make():
        asked.append(1)
        return "answer"

    db.session.remove()
    assert [cache.until_commit("key", make) for _ in range(3)] == ["answer"] * 3
    assert len(asked) == 1
    alice.name = "Alice A."
    db.session.add(alice)
    db.session.commit()
    assert cache.until_commit("key", make) == "answer"
    assert len(asked) == 2


def test_changes_of_others_forget_nothing(any_app):
    alice, bob = factories.user("alice@example.test"), factories.user("bob@example.test")
    memory, asked = cache.Memory(10), []

    def make():
        asked.append(1)
        return len(asked), None

    def value() -> int:
        return memory.get(alice.id, "key", utc_now(), make)

    assert value() == 1
    factories.notification(bob)
    assert value() == 1
    factories.notification(alice)
    assert [value(), value()] == [2, 2]


def test_the_value_not_asked_for_longest_is_forgotten_first(alice):
    memory, asked = cache.Memory(2), []
    for key in ("a", "b", "a", "c", "a", "b"):
        memory.get(alice.id, key, utc_now(), lambda key=key: (asked.append(key), None))
    assert asked == ["a", "b", "c", "b"]


def test_a_value_that_a_change_overtakes_is_kept_under_the_version_before(alice):
    memory = cache.Memory(10)

    def overtaken():
        count = counts.unread_count(alice.id)
        factories.notification(alice)
        return count, None

    assert memory.get(alice.id, "key", utc_now(), overtaken) == 0
    assert memory.get(alice.id, "key", utc_now(), lambda: (counts.unread_count(alice.id), None)) == 1
