"""Comparing two texts word by word."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rendering import diff

TEXTS = st.text(alphabet="ab {}\n", max_size=60)


@given(TEXTS, TEXTS)
def test_a_comparison_contains_both_texts(old: str, new: str) -> None:
    pieces = diff.compare(old, new)
    assert "".join(piece.text for piece in pieces if piece.kind != "ins") == old
    assert "".join(piece.text for piece in pieces if piece.kind != "del") == new


def test_a_changed_word_is_one_change() -> None:
    pieces = diff.compare("Hi {{ name }}, bye", "Hi {{ title }}, bye")
    assert [(piece.kind, piece.text) for piece in pieces] == [
        ("same", "Hi "),
        ("del", "{{ name }}"),
        ("ins", "{{ title }}"),
        ("same", ", bye"),
    ]


def test_changed_words_beside_each_other_are_one_change_with_their_spaces() -> None:
    pieces = diff.compare("An interview has been scheduled", "{{ name }} meets you")
    assert [(piece.kind, piece.text) for piece in pieces] == [
        ("del", "An interview has been scheduled"),
        ("ins", "{{ name }} meets you"),
    ]


@pytest.mark.parametrize("unit", ["a ", "a\n", "ab\n"])
def test_comparing_the_longest_texts_takes_less_than_three_seconds(unit: str) -> None:
    started = time.thread_time()
    diff.compare(unit * 12_000, "b " + unit * 11_000)
    diff.compare(unit * 400, f"b {unit}" * 200)
    assert time.thread_time() - started < 3
