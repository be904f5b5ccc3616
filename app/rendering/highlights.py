"""Found words in a text, marked where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from app import search_text

# A word as it is written: letters and digits, with the marks that folding takes off.
_PIECE = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f])*")

# Words that stand one after the other, and whether the last one is whole or only a beginning.
Wanted = tuple[tuple[str, ...], bool]
Part = tuple[str, bool]


def parts(text: str, wanted: Sequence[Wanted]) -> list[Part]:
    """The text in pieces, in order, each with whether it was looked for."""
    made: list[Part] = []
    end = 0
    for start, stop in _spans(text, wanted):
        made += [(text[end:start], False), (text[start:stop], True)]
        end = stop
    return [part for part in [*made, (text[end:], False)] if part[0]]


def excerpt(text: str, wanted: Sequence[Wanted], length: int = 200, lead: int = 40) -> str:
    """The beginning of a text, or where only a later part was looked for, a part that begins a little before it."""
    first = next(iter(_spans(text, wanted)), (0, 0))
    if first[1] > length:
        at = text.rfind(" ", 0, first[0] - lead) + 1
        text = f"…{text[at:]}"
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _spans(text: str, wanted: Iterable[Wanted]) -> list[tuple[int, int]]:
    there = [
        (word, piece.start(), piece.end())
        for piece in _PIECE.finditer(text)
        for word in search_text.tokenize(piece.group())
    ]
    found: list[tuple[int, int]] = []
    for words, is_exact in wanted:
        for at in range(len(there) - len(words) + 1):
            here = [word for word, _start, _end in there[at : at + len(words)]]
            last = here[-1] == words[-1] if is_exact else here[-1].startswith(words[-1])
            if last and here[:-1] == list(words[:-1]):
                found.append((there[at][1], there[at + len(words) - 1][2]))
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(stop, merged[-1][1])
        else:
            merged.append((start, stop))
    return merged
