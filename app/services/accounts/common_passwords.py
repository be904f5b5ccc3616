"""Says why a password is easy to guess: a common one, the person's own words, keys in a row, repetition.

`zxcvbn` has the lists: 30,000 leaked passwords, common words and names, and neighbouring keys. There are
no rules about kinds of characters, which make passwords harder to remember and not to guess (NIST SP 800-63B, 3.1.1.2).
"""

from __future__ import annotations

import re
import threading
from typing import Any

from flask_babel import gettext as _

PRODUCT = "bellhop"
# A password is refused if it is among this many guesses, the most common first.
MIN_GUESSES = 2 * 10**7
# Digits and punctuation around a word do not save it: "Summer2026!". Longer ones may be random.
MAX_AFFIX, MAX_WORD_GUESSES = 6, 10**4
# `zxcvbn` takes quadratic time.
MAX_ESTIMATED = 72

# Other scripts on the keys of a keyboard: "йцукен" is "qwerty", and "пароль" a leaked password.
_QWERTY = "qwertyuiop[]asdfghjkl;'zxcvbnm,."
_LAYOUTS = [
    str.maketrans(keys, _QWERTY)
    for keys in (
        "йцукенгшщзхъфывапролджэячсмитьбю",
        ";ςερτυθιοπ[]ασδφγηξκλ;'ζχψωβνμ,.",
        "/'קראטוןםפ[]שדגכעיחלךף,זסבהנמצתץ",
    )
]
_WORDS = re.compile(r"[^\W_]+")
_AFFIXES = re.compile(r"^[\W\d_]+|[\W\d_]+$")
# The estimate keeps the person's words in a global of the library.
_lock = threading.Lock()


def weakness(password: str, *, email: str = "", name: str = "") -> str | None:
    """Return why a password is easy to guess, as a sentence; None if it is not.

    Args:
        password: normalised and long enough.
        email, name: of its owner.
    """
    text, own = password.lower(), _own_words(email, name)
    if _consists_of(own, text):
        return _(
            "This consists of your name, your email address or the product's name. Choose something else."
        )
    for typed in dict.fromkeys((text, *map(text.translate, _LAYOUTS))):
        if found := _weak_match(typed, own):
            return _sentence(found)
    return None


def _own_words(email: str, name: str) -> list[str]:
    """List the words that belong to the product, the person and the company."""
    texts = (PRODUCT, name, email.rpartition(".")[0])
    words = [word for text in texts for word in _WORDS.findall(text.lower()) if len(word) > 2]
    return sorted({*words, *(text.lower() for text in (name, email) if text)}, key=len, reverse=True)


def _consists_of(own: list[str], text: str) -> bool:
    left = text
    for word in own:
        left = left.replace(word, " ")
    return left != text and sum(map(str.isalpha, left)) < 4


def _weak_match(text: str, own: list[str]) -> dict[str, Any] | None:
    """Find the part of a text that makes it easy to guess."""
    guesses, parts = _estimate(text, own)
    if guesses >= MIN_GUESSES:
        word = _AFFIXES.sub("", text)
        if not (len(word) > 3 and 0 < len(text) - len(word) <= MAX_AFFIX):
            return None
        guesses, parts = _estimate(word, own)
        if guesses > MAX_WORD_GUESSES:
            return None
    return max(parts, key=lambda part: len(part["token"]))


def _estimate(text: str, own: list[str]) -> tuple[float, list[dict[str, Any]]]:
    # Loaded when the first password is chosen, because the lists take 80 ms and some megabytes.
    from zxcvbn import zxcvbn

    with _lock:
        found = zxcvbn(text[:MAX_ESTIMATED], user_inputs=own)
    return float(found["guesses"]), found["sequence"]


def _sentence(part: dict[str, Any]) -> str:
    if part["pattern"] == "repeat":
        return _("This repeats the same characters or words. Choose something less regular.")
    if part["pattern"] in {"sequence", "spatial"}:
        return _("This is a sequence from the keyboard or the alphabet. Choose something less regular.")
    if part["pattern"] == "date":
        return _("This is little more than a date. Add words to it.")
    if part.get("dictionary_name") == "user_inputs":
        return _(
            "This is little more than your name, your email address or the product's name. Add something else."
        )
    return _("This is a common password, or little more than a common word. Choose several words.")
