"""Highlighting the words of a search."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import search_text
from app.rendering import highlights


def marked(text: str, *wanted: highlights.Wanted) -> str:
    return "".join(f"[{part}]" if is_found else part for part, is_found in highlights.parts(text, wanted))


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("Priya Raman", [(("pri",), False)], "[Priya] Raman"),
        ("Zoë Ångström, zoe", [(("zoe",), False), (("angstrom",), True)], "[Zoë] [Ångström], [zoe]"),
        ("Zoe\u0308 O'Neil", [(("zoe",), True)], "[Zoe\u0308] O'Neil"),
        ("Priya K. Raman, Priya Raman", [(("priya", "raman"), True)], "Priya K. Raman, [Priya Raman]"),
        ("on site on", [(("on",), True), (("on", "site"), True)], "[on site] [on]"),
        ("Ramanujan", [(("raman",), True)], "Ramanujan"),
        ("nothing", [], "nothing"),
    ],
)
def test_found_words_are_highlighted_with_their_accents(
    text: str, wanted: list[highlights.Wanted], expected: str
) -> None:
    assert marked(text, *wanted) == expected


def test_an_excerpt_begins_shortly_before_the_first_match() -> None:
    text = "word " * 100 + "Priya comes late"
    assert highlights.excerpt(text, []).startswith("word word")
    found = highlights.excerpt(text, [(("priya",), False)])
    assert found.startswith("…word")
    assert found.endswith("Priya comes late")
    assert len(highlights.excerpt(text, [])) == 200
    assert highlights.excerpt("short", [(("short",), False)]) == "short"


# Without scripts whose words are pairs of characters: half a pair is not a word.
SPACED = st.characters(exclude_categories=["Lo", "Cs"])


@given(st.text(SPACED), st.text(SPACED, max_size=5))
def test_highlighting_keeps_every_letter_and_finds_every_word(text: str, word: str) -> None:
    wanted = [((each,), True) for each in search_text.tokenize(word)]
    parts = highlights.parts(text, wanted)
    assert "".join(part for part, _ in parts) == text
    for each, is_found in parts:
        assert is_found == any(one in search_text.tokenize(each) for ((one,), _) in wanted)
