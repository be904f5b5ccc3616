"""The search query language: what each term means, and that every error is reported."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from hypothesis import example, given
from hypothesis import strategies as st

from app import search_text
from app.services.base.errors import Invalid
from app.services.notifications.search_query import Query, Term, parse

NOW = datetime(2026, 3, 12, 23, 30, tzinfo=UTC)


def terms(text: str, zone: str = "UTC") -> list[Term]:
    return list(parse(text, zone, NOW).terms)


def explained(text: str) -> str:
    with pytest.raises(Invalid) as caught:
        parse(text, "UTC", NOW)
    assert list(caught.value.errors) == ["search"]
    return caught.value.errors["search"]


@pytest.fixture(autouse=True)
def _speaks(app: Flask) -> None:
    """Explanations are translated."""


def test_words_are_normalised_and_phrases_are_exact() -> None:
    assert terms('Zoë "Priya Raman" -straße') == [
        Term(words=("zoe",)),
        Term(words=("priya", "raman"), is_exact=True),
        Term(words=("strasse",), is_not=True),
    ]
    assert terms("“Priya Raman”") == [Term(words=("priya", "raman"), is_exact=True)]
    assert terms('-"not this') == [Term(words=("not", "this"), is_not=True, is_exact=True)]
    assert terms("cv-raman.pdf") == [Term(words=("cv", "raman", "pdf"))]


def test_punctuation_only_separates_words() -> None:
    assert terms("R & D") == [Term(words=("r",)), Term(words=("d",))]
    assert terms("12:30") == [Term(words=("12", "30"))]
    assert terms("Reminder: https://meet.example/1") == [
        Term(words=("reminder",)),
        Term(words=("https", "meet", "example", "1")),
    ]


def test_filter_names_ignore_case() -> None:
    assert terms("IS:Unread -type:interview priority:urgent status:failed") == [
        Term("is", "unread"),
        Term("type", "interview", is_not=True),
        Term("priority", "urgent"),
        Term("status", "failed"),
    ]
    assert terms("type:interview_reminder") == [Term("type", "interview_reminder")]
    assert parse("is:done is:saved -is:later", "UTC").places == ("done",)
    assert parse("in:snoozed -in:done", "UTC").places == ("later",)
    assert parse("In:everything", "UTC").places == ("anywhere",)


def test_the_value_of_a_filter_may_be_quoted() -> None:
    assert terms('type:"interview" -is:“read” Priority:"urgent') == [
        Term("type", "interview"),
        Term("is", "read", is_not=True),
        Term("priority", "urgent"),
    ]
    assert terms('from:"2026-01-01"') == terms("from:2026-01-01")
    assert terms('12:"30"') == [Term(words=("12",)), Term(words=("30",), is_exact=True)]


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("from:2026-01-01", "UTC", datetime(2026, 1, 1, tzinfo=UTC)),
        ("from:2026-01-01", "Europe/Paris", datetime(2025, 12, 31, 23, tzinfo=UTC)),
        ("before:2026-07-01", "America/New_York", datetime(2026, 7, 1, 4, tzinfo=UTC)),
        # Half past eleven in London is tomorrow already in Paris.
        ("from:today", "Europe/Paris", datetime(2026, 3, 12, 23, tzinfo=UTC)),
        ("before:yesterday", "UTC", datetime(2026, 3, 11, tzinfo=UTC)),
        ("from:3w", "UTC", datetime(2026, 2, 19, tzinfo=UTC)),
        ('before:"last week"', "UTC", datetime(2026, 3, 2, tzinfo=UTC)),
        ("from:november", "UTC", datetime(2025, 11, 1, tzinfo=UTC)),
        ("from:monday", "UTC", datetime(2026, 3, 9, tzinfo=UTC)),
        # Beirut skips this midnight.
        ("from:2026-03-29", "Asia/Beirut", datetime(2026, 3, 28, 22, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_midnight_of_the_reader(text: str, zone: str, instant: datetime) -> None:
    assert terms(text, zone) == [Term(text.partition(":")[0], instant)]


@pytest.mark.parametrize(
    ("text", "named", "possible"),
    [
        ("is:unred", "“is:unred”", "is:unread, is:read, is:saved, is:inbox, is:later, is:done"),
        ("is:", "“is:”", "is:unread"),
        ("priya -type:interviews", "“type:interviews”", "type:interview, "),
        ("priority:top", "“priority:top”", "priority:urgent"),
        ("status:lost", "“status:lost”", "status:failed"),
        ("from:blursday", "“from:blursday”", 'from:yesterday, from:3w, from:"last week", from:november'),
        ("before:2026-02-30", "“before:2026-02-30”", "before:yesterday"),
        (
            "in:nowhere",
            "“in:nowhere”",
            "in:inbox, in:unread, in:later, in:done, in:saved, in:all, in:snoozed",
        ),
        ("sender:ruth", "“sender:”", "status:, in:, candidate:, job:, company:, from:, before:"),
        ("!!!", "“!!!”", "no letters or digits"),
        ('""', '“""”', "no letters or digits"),
        ("- sofia", "“-”", "without a space"),
        ("sofia -", "“-”", "without a space"),
        ("sofia -&", "“-”", "without a space"),
        (" ".join(["word"] * 21), "Use at most", "at most 20"),
        ('type:"interviews"', "“type:interviews”", "type:interview, "),
        ('sender:"Ruth A"', "“sender:”", "is:, type:"),
        ('is:""', "“is:”", "is:unread"),
        ("word " * 50, "Too long", "at most 200"),
    ],
)
def test_an_invalid_term_is_named_with_the_possible_values(text: str, named: str, possible: str) -> None:
    assert named in explained(text)
    assert possible in explained(text)


def test_a_day_outside_the_calendar_is_rejected() -> None:
    with pytest.raises(Invalid, match="not a date"):
        parse("from:0001-01-01", "Asia/Tokyo", NOW)


def test_an_empty_query_is_valid_and_false() -> None:
    assert parse("", "UTC") == parse(" \t", "UTC") == Query()
    assert not parse("", "UTC")


@given(st.text(st.sampled_from("ab:-\" *()^{}+'&|!<>@\\is:unreadfromtypé0-\0\ud800日") | st.characters()))
@example('-"')
@example('is:"unread')
@example('a:"')
@example("is:unread:")
@example("from:9999-12-31")
@example("AND OR NOT NEAR(a b)")
def test_any_text_is_parsed_or_rejected_with_a_sentence(text: str) -> None:
    try:
        query = parse(text, "Pacific/Kiritimati", NOW)
    except Invalid:
        return  # The parser raises nothing else, and never without a sentence: the tests above read them.
    assert bool(query) == bool(text.strip())
    for term in query.terms:
        assert all(
            search_text.encode_token(word).isascii() and search_text.encode_token(word).isalnum()
            for word in term.words
        )


@given(st.text(max_size=8), st.text(max_size=8))
def test_an_encoded_word_has_exactly_the_prefixes_of_the_word(one: str, other: str) -> None:
    for word in search_text.tokenize(one):
        for longer in search_text.tokenize(other):
            assert search_text.encode_token(longer).startswith(
                search_text.encode_token(word)
            ) == longer.startswith(word)
