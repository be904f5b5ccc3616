"""The cache never returns anything older than the last commit of any process."""

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
    connection.execute(line)
    connection.commit()
    print("done", flush=True)
"""


@pytest.fixture
def elsewhere(database_file: Path):
    """Runs a statement in another process, and comes back when it is committed."""
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
    elsewhere(f"UPDATE notifications SET read_at = '2026-01-01 00:00:00.000000' WHERE id = {row.id}")
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


def test_without_writes_no_query_is_repeated(alice):
    asked = []

    def make():
        asked.append(1)
        return "answer", None

    db.session.remove()
    assert [cache.cached("key", utc_now(), make) for _ in range(3)] == ["answer"] * 3
    assert len(asked) == 1
