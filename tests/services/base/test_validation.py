"""Single values from outside are checked and normalized."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app import catalog
from app.services.base import validation
from app.services.base.errors import Invalid
from app.services.base.validation import InvalidValue


@pytest.fixture(autouse=True)
def _words(app):
    """Error messages are translated, which needs an application."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-12T14:00:00Z", datetime(2026, 3, 12, 14, tzinfo=UTC)),
        ("2026-03-12t14:00:00z", datetime(2026, 3, 12, 14, tzinfo=UTC)),
        ("2026-03-12T14:00:00+05:30", datetime(2026, 3, 12, 8, 30, tzinfo=UTC)),
        ("2026-03-12T14:00:00-00:00", datetime(2026, 3, 12, 14, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2017-01-01T05:29:60.75+05:30", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2026-03-12T14:00:00.5Z", datetime(2026, 3, 12, 14, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-12T14:00:00.123456789Z", datetime(2026, 3, 12, 14, 0, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_instants_are_read_as_rfc_3339(text, expected):
    assert validation.instant(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-12T14:00:00",
        "2026-03-12 14:00:00Z",
        "2026-03-12T14:00Z",
        "2026-03-12",
        "2026-02-30T00:00:00Z",
        "2026-03-12T25:00:00Z",
        "2026-03-12T24:00:00Z",
        "2026-03-12T14:00:60Z",
        "2026-03-12T23:59:61Z",
        "2026-03-12T14:00:00+25:00",
        "2026-03-12T14:00:00+0100",
        "1969-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "٢٠٢٦-03-12T14:00:00Z",
        1_773_320_400,
        None,
    ],
)
def test_instants_without_an_offset_or_out_of_range_are_refused(text):
    with pytest.raises(InvalidValue):
        validation.instant(text)


def test_white_space_pasted_around_an_instant_is_dropped():
    assert validation.instant(" 2026-03-12T14:00:00Z\n") == validation.instant("2026-03-12T14:00:00Z")


@pytest.mark.parametrize(
    "address",
    ["https://example.com", "http://localhost:8080/a?b=c#d", "https://[::1]/", "https://example.com/ü"],
)
def test_urls_are_kept_unchanged(address):
    assert validation.url(address) == validation.link(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "https://exämple.com/ü?x=1",
        "https://EXÄMPLE.com/ü?x=1",
        "\u200bhttps://xn--exmple-cua.com/ü?x=1\u202c\u00a0",
    ],
)
def test_the_host_of_a_url_is_kept_in_its_ascii_form(address):
    assert validation.url(address) == validation.link(address) == "https://xn--exmple-cua.com/ü?x=1"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "javascript:alert(1)",
        "JavaScript://example.com/%0aalert(1)",
        "data:text/html,x",
        "https://",
        "https:///path",
        "https://[",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://example.com/\r\nSet-Cookie: x",
        "https://example.com\\@evil.test",
        'https://example.com/"onclick="x',
        "//evil.test",
        "/\\evil.test",
        "/\t/evil.test",
        "https://example.com/" + "x" * 2000,
        5,
    ],
)
def test_unsafe_and_incomplete_urls_are_refused(address):
    for check in (validation.url, validation.link):
        with pytest.raises(InvalidValue):
            check(address)


def test_links_may_be_paths_within_bellhop():
    assert validation.link("/notifications?place=done#5") == "/notifications?place=done#5"


@pytest.mark.parametrize(
    "bad", ["a\x00b", "a\x1bb", "a\x7fb", "a\x85b", "a\r\nb", "a\nb", "a\u2028b", "\ud800"]
)
def test_texts_have_one_line_and_no_control_characters(bad):
    with pytest.raises(InvalidValue):
        validation.text(bad)


def test_invisible_characters_are_stripped():
    assert validation.text("abc\u202eexe.fdp\u2066") == "abcexe.fdp"
    assert validation.text("Pri\u200bya\ufeff\u2060") == "Priya"
    assert validation.structure({"a": ["x\u202ey", 1]}) == {"a": ["xy", 1]}
    assert validation.text("\u05d0\u200f!") == "\u05d0\u200f!", (
        "marks of single letters belong to how people write"
    )


def test_messages_may_have_several_lines():
    assert validation.text("one\n\ttwo\n", many_lines=True) == "one\n\ttwo"
    for bad in ("a\rb", "a\x00b", "\udc00"):
        with pytest.raises(InvalidValue):
            validation.text(bad, many_lines=True)


def test_structures_must_be_shallow_small_and_storable():
    assert validation.structure({"a": [1, "\\u0000"]}) == {"a": [1, "\\u0000"]}  # a backslash, not a NUL
    deep: list[object] = []
    for _level in range(100_000):
        deep = [deep]
    for bad in (
        deep,
        [[[[[[[[[]]]]]]]]],
        {"a": "x" * 16_384},
        {"a": "\x00"},
        "\\\x00",
        [float("nan")],
        ["\ud800"],
        {1, 2},
    ):
        with pytest.raises(InvalidValue):
            validation.structure(bad)
    while deep:  # Taken apart piece by piece, because deleting it at once would overflow the stack.
        deep = deep.pop()


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_depth_counts_the_levels_of_lists_and_objects(value):
    def slow(each: object) -> int:
        inner = each.values() if isinstance(each, dict) else each if isinstance(each, list) else None
        return 0 if inner is None else 1 + max(map(slow, inner), default=0)

    assert validation.depth(value) == slow(value)


@pytest.mark.parametrize("name", ["a\x00b", "\x1b[31m", "\u202e\u200b", " ", "a" * 201])
def test_a_name_that_is_empty_too_long_or_has_control_characters_is_rejected(app: Flask, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        validation.name(name)
    assert list(caught.value.errors) == ["name"]


def test_names_in_any_script_are_kept(app: Flask) -> None:
    for name in ("نگار می\u200cنویسد", "Zoë O'Brien-Łódź", "山田 太郎"):
        assert validation.name(name) == name


def test_priorities_and_channels_are_those_of_the_catalog(app: Flask) -> None:
    for name in catalog.PRIORITIES:
        assert validation.priority(name) == name
    assert validation.channels(["email", "in_app"]) == ["email", "in_app"]
    for value in ("", "Urgent", None, 1, ["low"]):
        with pytest.raises(InvalidValue, match="low, medium, high, urgent"):
            validation.priority(value)
    with pytest.raises(InvalidValue, match="fax, post"):
        validation.channels(["post", "email", "fax"])


def test_an_address_of_an_account_is_stricter_than_one_to_look_up(app: Flask) -> None:
    assert validation.email_shaped(" Alice@Example.test ") == "alice@example.test"
    assert validation.email_for_account(" Alice@Example.test ") == "alice@example.test"
    assert validation.email_shaped("a..b@x") == "a..b@x"
    with pytest.raises(Invalid) as caught:
        validation.email_for_account("a..b@x")
    assert list(caught.value.errors) == ["email"]


@pytest.mark.parametrize("text", ["+44 20 7946 0958" + " -" * 100 + "1", "\ufdfa" * 600_000])
def test_a_long_text_is_refused_as_a_phone_number_at_once(app: Flask, text: str) -> None:
    started = time.process_time()
    with pytest.raises(Invalid):
        validation.phone(text)
    assert time.process_time() - started < 2
