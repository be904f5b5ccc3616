"""Counts the segments of an SMS (3GPP TS 23.038 and 23.040)."""

from __future__ import annotations

from dataclasses import dataclass

# The GSM alphabet, 6.2.1; each character takes seven bits.
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Its extension table, 6.2.1.1; each character takes two septets.
EXTENDED = frozenset("\f^{}\\[~]|€")
KNOWN = BASIC | EXTENDED


@dataclass(frozen=True)
class SmsSize:
    """The size of an SMS.

    `units` are septets or UTF-16 code units; `limit` is how many fit into this number of segments. `costly` are the
    characters outside the GSM alphabet, because of which fewer fit.
    """

    is_gsm7: bool
    units: int
    segments: int
    limit: int
    costly: tuple[str, ...]


def sms_size(text: str) -> SmsSize:
    """Measure a text. A pair (an escaped character, a surrogate pair) is never split between two segments."""
    costly = tuple(dict.fromkeys(letter for letter in text if letter not in KNOWN))
    is_gsm7 = not costly
    if is_gsm7:
        single, each = 160, 153
        widths = [2 if letter in EXTENDED else 1 for letter in text]
    else:
        single, each = 70, 67
        widths = [2 if ord(letter) > 0xFFFF else 1 for letter in text]
    if sum(widths) <= single:
        return SmsSize(is_gsm7, sum(widths), 1 if text else 0, single, costly)
    segments, used = 1, 0
    for width in widths:
        if used + width > each:
            segments, used = segments + 1, 0
        used += width
    return SmsSize(is_gsm7, sum(widths), segments, segments * each, costly)
