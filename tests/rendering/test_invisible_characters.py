"""Stripping invisible characters without breaking any script or emoji."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rendering.invisible_characters import strip_invisible

HIDING = "\u00ad\u034f\u180e\u200b\u202a\u202b\u202d\u202e\u202c\u2060\u2063\u2066\u2067\u2068\u2069\u3164\ufeff\ufff9"


@pytest.mark.parametrize("letter", [*HIDING, "\U000e0041", "\u200c", "\u200d", "\u200e", "\u200f", "\u061c"])
def test_invisible_characters_are_stripped_from_latin_text(letter: str) -> None:
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
def test_joiners_that_scripts_and_emoji_need_are_kept(text: str) -> None:
    assert strip_invisible(text) == text


def test_an_invisible_character_does_not_protect_another() -> None:
    assert strip_invisible("a\u202e\u200db\u200b\u200f") == "ab"


@given(st.text())
def test_stripping_only_removes_and_is_idempotent(text: str) -> None:
    once = strip_invisible(text)
    assert strip_invisible(once) == once
    left = iter(text)
    assert all(letter in left for letter in once)
