"""Search: matches what its rules say, on both databases, and never another person's notifications."""

# ruff: noqa: RUF001
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
from app.models import Notification, User
from app.services.base.errors import Invalid
from app.services.notifications import actions, inbox, json_list
from app.services.notifications import undo as notification_undo
from app.services.notifications.conditions import COMMON, PLACE_CONDITIONS, has_any_word, has_common_words
from app.services.notifications.filters import Filters, matching
from app.services.notifications.search_query import Term, parse
from app.views.presenters import navigation
from app.views.web import search_highlight
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


def test_common_words_find_the_same_as_rare_ones(owner: User) -> None:
    rows(owner, *(f"Priya Raman, {kind} {n}" for n in range(6) for kind in ("review", "offer")), "Zoe")
    factories.notification(owner, "Priya Raman, read", created_at=NOW - HOUR, read_at=NOW)
    stranger = factories.user("stranger@example.test")
    rows(stranger, "Priya Raman, of a stranger")

    def found(search: str, *, is_common: bool) -> list[int]:
        filters = Filters(search=parse(search, "UTC", NOW), is_common=is_common)
        clauses = matching(filters, owner.id, NOW)
        return list(db.session.scalars(select(Notification.id).where(*clauses).order_by(Notification.id)))

    for search in ("priya", "pri rev", '"priya raman"', "priya -offer", "-offer", "is:read priya"):
        assert found(search, is_common=True) == found(search, is_common=False) != []
    for search in ('"raman priya"', '"priya ram"', "iya", "ram zo"):
        assert found(search, is_common=True) == found(search, is_common=False) == []


def test_a_word_is_common_when_many_of_the_newest_have_it(owner: User) -> None:
    enough = COMMON[db.engine.dialect.name]
    rows(owner, *["Priya Raman"] * enough, *["Zoe"] * (enough - 1))
    searches = ("priya", "pri ram", '"priya raman"', "zoe", "ramon", "raman zoe", "-priya")
    is_common = [has_common_words(parse(search, "UTC"), owner.id, NOW) for search in searches]
    assert is_common == [True, True, True, False, False, False, False]


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
    assert titles(alice, "-is:done", "all") == ["later", "here"], (
        "a search of everything finds what is snoozed"
    )
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
    # Ids with the same first digits belong to different people.
    for number in range(12):
        factories.notification(factories.user(f"other{number}@example.test"), "Priya Raman")
    assert titles(owner, "priya") == titles(owner, "x") == titles(owner, "-nothing") == []


def test_a_search_reads_the_rows_that_it_finds_and_no_others(pg_app: Flask) -> None:
    owner, stranger = (factories.user(f"{name}@example.test") for name in ("owner", "stranger"))
    db.session.execute(
        text(
            """INSERT INTO notifications (recipient_id, notification_type, category, title, message, words, priority,
                status, channels, metadata, action_url, created_at, surfaced_at)
            SELECT CASE WHEN n % 4 = 0 THEN :owner ELSE :stranger END, 'system_alert', 'system', 'Zoe', '',
                CASE WHEN n % 3000 = 0 THEN 'zoe quill' ELSE 'zoe word' || n END, 'high', 'sent', '[]', '{}', '',
                :now, :now
            FROM generate_series(1, 12000) AS n"""
        ),
        {"owner": owner.id, "stranger": stranger.id, "now": NOW},
    )
    db.session.execute(text("ANALYZE notifications, notification_search"))
    db.session.commit()
    searched = Filters("all", search=parse("zoe qui", "UTC", NOW))
    by_name = Filters("all", search=parse("candidate:quill", "UTC", NOW))
    many_words = has_any_word(["quill", *(f"other{n}" for n in range(200))], owner.id)
    for clauses in (
        matching(searched, owner.id, NOW),
        matching(by_name, owner.id, NOW),
        [Notification.recipient_id == owner.id, many_words],
    ):
        query = select(Notification.title).where(*clauses).compile(db.engine)
        explained = db.session.connection().exec_driver_sql(f"EXPLAIN {query}", query.params)
        plan = "\n".join(explained.scalars())
        used = set(re.findall(r"(?:using|Index Scan on) (\w+)", plan))
        assert used - {"ix_notifications_candidate"} == {
            "ix_notification_search_words",
            "pk_notifications",
        }, plan
        assert "Seq Scan" not in plan


