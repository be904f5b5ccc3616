"""The agenda above the inbox."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
import time_machine
from flask.testing import FlaskClient

from app.database.base import db
from app.models import User
from tests.support import factories
from tests.views.inbox import SignIn

# 10:00 in Paris.
NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def alice() -> User:
    return factories.user("alice@example.test", time_zone="Europe/Paris")


@pytest.fixture
def client(app: object, sign_in: SignIn, alice: User) -> FlaskClient:
    with time_machine.travel(NOW - HOUR, tick=False):
        return sign_in(alice)


def agenda(client: FlaskClient, path: str = "/notifications", at: datetime = NOW) -> str:
    with time_machine.travel(at, tick=False):
        found = re.search(r'<details class="agenda".*?</details>', client.get(path).text, re.DOTALL)
    return unescape(" ".join(found[0].split())) if found else ""


def test_it_is_absent_when_empty(client: FlaskClient, alice: User) -> None:
    factories.interview(alice, starts_at=NOW + 50 * HOUR)
    assert agenda(client) == ""


def test_today_and_tomorrow_have_times_names_and_a_way_to_join(client: FlaskClient, alice: User) -> None:
    meeting = "https://meet.example.com/1"
    first = factories.interview(
        alice, starts_at=NOW + HOUR / 6, meeting_url=meeting, candidate_name="Omar Haddad"
    )
    row = factories.notification(alice, interview_id=first.id, created_at=NOW - HOUR)
    factories.interview(alice, starts_at=NOW + 24 * HOUR, location="12 Rue de Rivoli, 75004 Paris")
    shown = agenda(client)
    assert 'agenda__sum">1 interview today · 1 tomorrow</span>' in shown
    assert 'datetime="2026-03-12T09:10:00+00:00">10:10\N{EN DASH}11:10</time>' in shown
    assert f'<a class="agenda__name" href="/notifications/{row.id}" dir="auto">Omar Haddad</a>' in shown
    assert re.search(rf'btn--primary" href="{meeting}"[^>]*aria-label="Join: Omar Haddad">Join<', shown)
    assert "Tomorrow <small>Friday 13 March</small>" in shown
    assert re.search(r'href="https://www.openstreetmap.org/search\?query=12%20Rue[^>]*>Map<', shown)
    assert "Overlaps" not in shown


def test_only_the_first_way_to_meet_is_the_main_action(client: FlaskClient, alice: User) -> None:
    for minutes in (5, 10):
        url = f"https://meet.example.com/{minutes}"
        factories.interview(alice, starts_at=NOW + timedelta(minutes=minutes), meeting_url=url)
    assert re.findall(r'btn--primary" href="([^"]*)"', agenda(client)) == ["https://meet.example.com/5"]


def test_further_interviews_of_a_day_are_folded_away(client: FlaskClient, alice: User) -> None:
    for hour in range(1, 6):
        factories.interview(alice, starts_at=NOW + hour * HOUR, candidate_name=f"Number {hour}")
    in_sight, folded = agenda(client).split('<details class="agenda__more" id=')
    assert 'agenda__sum">5 interviews today</span>' in in_sight
    assert "<summary>2 more" in f"<summary>{folded.partition('<summary>')[2]}"
    assert "Number 3" in in_sight
    assert "Number 5" in folded


def test_what_comes_after_the_first_day_is_folded_away(client: FlaskClient, alice: User) -> None:
    factories.interview(alice, starts_at=NOW + 23 * HOUR, candidate_name="Omar Haddad")
    factories.interview(alice, starts_at=NOW + 23.5 * HOUR)
    assert '<h2 class="agenda__day">Tomorrow' in agenda(client).split("</summary>")[1]
    factories.interview(alice, starts_at=NOW + HOUR)
    in_sight, folded = agenda(client, at=NOW + timedelta(minutes=2)).split(
        '<details class="agenda__more" id='
    )
    assert "Omar Haddad" not in in_sight
    heading, entries = folded.split("</summary>")
    assert "Tomorrow" in heading
    assert ">Overlaps</span>" in heading
    assert '<span class="agenda__count">2</span>' in heading
    assert "Omar Haddad" in entries


def test_conflicts_and_missing_evaluations_are_marked(client: FlaskClient, alice: User) -> None:
    for start in (HOUR, 1.5 * HOUR):
        factories.interview(alice, starts_at=NOW + start)
    late = {"status": "completed", "completed_at": NOW - HOUR, "action_url": "https://platform.example/iv"}
    factories.interview(alice, starts_at=NOW - 2 * HOUR, **late)
    shown = agenda(client)
    assert shown.count("</svg>Overlaps</span>") == 2
    assert re.search(r'href="https://platform.example/iv"[^>]*>Write evaluation<', shown)


def test_it_follows_the_clock_and_the_interview(client: FlaskClient, alice: User) -> None:
    meeting = factories.interview(alice, starts_at=NOW + HOUR)
    assert ">Now<" not in agenda(client)
    assert ">Now<" in agenda(client, at=NOW + HOUR)
    assert agenda(client, at=NOW + 2 * HOUR) == ""
    # Of another's doing: nothing in this inbox changed.
    meeting.status = "cancelled"
    db.session.commit()
    assert agenda(client, at=NOW + timedelta(minutes=61)) == ""


@pytest.mark.parametrize("place", ["?place=done", "?q=priya", "?category=interview", "?place=unread"])
def test_only_the_inbox_has_it(client: FlaskClient, alice: User, place: str) -> None:
    factories.interview(alice, starts_at=NOW + HOUR)
    assert agenda(client)
    assert agenda(client, f"/notifications{place}") == ""


def test_it_stays_collapsed(client: FlaskClient, alice: User) -> None:
    factories.interview(alice, starts_at=NOW + HOUR)
    assert 'data-path="/notifications" open>' in agenda(client)
    client.set_cookie("agenda", "closed")
    assert " open>" not in agenda(client)


def test_another_persons_interviews_do_not_show(client: FlaskClient, charlie: User) -> None:
    factories.interview(charlie, starts_at=NOW + HOUR)
    assert agenda(client) == ""
