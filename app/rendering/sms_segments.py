"""How a text travels as SMS: its alphabet and its segments (3GPP TS 23.038 and 23.040)."""

from __future__ import annotations

from dataclasses import dataclass

# The default alphabet, 6.2.1; each character takes seven bits.
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Its extension table, 6.2.1.1: an escape and a second septet each.
EXTENDED = frozenset("\f^{}\\[~]|€")
KNOWN = BASIC | EXTENDED


@dataclass(frozen=True)
class SmsSize:
    """`units` are septets or UTF-16 code units; `limit` is how many the segments in use hold.

    `costly` are the characters that force the larger alphabet.
    """

    is_gsm7: bool
    units: int
    segments: int
    limit: int
    costly: tuple[str, ...]


def sms_size(text: str) -> SmsSize:
    """What sending this text takes. A pair (an escape, a surrogate) is never split between two segments."""
    costly = tuple(dict.fromkeys(letter for letter in text if letter not in KNOWN))
    is_gsm7 = not costly
    widths = [1 + (letter in EXTENDED if is_gsm7 else ord(letter) > 0xFFFF) for letter in text]
    alone, each = (160, 153) if is_gsm7 else (70, 67)
    if sum(widths) <= alone:
        return SmsSize(is_gsm7, sum(widths), 1 if text else 0, alone, costly)
    segments, used = 1, 0
    for width in widths:
        if used + width > each:
            segments, used = segments + 1, 0
        used += width
    return SmsSize(is_gsm7, sum(widths), segments, segments * each, costly)