def test_an_action_on_a_search_changes_all_results_and_is_undone(alice: User) -> None:
    rows(alice, "Priya one", "Anders", "Priya two")
    search = Filters(search=parse("priya", "UTC"))
    made = actions.change(alice, "done", filters=search, now=NOW)
    assert made.count == 2
    assert titles(alice, "") == ["Anders"]
    assert made.id
    notification_undo.undo_change(alice, made.id, now=NOW)
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
    # A row that reuses an id has its own words only.
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


# The text, and the search for it.
FOUND = [
    ("田中太郎", "太郎"),
    ("田中太郎", "田"),
    ("田中太郎", "中太"),
    ("田中太郎", '"田中太郎"'),
    ("田中太郎", '"郎"'),
    ("田中太郎", "太郎 田中"),
    ("面接:田中Taro3号室", "中taro3号"),
    ("新卒採用について", "採用"),
    ("葛\U000e0100城さん", "葛城"),
    ("ﾀﾅｶ ﾀﾛｳ", "タナカ"),
    ("タナカ タロウ", "ﾀﾛｳ"),
    ("ガ", "\u30ab\u3099"),
    ("김철수님의 면접", "철수"),
    ("김철수님의 면접", unicodedata.normalize("NFD", "철수")),
    ("김철수님의 면접", "면접"),
    ("สัมภาษณ์งานวันจันทร์", "งาน"),
    ("ສະບາຍດີທຸກຄົນ", "ທຸກ"),
    ("សួស្តីពិភពលោក", "ពិភព"),
    ("မင်္ဂလာပါကမ္ဘာ", "ကမ္ဘာ"),
    ("राम कुमार", "राम"),
    ("रीमा सिंह", "रीम"),
    ("राज़ की बात", "राज"),
    ("தமிழ் செல்வன்", "தமி"),
    ("مُحَمَّد بن سلمان", "محمد"),
    ("محمد بن سلمان", "مُحَمَّد"),
    ("محـــمد", "محمد"),
    ("أحمد", "احمد"),
    ("علی رضایی", "علي"),
    ("می\u200cخواهم", "میخواهم"),
    ("שָׁלוֹם כהן", "שלום"),
    ("שלום כהן", "שָׁלוֹם"),
    ("Guðrún Þórsdóttir", "gudrun thorsdottir"),
    ("Gudrun", "Guðrún"),
    ("Yılmaz", "yilmaz"),
    ("YILMAZ", "yılmaz"),
    ("İstanbul", "istanbul"),
    ("Straße Łódź Đặng Søren Œuvre Ænima", "strasse lodz dang soren oeuvre aenima"),
    ("Ħamrun Ŋata", "hamrun nata"),
    ("Άννα Παπαδοπούλου", "αννα παπαδοπουλου"),
    ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
    ("Фёдор", "федор"),
    ("\uff30\uff52\uff49\uff59\uff41", "priya"),
    ("Priya", "\uff30\uff32\uff29"),
    ("Zoe\u0308", "zoë"),
    ("Ra\u00adman", "raman"),
    ("Raman", "Ra\u200bman\ufeff"),
    ("Room ٢٠٢", "202"),
    ("O\u2019Neil", "o'neil"),
]
NOT_FOUND = [
    ("रीमा", "राम"),
    ("राम", "रीम"),
    ("田中太郎", "田太"),
    ("田中 太郎", "中太"),
    ("田中太郎", "田中太郎一"),
    ("ははは", "ばば"),
    ("김철수", "수철"),
    ("งาน", "งน"),
    ("李", "里"),
    ("Yilmaz", "ilmaz"),
    ("கமல்", "கமிலா"),
]


