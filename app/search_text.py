"""Text as search sees it: words without case and accents, in an alphabet that every database takes as it is."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# What follows the first thousand words, or the sixtieth letter of one, is not searched.
MOST_WORDS, LONGEST = 1000, 60
# Letters of their own in Unicode that readers take for a letter with a mark.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})
_WORD = re.compile(r"[^\W_]+")


def tokenize(text: str) -> list[str]:
    """The words of a text: letters and digits without case and accents; everything else stands between words."""
    if not text.isascii():
        text = "".join(
            char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char)
        )
    return [word[:LONGEST] for word in _WORD.findall(text.casefold().translate(_LETTERS))]


def encode_token(word: str) -> str:
    """A word as the databases keep it: ASCII letters and digits only, so that no tokenizer has an opinion on it.

    What begins like another word begins like it in writing too, and only that.
    """
    if word.isascii() and "q" not in word:
        return word
    return "".join("qq" if char == "q" else char if char.isascii() else f"q{ord(char):06x}" for char in word)


# One message goes to many people.
@lru_cache(maxsize=64)
def index_text(title: str, message: str) -> str:
    """What search finds a notification by."""
    return " ".join(map(encode_token, tokenize(f"{title}\n{message}")[:MOST_WORDS]))
