"""Finds the words of a search in a text, for highlighting."""

from __future__ import annotations

from collections.abc import Sequence

from app import search_text

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


def _spans(text: str, wanted: Sequence[Wanted]) -> list[tuple[int, int]]:
    if not wanted:
        return []
    tokens = search_text.locate(text)
    found: list[tuple[int, int]] = []
    for words, is_exact in wanted:
        for at in range(len(tokens) - len(words) + 1):
            here = [token.word for token in tokens[at : at + len(words)]]
            is_match = here[-1] == words[-1] if is_exact else here[-1].startswith(words[-1])
            if is_match and here[:-1] == list(words[:-1]):
                last = tokens[at + len(words) - 1]
                end = last.first_end if search_text.is_part(words[-1]) else last.end
                found.append((tokens[at].start, end))
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(stop, merged[-1][1])
        else:
            merged.append((start, stop))
    return merged
