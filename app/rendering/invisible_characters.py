"""Strips invisible characters from every text that comes in or goes out."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

# Symbols that can be emoji. Several become one by a joiner; a variation selector decides whether one is in colour.
_EMOJI = "\u00a9\u00ae\u203c\u2049\u2100-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_HAN = "\u3000-\u9fff\uf900-\ufaff\uff01-\uffef\U00020000-\U0003ffff"
# Scripts written from right to left, and those whose letters a joiner shapes: from Arabic and Devanagari to Adlam.
_SHAPED = (
    "\u0590-\u061b\u061d-\u0dff\u0f00-\u109f\u1780-\u1cff\ua800-\uabff\ufb1d-\ufdff\ufe70-\ufefc"
    "\U00010800-\U00011fff\U0001e800-\U0001efff"
)
# These reverse the text after them (UAX 9, 2.1 and 2.2), hide in it, or encode a second text. Kept, in the group: what
# chooses the form of the character before it, and the letters of a regional flag.
_INVISIBLE = re.compile(
    f"([{_EMOJI}][\ufe00\ufe0e\ufe0f]|[\U0001f3fb-\U0001f3ff]\ufe0f|[#*0-9]\ufe0f?\u20e3"
    f"|[{_HAN}][\ufe00-\ufe02\U000e0100-\U000e01ef]|[\u1000-\u109f\ua840-\ua877]\ufe00"
    "|[\u1800-\u180a\u1810-\u18aa][\u180b-\u180d\u180f]"
    "|\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f"
    ")|[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
# Joiners and direction marks, which are hidden anywhere else.
_JOINING = re.compile(
    f"((?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}])|(?<=[{_SHAPED}])[\u061c\u200c-\u200f]{{1,2}}"
    "|[\u0590-\u08ff][!-/:-@ ]{1,3}[\u061c\u200e\u200f]"
    ")|[\u061c\u200c-\u200f]"
)


# Marks on one letter: no script needs more (UAX 15, "Stream-Safe Text Format"). Normalization sorts them in quadratic
# time: two megabytes of marks would take hours, in which no other thread runs.
MAX_MARKS = 30


def strip_invisible(text: str) -> str:
    """Return the text without direction overrides and zero-width characters."""
    if text.isascii():
        return text
    visible = _INVISIBLE.sub(lambda found: found[1] or "", text)
    return _JOINING.sub(lambda found: found[1] or "", visible)


def clean(text: str) -> str:
    """Return what is kept of a text from outside: without invisible characters, each letter in one way (NFC)."""
    if text.isascii():
        return text
    # Again, because removing invisible characters joins the marks around them.
    return _compose(strip_invisible(_compose(text)))


def _compose(text: str) -> str:
    return _cut_marks(unicodedata.normalize("NFC", _cut_marks(text)))


def _cut_marks(text: str) -> str:
    """Remove the marks on a letter beyond the first `MAX_MARKS`."""
    return _too_many_marks().sub(r"\1", text) if len(text) > MAX_MARKS else text


@cache
def _too_many_marks() -> re.Pattern[str]:
    marks = "".join(
        chr(code)
        for code in range(0x300, 0x20000)
        if unicodedata.combining(unicodedata.normalize("NFKD", chr(code))[0])
    )
    return re.compile(f"([{marks}]{{{MAX_MARKS}}})[{marks}]+")
