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
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            pieces.append(Piece("same", "".join(before[start:end])))
            continue
        if start < end:
            pieces.append(Piece("del", "".join(before[start:end])))
        if new_start < new_end:
            pieces.append(Piece("ins", "".join(after[new_start:new_end])))
    return pieces
