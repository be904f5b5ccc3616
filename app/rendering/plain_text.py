"""Texts for small places: one line without tricks, and an SMS that fits one segment where it can."""

from __future__ import annotations

import bisect
import unicodedata

from app.rendering import sms_segments
from app.rendering.invisible_characters import strip_invisible

# What an editor or a phone writes, in letters of the cheap alphabet.
PLAINER = str.maketrans(
    dict.fromkeys("“”„‟«»″", '"')
    | dict.fromkeys("‘’‚‛‹›′`", "'")  # noqa: RUF001 (that they look alike is the point)
    | dict.fromkeys("‐‑‒–—―−•·", "-")  # noqa: RUF001
    | {"…": "...", "→": "->", "←": "<-", "×": "x", "≤": "<=", "≥": ">=", "™": "TM", "œ": "oe", "Œ": "OE"}  # noqa: RUF001
)
# Beyond this nothing could remain of a text anyway.
LONGEST = 480
SHORTEST = 30
MOST_SEGMENTS = 3


def to_single_line(text: str) -> str:
    """One line without controls, without what is no character, and without what nobody sees."""
    visible = (
        " " if unicodedata.category(letter) in {"Cc", "Zl", "Zp"} else letter
        for letter in strip_invisible(text)
        if unicodedata.category(letter) not in {"Cs", "Co", "Cn"}
    )
    return " ".join("".join(visible).split())


def truncate(text: str, most: int) -> str:
    """At most so many characters, cut between words where one ends nearby."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    at_word = cut[: cut.rfind(" ")] if " " in cut[-20:] else cut
    return at_word.rstrip(" ,;:-") + "\N{HORIZONTAL ELLIPSIS}"


def fit_sms(text: str, link: str = "") -> str:
    """A text and a link as one SMS: in the cheap alphabet where that changes no letter beyond its accent, shortened
    to one segment, or to two where the link leaves no room for words."""
    text = _plainer(to_single_line(text)[:LONGEST])
    for segments in range(1, MOST_SEGMENTS + 1):
        found = _fitted(text, link, segments)
        if found is not None:
            return found
    return _plainer(truncate(text, SHORTEST)) + f" {link}"


def _fitted(text: str, link: str, segments: int) -> str | None:
    end = f" {link}" if link else ""
    if sms_segments.sms_size(text + end).segments <= segments:
        return text + end
    # The longest beginning that fits: a shorter one never takes more room.
    lengths = range(SHORTEST, len(text))
    found = bisect.bisect_right(
        lengths,
        segments,
        key=lambda most: sms_segments.sms_size(_plainer(truncate(text, most)) + end).segments,
    )
    return _plainer(truncate(text, lengths[found - 1])) + end if found else None


def _plainer(text: str) -> str:
    """The text in the cheap alphabet; unchanged where a letter has no place in it, for then nothing is gained."""
    letters = [_letter(letter) for letter in text.translate(PLAINER)]
    plain = "".join(letters)
    return plain if sms_segments.sms_size(plain).is_gsm7 else text


def _letter(letter: str) -> str:
    if letter in sms_segments.BASIC or letter in sms_segments.EXTENDED:
        return letter
    base = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    return base if base and all(part in sms_segments.BASIC for part in base) else letter
