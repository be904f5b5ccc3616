"""Event data: what the catalog's table lets in, and in which words it refuses the rest."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import catalog
from app.services.base import validation
from app.services.base.errors import Invalid
from app.services.base.validation import InvalidValue
from app.services.events import data as event_data


@pytest.fixture(autouse=True)
def _words(app):
    """Refusals are said in the reader's language, which an application knows."""


def refused(kind: str, **data: object) -> set[str]:
    sample = {field.name: field.sample for field in catalog.EVENTS[kind].data}
    with pytest.raises(Invalid) as caught:
        event_data.validate(kind, sample | data)
    return set(caught.value.errors)


@pytest.mark.parametrize("kind", catalog.EVENTS)
def test_the_samples_of_the_catalog_are_valid(kind):
    sample = {field.name: field.sample for field in catalog.EVENTS[kind].data}
    assert set(event_data.validate(kind, sample)) == set(sample)


def test_values_come_back_ready_to_use():
    sample = {field.name: field.sample for field in catalog.INTERVIEW_FIELDS}
    more = {"candidate_name": "  Zoë  ", "location": " ", "interviewer": None, "recipients": [" A@B.test"]}
    data = event_data.validate("interview.scheduled", sample | more)
    assert data["starts_at"] == datetime(2026, 3, 12, 13, tzinfo=UTC)
    assert (data["candidate_name"], data["recipients"]) == ("Zoë", ["a@b.test"])
    assert not {"location", "interviewer"} & set(data)


def test_every_bad_field_is_named_at_once():
    found = refused("interview.scheduled", starts_at="soon", job_title=None, party=True, priority="now")
    assert found == {"data.starts_at", "data.job_title", "data.party", "data.priority"}


def test_an_interview_ends_after_it_starts():
    assert refused("interview.scheduled", ends_at="2026-03-12T13:00:00Z") == {"data.ends_at"}


def test_an_upload_has_at_least_as_many_files_as_it_tells_of():
    assert refused("resume.bulk_upload.completed", total_files=399) == {"data.total_files"}


@pytest.mark.parametrize("number", [-1, 2**31, 1.0, "1", True, [1]])
def test_a_count_is_a_whole_number_of_things(number):
    assert refused("resume.bulk_upload.completed", failed=number) == {"data.failed"}


def test_an_unknown_type_is_named():
    with pytest.raises(Invalid) as caught:
        event_data.validate("interview.exploded", {})
    assert set(caught.value.errors) == {"type"}


@pytest.mark.parametrize(
    "value", [[], {}, "a@b.test", [1], ["a"], ["a@"], ["@b"], ["a@b@c"], ["a b@c"], ["a@b"] * 1001]
)
def test_recipients_are_a_list_of_email_addresses(value):
    assert all(name.startswith("data.recipients") for name in refused("job.created", recipients=value))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-03-12T14:00:00Z", datetime(2026, 3, 12, 14, tzinfo=UTC)),
        ("2026-03-12t14:00:00z", datetime(2026, 3, 12, 14, tzinfo=UTC)),
        ("2026-03-12T14:00:00+05:30", datetime(2026, 3, 12, 8, 30, tzinfo=UTC)),
        ("2026-03-12T14:00:00-00:00", datetime(2026, 3, 12, 14, tzinfo=UTC)),
        ("2026-03-12T14:00:00.5Z", datetime(2026, 3, 12, 14, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-12T14:00:00.123456789Z", datetime(2026, 3, 12, 14, 0, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_as_rfc_3339_has_it(written, expected):
    assert validation.instant(written) == expected


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-12T14:00:00",
        "2026-03-12 14:00:00Z",
        "2026-03-12T14:00Z",
        "2026-03-12",
        "2026-02-30T00:00:00Z",
        "2026-03-12T25:00:00Z",
        "2026-03-12T14:00:00+25:00",
        "2026-03-12T14:00:00+0100",
        "1969-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "٢٠٢٦-03-12T14:00:00Z",
        "2026-03-12T14:00:00Z\n",
        1_773_320_400,
        None,
    ],
)
def test_an_instant_without_offset_or_sense_is_refused(written):
    with pytest.raises(InvalidValue):
        validation.instant(written)


@pytest.mark.parametrize(
    "address",
    ["https://example.com", "http://localhost:8080/a?b=c#d", "https://[::1]/", "https://exämple.com/ü"],
)
def test_a_web_address_is_taken_as_it_is(address):
    assert validation.url(address) == validation.link(address) == address


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
def test_an_address_that_leads_elsewhere_or_nowhere_is_refused(address):
    for check in (validation.url, validation.link):
        with pytest.raises(InvalidValue):
            check(address)


def test_a_link_may_be_a_path_of_this_site():
    assert validation.link("/notifications?place=done#5") == "/notifications?place=done#5"


@pytest.mark.parametrize(
    "bad", ["a\x00b", "a\x1bb", "a\x7fb", "a\x85b", "a\r\nb", "a\nb", "a\u2028b", "\ud800"]
)
def test_a_name_has_one_line_and_no_control_characters(bad):
    with pytest.raises(InvalidValue):
        validation.text(bad)


def test_marks_that_turn_the_text_after_them_around_are_left_out():
    assert validation.text("abc\u202eexe.fdp\u2066") == "abcexe.fdp"
    assert validation.text("Pri\u200bya\ufeff\u2060") == "Priya"
    assert validation.structure({"a": ["x\u202ey", 1]}) == {"a": ["xy", 1]}
    assert validation.text("\u05d0\u200f!") == "\u05d0\u200f!", (
        "marks of single letters belong to how people write"
    )


def test_a_message_may_have_several_lines():
    assert validation.text("one\n\ttwo\n", many_lines=True) == "one\n\ttwo"
    for bad in ("a\rb", "a\x00b", "\udc00"):
        with pytest.raises(InvalidValue):
            validation.text(bad, many_lines=True)


def test_a_structure_is_shallow_small_and_keepable():
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
    while deep:  # Taken apart by hand: letting go of it at once would overflow the stack.
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
