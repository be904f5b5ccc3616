"""Finds the words of a search in a text, for highlighting."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from app import search_text

# A word: letters and digits with their combining marks, which `search_text` removes.
_WORD = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f])*")

# Consecutive words, and whether the last one is exact or a prefix.
Wanted = tuple[tuple[str, ...], bool]
Part = tuple[str, bool]


def parts(text: str, wanted: Sequence[Wanted]) -> list[Part]:
    """Split a text into parts, each with whether it was searched for."""
    found: list[Part] = []
    end = 0
    for start, stop in _spans(text, wanted):
        found += [(text[end:start], False), (text[start:stop], True)]
        end = stop
    return [part for part in [*found, (text[end:], False)] if part[0]]


def excerpt(text: str, wanted: Sequence[Wanted], length: int = 200, lead: int = 40) -> str:
    """Return the beginning of a text, or the part around the first match if that is further on.

    Args:
        length: of the excerpt, in characters.
        lead: how much text precedes a match.
    """
    first = next(iter(_spans(text, wanted)), (0, 0))
    if first[1] > length:
        at = text.rfind(" ", 0, first[0] - lead) + 1
        text = f"…{text[at:]}"
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _spans(text: str, wanted: Iterable[Wanted]) -> list[tuple[int, int]]:
    tokens = [
        (token, word.start(), word.end())
        for word in _WORD.finditer(text)
        for token in search_text.tokenize(word.group())
    ]
    found: list[tuple[int, int]] = []
    for words, is_exact in wanted:
        for at in range(len(tokens) - len(words) + 1):
            here = [word for word, _start, _end in tokens[at : at + len(words)]]
            last = here[-1] == words[-1] if is_exact else here[-1].startswith(words[-1])
            if last and here[:-1] == list(words[:-1]):
                found.append((tokens[at][1], tokens[at + len(words) - 1][2]))
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(stop, merged[-1][1])
        else:
            merged.append((start, stop))
    return merged
