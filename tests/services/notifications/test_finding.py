"""What a search finds in each place, the names that are suggested, and the typo that is forgiven."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app.models import User
from app.search_text import index_text
from app.services.notifications import actions, counts, inbox, names, spelling
from app.services.notifications.filters import Filters
from app.services.notifications.names import Name
from app.services.notifications.search_query import parse
from tests.support import factories, statements

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def owner(any_app: Flask) -> User:
    return factories.user("alice@example.test", "Alice")


def candidate(owner: User, name: str, job: str = "", company: str = "", **fields: object) -> int:
    title = f"Interview Scheduled for {name}"
    return factories.notification(
        owner,
        title,
        facts={"candidate_name": name, "job_title": job, "company_name": company},
        words=index_text(title, "", name, job, company),
        created_at=fields.pop("created_at", NOW - HOUR),
        **fields,
    ).id


def search(text: str, place: str = "anywhere") -> Filters:
    return Filters(place, search=parse(text, "UTC", NOW))


def test_a_search_is_counted_in_each_place_in_one_statement(owner: User) -> None:
    stranger = factories.user("charlie@example.test")
    candidate(stranger, "Priya Raman")
    ids = [candidate(owner, "Priya Raman") for _ in range(5)]
    candidate(owner, "Zoë Ångström")
    actions.change(owner, "done", ids=ids[:2], now=NOW)
    actions.change(owner, "snooze", ids=[ids[2]], until=NOW + HOUR, now=NOW)
    actions.change(owner, "saved", ids=[ids[0]], now=NOW)
    with statements.recorded() as seen:
        found = counts.by_place(owner, search("priya"), NOW)
    assert found == {"inbox": 2, "unread": 2, "anywhere": 5, "later": 1, "done": 2, "saved": 1}
    assert len([each for each in seen if "AS anywhere" in each]) == 1
    rows = inbox.page_for(owner, search("priya"), now=NOW).rows
    assert {row.id for row in rows} == set(ids), "snoozed ones, too"


def test_what_is_scheduled_is_not_found_anywhere(owner: User) -> None:
    candidate(owner, "Priya Raman", deliver_at=NOW + HOUR, surfaced_at=NOW + HOUR)
    assert counts.by_place(owner, search("priya"), NOW)["anywhere"] == 0


def test_a_place_is_named_in_the_search(owner: User) -> None:
    one, two = candidate(owner, "Priya Raman"), candidate(owner, "Priya Raman")
    actions.change(owner, "done", ids=[one], now=NOW)
    for text, ids in (
        ("priya in:done", [one]),
        ("priya -in:done", [two]),
        ("in:everything priya", [two, one]),
    ):
        rows = inbox.page_for(owner, search(text, "all"), now=NOW).rows
        assert sorted(row.id for row in rows) == sorted(ids), text


def test_a_company_is_found_by_its_name(owner: User) -> None:
    one = candidate(owner, "Priya Raman", "Engineer", "Northwind Health")
    candidate(owner, "Northwind Priya", "Engineer", "Fjord")
    rows = inbox.page_for(owner, search("company:north"), now=NOW).rows
    assert [row.id for row in rows] == [one]
    rows = inbox.page_for(owner, search('company:"northwind health"'), now=NOW).rows
    assert [row.id for row in rows] == [one]


def test_names_are_suggested_from_ones_own_notifications(owner: User) -> None:
    stranger = factories.user("charlie@example.test")
    candidate(stranger, "Priya Stranger")
    candidate(owner, "Priya Raman", "Staff Engineer", "Prism", created_at=NOW - 2 * HOUR)
    candidate(owner, "Priya Raman", "Staff Engineer", "Prism")
    candidate(owner, "Tomasz Nowak", "Staff Engineer")
    assert names.suggest(owner, "pri", NOW) == (Name("candidate", "Priya Raman"), Name("company", "Prism"))
    assert names.suggest(owner, "priya ra", NOW) == (Name("candidate", "Priya Raman"),)
    assert names.suggest(owner, "staff", NOW) == (Name("job", "Staff Engineer"),)
    assert names.suggest(owner, "raman x", NOW) == names.suggest(owner, "…", NOW) == ()
    assert Name("candidate", 'Priya "P" Raman').term == 'candidate:"Priya  P  Raman"'


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("prya", "Priya"),
        ("pirya", "Priya"),
        ("prixa", "Priya"),
        ("priyaa", "Priya"),
        ("from:2020-01-01 prya raman", "from:2020-01-01 Priya raman"),
        ("angstrm", "Ångström"),
        # Spelled right, too short, or two typos.
        ("priya zzzz", ""),
        ("pri", ""),
        ("prxxa", ""),
        ("-prya", ""),
    ],
)
def test_one_typo_is_forgiven(owner: User, text: str, meant: str) -> None:
    candidate(owner, "Priya Raman")
    candidate(owner, "Zoë Ångström")
    assert spelling.correct(owner, text, parse(text, "UTC", NOW), NOW) == meant


@pytest.mark.parametrize("text", ["word " * 20, "-".join(f"word{n}" for n in range(30)), "\ufdfa" * 100])
def test_a_search_of_many_words_costs_few_statements(owner: User, text: str) -> None:
    with statements.recorded() as seen:
        assert spelling.correct(owner, text, parse(text, "UTC", NOW), NOW) == ""
    assert 1 <= len(seen) <= spelling.MAX_WORDS + 1


def test_other_peoples_words_are_not_suggested(owner: User) -> None:
    candidate(factories.user("charlie@example.test"), "Priya Raman")
    assert spelling.correct(owner, "prya", parse("prya", "UTC", NOW), NOW) == ""