@pytest.mark.parametrize(("written", "typed"), FOUND, ids=ascii)
def test_words_of_every_script_are_found_and_highlighted(owner: User, written: str, typed: str) -> None:
    rows(owner, written)
    assert titles(owner, typed) == [written]
    assert "<mark>" in search_highlight.highlight(written, typed)


@pytest.mark.parametrize(("written", "typed"), NOT_FOUND, ids=ascii)
def test_words_of_a_script_that_do_not_match_are_not_found(owner: User, written: str, typed: str) -> None:
    rows(owner, written)
    assert titles(owner, typed) == []
    assert "<mark>" not in search_highlight.highlight(written, typed)


def test_only_search_terms_are_highlighted(owner: User) -> None:
    assert search_highlight.highlight("田中太郎さん", "太郎") == "田中<mark>太郎</mark>さん"
    assert search_highlight.highlight("田中太郎", "中") == "田<mark>中</mark>太郎"
    assert search_highlight.highlight("김철수님", "철수") == "김<mark>철수</mark>님"
    assert search_highlight.highlight("für Guðrún!", "gudrun") == "für <mark>Guðrún</mark>!"
    assert search_highlight.highlight("مُحَمَّد!", "محمد") == "<mark>مُحَمَّد</mark>!"


def test_notifications_indexed_by_older_code_are_found_after_the_migration(owner: User) -> None:
    rows(owner, "田中太郎", "Guðrún", "plain")
    db.session.remove()
    downgrade(MIGRATIONS, revision="0016")
    db.session.execute(text("UPDATE notifications SET words = 'q007530q004e2d' WHERE title = '田中太郎'"))
    db.session.execute(text("UPDATE notifications SET words = 'guq0000f0run' WHERE title = 'Guðrún'"))
    db.session.commit()
    db.session.remove()
    upgrade(MIGRATIONS)
    owner = db.session.scalars(select(User)).one()
    assert titles(owner, "太郎") == ["田中太郎"]
    assert titles(owner, "gudrun") == ["Guðrún"]
    assert titles(owner, "pla") == ["plain"]


def test_notifications_older_than_the_index_are_found(owner: User) -> None:
    rows(owner, "Zoë Quinn 日本", "Other")
    db.session.remove()
    downgrade(MIGRATIONS, revision="0010")
    upgrade(MIGRATIONS)
    owner = db.session.scalars(select(User)).one()
    assert titles(owner, "zoe quin 日") == ["Zoë Quinn 日本"]


# The model of the test below: words between bars. Spaced scripts match from a bar on, unspaced ones anywhere.
UNSPACED = "田中太郎採用철수ไก"


def with_bars(text: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if c != "\u0301")
    plain = unicodedata.normalize("NFC", plain)
    words = re.findall(rf"[{UNSPACED}]+|[^\W_{UNSPACED}]+", plain)
    return f"|{'|'.join(words)}|"


def original(term: Term) -> str:
    """Put the pairs of a term together again."""
    text, last = "", ""
    for word in term.words:
        if len(last) == 2 and last[0] in UNSPACED and word[0] == last[1]:
            text += word[1:]
        else:
            text += f" {word}"
        last = word
    return with_bars(text)


def stands(term: Term, title: str) -> bool:
    wanted = original(term).strip("|")
    if wanted[0] not in UNSPACED:
        wanted = f"|{wanted}"
    if term.is_exact and wanted[-1] not in UNSPACED:
        wanted = f"{wanted}|"
    return wanted in with_bars(title)


SIGNS = [
    "a",
    "ab",
    "é",
    "É",
    "e",
    "q",
    "qa",
    "田",
    "中",
    "田中",
    "太郎",
    "철수",
    "수",
    "ไ",
    "ж",
    "1",
    " ",
    " ",
    "-",
    "'",
    "*",
    "(",
    "\\",
]
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
    assert tuple(PLACE_CONDITIONS) == tuple(navigation.PLACES) == (*catalog.PLACES, "anywhere")
