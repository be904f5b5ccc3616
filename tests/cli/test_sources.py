"""`flask sources`."""

from __future__ import annotations

from flask import Flask

from app.models import User
from app.services.sources import connections
from tests.support.sources import KEY, connect, inbox


def run(app: Flask, *words: str):
    return app.test_cli_runner().invoke(args=["sources", *words])


def test_a_test_call_is_sent_to_each_source_of_a_system(app: Flask, alice: User, bob: User) -> None:
    none = run(app, "send-test", "calcom")
    assert none.exit_code == 1
    assert "No calcom source is connected." in none.stderr
    source = connect("calcom", bob)
    done = run(app, "send-test", "calcom")
    assert (done.exit_code, done.stdout) == (0, "Our calcom: Notified 1 person (bob@example.test)\n")
    assert [name for name, _title in inbox(bob)] == ["interview_scheduled"]
    assert inbox(alice) == []
    connections.change(source.id, actor=bob, secret=KEY, is_paused=True)
    paused = run(app, "send-test", "calcom")
    assert paused.exit_code == 1
    assert "This source is paused." in paused.stderr
