"""Stripping invisible characters without breaking any script or emoji."""

# ruff: noqa: RUF001
from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rendering.invisible_characters import MAX_MARKS, _too_many_marks, clean, strip_invisible

HIDING = "\u00ad\u034f\u180e\u200b\u202a\u202b\u202d\u202e\u202c\u2060\u2063\u2066\u2067\u2068\u2069\u3164\ufeff\ufff9"

HIDDEN = "\u2060\ufe0f\u200d\U000e0041\U000e007f\U000e0100"


@pytest.mark.parametrize("letter", [*HIDING, "\U000e0041", "\u200c", "\u200d", "\u200e", "\u200f", "\u061c"])
def test_invisible_characters_are_stripped_from_latin_text(letter: str) -> None:
    assert strip_invisible(f"{letter}Pri{letter}{letter}ya 10{letter}") == "Priya 10"


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم",
        "क\u094d\u200dष",
        "👩\u200d💻 🧑🏽\u200d🤝\u200d🧑🏻 ❤\ufe0f 🏳\ufe0f\u200d🌈 1\ufe0f\u20e3",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "葛\U000e0100城",
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


@pytest.mark.parametrize(
    "text",
    [
        "Anna\ufe0f",
        "Ив\u200dан",
        "👩\u200d",
        "\u200d💻",
        "🏴\U000e0041\U000e007f",
        "a\U000e0100",
        "a\u2060\ufe0f",
    ],
)
def test_a_mark_that_belongs_to_nothing_is_stripped(text: str) -> None:
    assert strip_invisible(text) == "".join(letter for letter in text if letter not in HIDDEN)


def test_a_text_is_kept_in_one_spelling() -> None:
    spellings = ["Zoe\u0308 Å", "Zoë A\u030a", "Zoe\u200b\u0308\ufeff \u212b"]
    assert {clean(text) for text in spellings} == {"Zoë Å"}


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.text())
def test_stripping_only_removes_and_is_idempotent(text: str) -> None:
    once = strip_invisible(text)
    assert strip_invisible(once) == once
    left = iter(text)
    assert all(letter in left for letter in once)


@pytest.mark.parametrize(
    "marks",
    [
        "\u0301\u0327",
        "\u0301\u200b\u0327\u200b",
        "\u0f73\u0316",
        "\u0344\u0316",
        "\uff9e\u0316",
        "\u0345\u0316",
    ],
)
def test_a_letter_with_endless_marks_is_cleaned_quickly(marks: str) -> None:
    started = time.process_time()
    text = clean("a" + marks * 200_000)
    assert time.process_time() - started < 5
    assert len(text) <= 1 + MAX_MARKS
    assert clean(text) == text


def test_every_mark_counts() -> None:
    marks = _too_many_marks()
    assert all(
        marks.fullmatch(chr(code) * (MAX_MARKS + 1))
        for code in range(0x110000)
        if unicodedata.combining(chr(code))
    )
