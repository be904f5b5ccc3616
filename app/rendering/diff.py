"""Two texts side by side, word by word, for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

# Comparing takes time that grows with the square: past this many words, lines are compared.
MOST = 1_000


@dataclass(frozen=True)
class Piece:
    """A part of a comparison; `kind` is `same`, `del` (only in the old text) or `ins` (only in the new)."""

    kind: str
    text: str


def compare(old: str, new: str) -> list[Piece]:
    """The pieces whose `same` and `del` make up the old text, `same` and `ins` the new one."""
    if old == new:
        return [Piece("same", old)] if old else []
    for split in (_words, _lines):
        before, after = split(old), split(new)
        if len(before) + len(after) <= MOST:
            return _pieces(before, after)
    return [Piece(kind, text) for kind, text in (("del", old), ("ins", new)) if text]


def _words(text: str) -> list[str]:
    return re.findall(r"\{\{.*?\}\}|\w+|\s+|[^\w\s]", text)


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _pieces(before: Sequence[str], after: Sequence[str]) -> list[Piece]:
    pieces: list[Piece] = []
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece("same", "".join(before[a:b])))
            continue
        if a < b:
            pieces.append(Piece("del", "".join(before[a:b])))
        if c < d:
            pieces.append(Piece("ins", "".join(after[c:d])))
    return pieces
