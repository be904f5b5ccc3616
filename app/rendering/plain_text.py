"""Fits texts into small places: one line, a number of characters, an SMS."""

from __future__ import annotations

import bisect
import unicodedata

from app.rendering import sms_segments
from app.rendering.invisible_characters import strip_invisible

# Typographic characters that editors and phones insert, in the GSM alphabet (one SMS holds 160 of its characters).
GSM_REPLACEMENTS = str.maketrans(
    dict.fromkeys("“”„‟«»″", '"')
    | dict.fromkeys("‘’‚‛‹›′`", "'")  # noqa: RUF001 (they look alike on purpose)
    | dict.fromkeys("‐‑‒–—―−•·", "-")  # noqa: RUF001
    | {"…": "...", "→": "->", "←": "<-", "×": "x", "≤": "<=", "≥": ">=", "™": "TM", "œ": "oe", "Œ": "OE"}  # noqa: RUF001
)
# More than this never fits into MAX_SEGMENTS.
MAX_LENGTH = 480
MIN_LENGTH = 30
MAX_SEGMENTS = 3


def to_single_line(text: str) -> str:
    """Join the lines of a text; strip control characters, unassigned code points and invisible characters."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    visible = (
        " " if unicodedata.category(letter) in {"Cc", "Zl", "Zp"} else letter
        for letter in strip_invisible(text)
        if unicodedata.category(letter) not in {"Cs", "Co", "Cn"}
    )
    return " ".join("".join(visible).split())


def truncate(text: str, most: int) -> str:
    """Cut a text to a number of characters, between words if possible."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    at_word = cut[: cut.rfind(" ")] if " " in cut[-20:] else cut
    return at_word.rstrip(" ,;:-") + "\N{HORIZONTAL ELLIPSIS}"


def fit_sms(text: str, link: str = "") -> str:
    """Fit a text and a link into one SMS segment, or into more where the link leaves no room for text.

    The GSM alphabet is used if no character loses more than its accent.
    """
    text = _to_gsm(to_single_line(text)[:MAX_LENGTH])
    for segments in range(1, MAX_SEGMENTS + 1):
        found = _fit_segments(text, link, segments)
        if found is not None:
            return found
    return _to_gsm(truncate(text, MIN_LENGTH)) + f" {link}"


def _fit_segments(text: str, link: str, segments: int) -> str | None:
    end = f" {link}" if link else ""
    if sms_segments.sms_size(text + end).segments <= segments:
        return text + end
    # Search for the longest text that fits; a shorter one never takes more room.
    lengths = range(MIN_LENGTH, len(text))
    found = bisect.bisect_right(
        lengths,
        segments,
        key=lambda most: sms_segments.sms_size(_to_gsm(truncate(text, most)) + end).segments,
    )
    return _to_gsm(truncate(text, lengths[found - 1])) + end if found else None


def _to_gsm(text: str) -> str:
    """Convert a text to the GSM alphabet; unchanged if a character cannot be, because the others would gain nothing."""
    letters = [_to_gsm_letter(letter) for letter in text.translate(GSM_REPLACEMENTS)]
    plain = "".join(letters)
    return plain if sms_segments.sms_size(plain).is_gsm7 else text


def _to_gsm_letter(letter: str) -> str:
    if letter in sms_segments.BASIC or letter in sms_segments.EXTENDED:
        return letter
    base = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    return base if base and all(part in sms_segments.BASIC for part in base) else letter
