"""Counting the segments of an SMS as networks do."""

import pytest

from app.rendering import sms_segments


@pytest.mark.parametrize(
    ("text", "segments", "units", "is_gsm7"),
    [
        ("", 0, 0, True),
        ("a" * 160, 1, 160, True),
        ("a" * 161, 2, 161, True),
        ("a" * 306, 2, 306, True),
        ("a" * 307, 3, 307, True),
        ("é" * 160, 1, 160, True),
        ("€" * 80, 1, 160, True),
        ("€" * 81, 2, 162, True),
        ("[]{}\\~^|" * 10, 1, 160, True),
        # The pair does not fit into the first segment: 152 + 2 septets, not 153 + 1.
        ("a" * 152 + "€" + "a" * 152, 3, 306, True),
        ("ж" * 70, 1, 70, False),
        ("ж" * 71, 2, 71, False),
        ("a" * 71 + "“", 2, 72, False),
        ("😀" * 35, 1, 70, False),
        ("😀" * 36, 2, 72, False),
        ("a" * 66 + "😀" + "a" * 66, 3, 134, False),
        ("ê", 1, 1, False),
    ],
)
def test_segments_are_counted(text: str, segments: int, units: int, is_gsm7: bool) -> None:
    size = sms_segments.sms_size(text)
    assert (size.segments, size.units, size.is_gsm7) == (segments, units, is_gsm7)


def test_characters_outside_the_gsm_alphabet_are_listed() -> None:
    assert sms_segments.sms_size("Zoë said “hi” “there”").costly == ("ë", "“", "”")
