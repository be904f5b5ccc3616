"""Keyset pages: whether there are rows after and before, in both directions."""

from __future__ import annotations

import pytest

from app.services.base import paging

ROWS = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("found", "has_cursor", "is_backwards", "rows", "first", "last"),
    [
        (ROWS, False, False, ["a", "b"], None, "b"),
        (ROWS, True, False, ["a", "b"], "a", "b"),
        (ROWS[:2], False, False, ["a", "b"], None, None),
        (ROWS[:2], True, False, ["a", "b"], "a", None),
        (ROWS, True, True, ["b", "a"], "b", "a"),
        (ROWS[:2], True, True, ["b", "a"], None, "a"),
        ([], False, False, [], None, None),
        ([], True, False, [], None, None),
        ([], True, True, [], None, None),
    ],
)
def test_a_page_knows_its_neighbours(
    found: list[str],
    has_cursor: bool,
    is_backwards: bool,
    rows: list[str],
    first: str | None,
    last: str | None,
) -> None:
    page = paging.cut(found, 2, has_cursor=has_cursor, is_backwards=is_backwards)
    assert page.rows == rows
    assert (page.previous_ends_before, page.next_starts_after) == (first, last)
