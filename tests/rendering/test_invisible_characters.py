"""What nobody sees is left out of every text, and nobody's script loses what it is written with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rendering.invisible_characters import strip_invisible

HIDING = "\u00ad\u034f\u180e\u200b\u202a\u202b\u202d\u202e\u202c\u2060\u2063\u2066\u2067\u2068\u2069\u3164\ufeff\ufff9"


@pytest.mark.parametrize("letter", [*HIDING, "\U000e0041", "\u200c", "\u200d", "\u200e", "\u200f", "\u061c"])
def test_in_a_latin_word_nothing_hides_or_turns_it_around(letter: str) -> None:
    assert strip_invisible(f"{letter}Pri{letter}{letter}ya 10{letter}") == "Priya 10"


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم",  # noqa: RUF001 (Persian, as it is written)
        "क\u094d\u200dष",
        "👩\u200d💻 🧑🏽\u200d🤝\u200d🧑🏻 ❤\ufe0f",
        "\u05d0\u200f!",
        "שלום!\u200f",
        "Zoë Ångström, 東京",
        "e\u0301",
        "",
    ],
)
def test_what_scripts_and_pictures_are_written_with_stays(text: str) -> None:
    assert strip_invisible(text) == text


def test_a_hiding_character_does_not_shelter_another() -> None:
    assert strip_invisible("a\u202e\u200db\u200b\u200f") == "ab"


@given(st.text())
def test_it_only_leaves_out_and_doing_it_again_changes_nothing(text: str) -> None:
    once = strip_invisible(text)
    assert strip_invisible(once) == once
    left = iter(text)
    assert all(letter in left for letter in once)
