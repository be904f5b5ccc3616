"""The agenda of a recruiter: what is next, what overlaps, and which evaluations are missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app.database.base import db
from app.models import InterviewRecruiter, User
from app.services.interviews.agenda import load_agenda
from tests.support import factories

NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
UNTIL = NOW + 24 * HOUR


@pytest.fixture
def owner(any_app: Flask) -> User:
    return factories.user("alice@example.test")


def names(user: User) -> list[str]:
    return [entry.candidate_name for entry in load_agenda(user.id, NOW, UNTIL).interviews]


def test_it_lists_ones_own_interviews_until_they_end(owner: User) -> None:
    other = factories.user("charlie@example.test")
    for start, name in (
        (2 * HOUR, "Later"),
        (-30 * MINUTE, "In progress"),
        (-HOUR, "Over"),
        (24 * HOUR, "Too far"),
    ):
        factories.interview(owner, starts_at=NOW + start, candidate_name=name)
    factories.interview(owner, starts_at=NOW + HOUR, candidate_name="Cancelled", status="cancelled")
    factories.interview(other, starts_at=NOW + HOUR, candidate_name="Charlie's")
    assert names(owner) == ["In progress", "Later"]
    assert load_agenda(owner.id, NOW, UNTIL).next_change(NOW) == NOW + 30 * MINUTE


@pytest.mark.parametrize(
    ("starts", "overlapping"),
    [
        ((0, 60, 120), set()),
        ((0, 59, 120), {0, 1}),
        # The first is so long that it overlaps both.
        ((0, 30, 90), {0, 1, 2}),
    ],
)
def test_interviews_at_the_same_time_overlap(
    owner: User, starts: tuple[int, ...], overlapping: set[int]
) -> None:
    length = 2 * HOUR if overlapping == {0, 1, 2} else HOUR
    found = [
        factories.interview(
            owner,
            starts_at=NOW + HOUR + start * MINUTE,
            ends_at=NOW + HOUR + start * MINUTE + (length if number == 0 else HOUR),
        )
        for number, start in enumerate(starts)
    ]
    agenda = load_agenda(owner.id, NOW, UNTIL)
    assert agenda.overlapping == {found[number].id for number in overlapping}


def test_an_evaluation_is_missing_until_it_arrives_or_one_was_absent(owner: User) -> None:
    other = factories.user("charlie@example.test")
    over = {"starts_at": NOW - 3 * HOUR, "status": "completed", "completed_at": NOW - 2 * HOUR}
    missing = factories.interview(owner, other, candidate_name="Missing", **over)
    factories.interview(owner, candidate_name="Evaluated", evaluated_at=NOW - HOUR, **over)
    factories.interview(owner, candidate_name="Old", **over | {"completed_at": NOW - timedelta(days=18)})
    row = factories.notification(owner, interview_id=missing.id, created_at=NOW - HOUR)
    factories.notification(other, interview_id=missing.id, created_at=NOW - HOUR)
    (entry,) = load_agenda(owner.id, NOW, UNTIL).unevaluated
    assert (entry.candidate_name, entry.notification_id) == ("Missing", row.id)
    db.session.get_one(InterviewRecruiter, (missing.id, owner.id)).absent_at = NOW
    db.session.commit()
    assert not load_agenda(owner.id, NOW, UNTIL)
