"""Normalises text for search: words without case and accents, encoded in ASCII for every database."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Only this many words, and this many characters of a word, are searched.
MAX_WORDS, MAX_WORD_LENGTH = 1000, 60
# Separate letters in Unicode that readers see as a letter with a mark.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})
_WORD = re.compile(r"[^\W_]+")


def tokenize(text: str) -> list[str]:
    """Split a text into words of letters and digits, without case and accents."""
    if not text.isascii():
        text = "".join(
            char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char)
        )
    return [word[:MAX_WORD_LENGTH] for word in _WORD.findall(text.casefold().translate(_LETTERS))]


def encode_token(word: str) -> str:
    """Encode a word in ASCII letters and digits, which no tokenizer of a database changes.

    Prefixes are preserved: one encoded word starts with another exactly if the words do.
    """
    if word.isascii() and "q" not in word:
        return word
    return "".join("qq" if char == "q" else char if char.isascii() else f"q{ord(char):06x}" for char in word)


# The same message often goes to many people.
@lru_cache(maxsize=64)
def index_text(title: str, message: str) -> str:
    """Build the text that search finds a notification by."""
    return " ".join(map(encode_token, tokenize(f"{title}\n{message}")[:MAX_WORDS]))
