"""Compares two texts word by word, for display."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

# Comparing takes quadratic time: longer texts are compared by line, still longer ones as a whole.
MAX_PARTS = 1_000


@dataclass(frozen=True)
class Piece:
    """A part of a comparison; `kind` is `same`, `del` (only in the old text) or `ins` (only in the new text)."""

    kind: str
    text: str


def compare(old: str, new: str) -> list[Piece]:
    """Compare two texts. The `same` and `del` pieces make up the old one, `same` and `ins` the new one."""
    if old == new:
        return [Piece("same", old)] if old else []
    for split in (_words, _lines):
        before, after = split(old), split(new)
        if len(before) + len(after) <= MAX_PARTS:
            return _pieces(before, after)
    return [Piece(kind, text) for kind, text in (("del", old), ("ins", new)) if text]


def _words(text: str) -> list[str]:
    return re.findall(r"\{\{.*?\}\}|\w+|\s+|[^\w\s]", text)


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _pieces(before: Sequence[str], after: Sequence[str]) -> list[Piece]:
    pieces: list[Piece] = []
    old = new = ""

    def close_change() -> None:
        nonlocal old, new
        pieces.extend(Piece(kind, text) for kind, text in (("del", old), ("ins", new)) if text)
        old = new = ""

    matcher = SequenceMatcher(None, before, after, autojunk=False)
    codes = matcher.get_opcodes()
    for index, (kind, start, end, new_start, new_end) in enumerate(codes):
        text = "".join(before[start:end])
        # Spaces between two changes are part of one: whole phrases are read more easily than single words.
        is_between = 0 < index < len(codes) - 1 and not text.strip()
        if kind == "equal" and not is_between:
            close_change()
            pieces.append(Piece("same", text))
            continue
        old += text
        new += "".join(after[new_start:new_end])
    close_change()
    return pieces
