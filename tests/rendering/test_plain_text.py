"""Fitting texts into one line and into an SMS."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rendering import plain_text, sms_segments

LINK = "https://bellhop.example.com/n/123456"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("one\r\ntwo\tthree\x00four", "one two three four"),
        ("pay\u202egpj.exe\u202c \u2067x\u2069", "paygpj.exe x"),
        ("a\u200bb\u200cc\u200dd\ufeffe\u00adf", "abcdef"),
        ("line\u2028and\u2029paragraph\x85next", "line and paragraph next"),
        ("\U000e0041tag \ue000own", "tag own"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("مرحبا Zoë 東京 👍", "مرحبا Zoë 東京 👍"),
    ],
)
def test_a_single_line_keeps_visible_characters_only(text: str, clean: str) -> None:
    assert plain_text.to_single_line(text) == clean


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("“Zoë” \N{EN DASH} it\N{RIGHT SINGLE QUOTATION MARK}s 10:00…", '"Zoe" - it\'s 10:00...'),
        ("Renée Müller, Łódź", "Renée Müller, Łódź"),
        ("Ängström à Ñandú ça", "Ängström à Ñandu ca"),
        ("Interview: 面接", "Interview: 面接"),
    ],
)
def test_the_gsm_alphabet_is_used_where_possible(text: str, sent: str) -> None:
    assert plain_text.fit_sms(text) == sent


def test_a_long_sms_is_cut_between_words_and_keeps_its_link() -> None:
    text = plain_text.fit_sms("Interview with Priya Raman for Staff Data Engineer " * 9, LINK)
    assert text.endswith(f"... {LINK}")
    assert text.removesuffix(f"... {LINK}").endswith(
        ("Interview", "with", "Priya", "Raman", "for", "Staff", "Data")
    )
    size = sms_segments.sms_size(text)
    assert (size.segments, size.is_gsm7) == (1, True)
    assert size.units > 130


def test_a_second_segment_is_used_where_the_link_leaves_no_room() -> None:
    link = LINK + "0" * 20
    text = plain_text.fit_sms("面接の予定が変わりました。" * 9, link)
    assert text.endswith(link)
    assert sms_segments.sms_size(text).segments == 2


@given(st.text(max_size=900))
def test_any_text_becomes_one_visible_line_with_its_link(text: str) -> None:
    sent = plain_text.fit_sms(text, LINK)
    assert sent.endswith(LINK)
    assert sms_segments.sms_size(sent).segments <= plain_text.MAX_SEGMENTS
    assert not [letter for letter in sent if unicodedata.category(letter) in {"Cc", "Cf", "Zl", "Zp"}]
