"""Normalises text for search: words without case and accents, encoded in ASCII for every database.

Scripts without spaces between words are indexed as pairs of characters, `田中太郎` as `田中 中太 太郎 郎`, so that each
part of a text is found as a phrase of pairs. Korean is among them, because particles and family names are joined to a
word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from app import canonical_addresses
from app.search_letters import LETTERS

# Only this many words, and this many characters of a word, are searched.
MAX_WORDS, MAX_WORD_LENGTH = 4000, 60
# Mark the words of a candidate's, a job's or a company's name in the index. Encoded words never begin like this: see
# `encode_token`.
CANDIDATE, JOB, COMPANY = "qc", "qj", "qm"
_DOTS = str.maketrans("\u3002\uff61", "..")
_ASCII_WORD = re.compile(r"[^\W_]+")
# Thai, Lao, Myanmar, Khmer, Tai, Hangul, Kana, Bopomofo, Han.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u3005-\u3007\u3040-\u312f\u31a0-\u31bf"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\ua9e0-\ua9ff\uaa60-\uaadf\uac00-\ud7ff\uf900-\ufaff"
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_has_unspaced = re.compile(f"[{_UNSPACED}]").search
_RUN = re.compile(f"[{_UNSPACED}]+|[^\\s{_UNSPACED}]+")
# Marks that readers leave out: accents, the vowel points of Hebrew, Arabic and Syriac, the dot of Devanagari. All other
# marks are vowels and belong to their word.
_LEFT_OUT = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0730-\u074a\u08d3-\u08ff\u093c\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u180b-\u180f\u115f\u1160\u17b4\u17b5\u3164\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\uffa0\U000e0100-\U000e01ef]+"
)
# Letters by their category, but written for an apostrophe, which separates words.
_APOSTROPHES = "\u02b9\u02ba\u02bb\u02bc\u02bd\u02be\u02bf\u02ee\ua78b\ua78c"


class Token(NamedTuple):
    """A word of a text and where it is. `first_end` is the end of its first character."""

    word: str
    start: int
    end: int
    first_end: int


def tokenize(text: str) -> list[str]:
    """Split a text into words of letters and digits, without case and accents."""
    if text.isascii():
        return [word[:MAX_WORD_LENGTH] for word in _ASCII_WORD.findall(text.casefold())]
    folded = _fold(text)
    if not _has_unspaced(folded):
        return [word[:MAX_WORD_LENGTH] for word in folded.split()]
    return [folded[start:end] for start, end in _spans(folded)]


def tokenize_query(text: str) -> list[str]:
    """Split a searched text into words. It may end within a word."""
    words = tokenize(text)
    if len(words) > 1 and is_part(words[-1]) and words[-2][1:] == words[-1]:
        # The last pair contains this character. Alone it would be the end of the text.
        del words[-1]
    return words


@lru_cache(maxsize=1024)
def person_words(name: str, email: str) -> str:
    """Build the text that a person is found by: their name, and their address in both spellings of its domain."""
    found = dict.fromkeys((fold_address(email), fold_address(canonical_addresses.readable(email))))
    return " ".join((*tokenize(name), *found))


def fold_address(text: str) -> str:
    """Fold an address, or a part of one, like a word. Its punctuation stays."""
    text = unicodedata.normalize("NFKC", text).translate(_DOTS).rstrip(".")
    parts = re.split(r"([@._+-])", text)
    return "".join(part if part in "@._+-" else _fold(part).replace(" ", "") for part in parts)


def is_part(word: str) -> bool:
    """Whether a word is one character of a script without spaces, which is found anywhere in a text."""
    return len(word) == 1 and bool(_has_unspaced(word))


def locate(text: str) -> list[Token]:
    """Split a text like `tokenize`, with the position of each word."""
    folded, starts, ends = "", [], []
    for start, end in _clusters(text):
        part = _fold(text[start:end])
        folded += part
        starts += [start] * len(part)
        ends += [end] * len(part)
    return [
        Token(folded[start:end], starts[start], ends[end - 1], ends[start]) for start, end in _spans(folded)
    ]


def encode_token(word: str) -> str:
    """Encode a word in ASCII letters and digits, which no tokenizer of a database changes.

    Prefixes are preserved: one encoded word starts with another exactly if the words do.
    """
    if word.isascii() and "q" not in word:
        return word
    return "".join("qq" if char == "q" else char if char.isascii() else f"q{ord(char):06x}" for char in word)


# The same message often goes to many people.
@lru_cache(maxsize=64)
def index_text(title: str, message: str, candidate: str = "", job: str = "", company: str = "") -> str:
    """Build the text that search finds a notification by.

    Args:
        candidate, job, company: names, also indexed on their own for `candidate:`, `job:` and `company:`.
    """
    words = [encode_token(word) for word in tokenize(f"{title}\n{message}")[:MAX_WORDS]]
    for mark, name in ((CANDIDATE, candidate), (JOB, job), (COMPANY, company)):
        words += [mark + encode_token(word) for word in tokenize(name)] if name else []
    return " ".join(words)


def _spans(folded: str) -> Iterator[tuple[int, int]]:
    for run in _RUN.finditer(folded):
        start, end = run.span()
        if _has_unspaced(folded, start, start + 1):
            yield from ((at, min(at + 2, end)) for at in range(start, end))
        else:
            yield start, min(end, start + MAX_WORD_LENGTH)


def _fold(text: str) -> str:
    """Reduce a text to letters, digits and vowel signs, with spaces for everything between words."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", text.translate(_FOLDED))


def _fold_character(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cf" or _LEFT_OUT.fullmatch(char):
        return ""
    if category[0] == "M":
        return char
    if not char.isalnum() or char in _APOSTROPHES:
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(char))
    plain = _LEFT_OUT.sub("", unicodedata.normalize("NFD", char))
    return unicodedata.normalize("NFC", "".join(LETTERS.get(each, each) for each in plain))


class _Folded(dict[int, str]):
    """The replacement of each character, computed when it first occurs."""

    def __missing__(self, code: int) -> str:
        folded = _fold_character(chr(code))
        if len(self) < 20_000:
            self[code] = folded
        return folded


_FOLDED = _Folded()


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Split a text into characters with the marks that change them."""
    start = 0
    for at in range(1, len(text)):
        if not _extends(text[at]):
            yield start, at
            start = at
    if text:
        yield start, len(text)


@lru_cache(maxsize=4096)
def _extends(char: str) -> bool:
    """Whether a character is written together with the one before it: marks, joiners, parts of Hangul."""
    if char < "\u0300":
        return char == "\u00ad"
    first = unicodedata.normalize("NFKC", char)[:1]
    return (
        unicodedata.category(first)[0] == "M"
        or unicodedata.category(char) == "Cf"
        or "\u1160" <= first <= "\u11ff"
    )
