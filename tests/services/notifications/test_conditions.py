"""Search: matches what its rules say, on both databases, and never another person's notifications."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask_migrate import downgrade, upgrade
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from app import catalog
from app.database.base import db
from app.models import User
from app.services.base.errors import Invalid
from app.services.notifications import actions, inbox, json_list
from app.services.notifications.conditions import PLACE_CONDITIONS
from app.services.notifications.filters import Filters
from app.services.notifications.search_query import Term, parse
from app.views.presenters import navigation
from tests.conftest import MIGRATIONS
from tests.support import factories

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def owner(any_app: Flask) -> User:
    return factories.user("owner@example.test")


def titles(user: User, search: str, place: str = "inbox") -> list[str]:
    filters = Filters(place, search=parse(search, user.time_zone, NOW))
    found = [row.title for row in inbox.page_for(user, filters, now=NOW).rows]
    listed = json_list.page_for(user.id, filters, now=NOW).rows.decode()
    assert [found.count(title) for title in found] == [listed.count(f'"title":"{title}"') for title in found]
    return found


def rows(owner: User, *all_titles: str, **fields: object) -> None:
    for minutes, title in enumerate(all_titles):
        at = NOW - HOUR - timedelta(minutes=minutes)
        factories.notification(owner, title, message="", created_at=at, **fields)  # type: ignore[arg-type]


def test_words_match_by_prefix_ignoring_case_and_accents(owner: User) -> None:
    rows(owner, "Zoë Ångström", "Priya Raman", "Łukasz Ødegård")
    assert titles(owner, "zoe") == titles(owner, "ANG z") == ["Zoë Ångström"]
    assert titles(owner, "lukasz odeg") == ["Łukasz Ødegård"]
    assert titles(owner, "aman") == []
    assert titles(owner, "priya zoe") == []


def test_a_phrase_matches_word_for_word_and_may_span_title_and_message(owner: User) -> None:
    rows(owner, "Raman, Priya", "Priya K. Raman", "Priya Raman")
    assert titles(owner, '"priya raman"') == ["Priya Raman"]
    assert titles(owner, '"priya ram"') == []
    assert titles(owner, "priya ram") == ["Raman, Priya", "Priya K. Raman", "Priya Raman"]
    factories.notification(owner, "A word", message="follows", created_at=NOW - HOUR)
    assert titles(owner, '"word follows"') == ["A word"]


def test_a_minus_excludes_words_phrases_and_filters(owner: User) -> None:
    rows(owner, "Priya Raman", "Priya K. Raman")
    rows(owner, "Priya urgent", priority="urgent")
    assert titles(owner, 'priya -"priya raman" -priority:urgent') == ["Priya K. Raman"]
    assert titles(owner, "-raman") == ["Priya urgent"]
    assert titles(owner, "-type:interview") == []


def test_values_of_one_filter_are_alternatives_and_states_narrow(alice: User) -> None:
    rows(alice, "low", priority="low")
    rows(alice, "high", priority="high", read_at=NOW)
    rows(alice, "urgent", priority="urgent", saved_at=NOW, read_at=NOW)
    assert titles(alice, "priority:high priority:urgent") == ["urgent", "high"]
    assert titles(alice, "priority:high priority:urgent is:saved") == ["urgent"]
    assert titles(alice, "is:read is:unread") == []
    assert titles(alice, "-is:read") == ["low"]


def test_a_place_in_the_query_replaces_the_place_of_the_list(alice: User) -> None:
    rows(alice, "here")
    rows(alice, "done", archived_at=NOW, read_at=NOW)
    until = NOW + HOUR
    rows(alice, "later", snoozed_until=until, surfaced_at=until)
    assert titles(alice, "is:done") == ["done"]
    assert titles(alice, "is:later") == ["later"]
    assert titles(alice, "is:inbox", "done") == ["here"]
    assert titles(alice, "-is:done", "all") == ["here"]
    assert titles(alice, "-is:later", "all") == ["done", "here"]


def test_days_follow_the_readers_time_zone(alice: User) -> None:
    alice.time_zone = "Europe/Paris"
    midnight = datetime(2026, 3, 9, 23, tzinfo=UTC)  # Of the 10th, in Paris.
    for title, at in (
        ("before", midnight - timedelta(seconds=1)),
        ("at", midnight),
        ("noon", midnight + 12 * HOUR),
    ):
        factories.notification(alice, title, created_at=at)
    assert titles(alice, "from:2026-03-10") == ["noon", "at"]
    assert titles(alice, "before:2026-03-10") == ["before"]
    assert titles(alice, "from:2026-03-10 before:2026-03-10") == []


def test_operators_of_full_text_languages_have_no_effect(alice: User) -> None:
    rows(alice, "Smith AND Sons", "O'Neil (50%)", "a:b&c|d!e*f^g")
    assert titles(alice, "AND sons") == ["Smith AND Sons"]
    assert titles(alice, "o'neil (50%)") == ["O'Neil (50%)"]
    assert titles(alice, "'x' OR 1=1") == []
    assert titles(alice, '"d!e*f"') == ["a:b&c|d!e*f^g"]
    assert titles(alice, "b&c|d") == ["a:b&c|d!e*f^g"]


def test_search_does_not_find_another_persons_notifications(owner: User) -> None:
    # Numbers that begin alike are still two people.
    for number in range(12):
        factories.notification(factories.user(f"other{number}@example.test"), "Priya Raman")
    assert titles(owner, "priya") == titles(owner, "x") == titles(owner, "-nothing") == []


def test_an_action_on_a_search_changes_all_results_and_is_undone(alice: User) -> None:
    rows(alice, "Priya one", "Anders", "Priya two")
    search = Filters(search=parse("priya", "UTC"))
    made = actions.change(alice, "done", filters=search, now=NOW)
    assert made.count == 2
    assert titles(alice, "") == ["Anders"]
    assert made.id
    actions.undo(alice, made.id, now=NOW)
    assert titles(alice, "priya") == ["Priya one", "Priya two"]


def test_the_index_follows_changed_and_deleted_rows(owner: User) -> None:
    rows(owner, "Priya", "Anders")
    db.session.execute(text("UPDATE notifications SET words = 'mended' WHERE title = 'Priya'"))
    db.session.commit()
    assert titles(owner, "priya") == []
    assert titles(owner, "mended") == ["Priya"]
    db.session.execute(text("DELETE FROM notifications WHERE title = 'Priya'"))
    db.session.commit()
    assert titles(owner, "mended") == []
    # A row that takes a freed number brings its own words only.
    rows(owner, "Newcomer")
    assert titles(owner, "mended") == []


def test_search_results_page_in_the_order_of_the_list(alice: User) -> None:
    rows(alice, *(f"Priya {number}" for number in range(7)))
    filters = Filters(search=parse("pri", "UTC"))
    seen, cursor = [], None
    while True:
        page = inbox.page_for(alice, filters, cursor=cursor, limit=3, now=NOW)
        seen += [row.title for row in page.rows]
        cursor = page.next
        if cursor is None:
            break
    assert seen == [f"Priya {number}" for number in range(7)]


def test_notifications_older_than_the_index_are_found(owner: User) -> None:
    rows(owner, "Zoë Quinn 日本", "Other")
    db.session.remove()
    downgrade(MIGRATIONS, revision="0010")
    upgrade(MIGRATIONS)
    owner = db.session.scalars(select(User)).one()
    assert titles(owner, "zoe quin 日") == ["Zoë Quinn 日本"]


def folded(text: str) -> list[str]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", plain.casefold())


def stands(term: Term, title: str) -> bool:
    there, wanted = folded(title), list(term.words)
    for at in range(len(there)):
        here = there[at : at + len(wanted)]
        last = here[-1:] == wanted[-1:] or (not term.is_exact and here and here[-1].startswith(wanted[-1]))
        if len(here) == len(wanted) and here[:-1] == wanted[:-1] and last:
            return True
    return False


SIGNS = ["a", "ab", "é", "É", "e", "q", "qa", "日", "ж", "1", " ", " ", "-", "'", "*", "(", "\\"]
TEXT = st.lists(st.sampled_from(SIGNS), max_size=10).map("".join)
PART = st.tuples(st.sampled_from(["", "-"]), TEXT, st.booleans()).map(
    lambda part: f'{part[0]}"{part[1]}"' if part[2] else part[0] + part[1]
)
QUERY = st.lists(PART, min_size=1, max_size=3).map(" ".join)


@pytest.fixture
def corpus(owner: User) -> Callable[[list[str]], None]:
    def fill(all_titles: list[str]) -> None:
        db.session.execute(text("DELETE FROM notifications"))
        rows(owner, *all_titles)

    return fill


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(all_titles=st.lists(TEXT, min_size=1, max_size=4, unique=True), search=QUERY)
def test_search_agrees_with_a_naive_implementation(
    owner: User, corpus: Callable[[list[str]], None], all_titles: list[str], search: str
) -> None:
    corpus(all_titles)
    try:
        query = parse(search, "UTC")
    except Invalid:
        return
    expected = [
        title for title in all_titles if all(stands(term, title) != term.is_not for term in query.terms)
    ]
    found = inbox.page_for(owner, Filters(search=query), now=NOW).rows
    assert [row.title for row in found] == expected


def test_every_place_has_conditions_and_an_entry_in_the_navigation() -> None:
    assert tuple(PLACE_CONDITIONS) == tuple(navigation.PLACES) == catalog.PLACES
