"""The one rule about characters that nobody sees, for every text on its way in and on its way out."""

from __future__ import annotations

import re

# They turn the text after them around (UAX 9, 2.1 and 2.2), hide in it, or spell a second text beneath it.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
# Joiners, and the marks that give a single letter or stop its direction: some scripts, and many pictures of people,
# are not written without them. Anywhere else they only hide.
_JOINING = re.compile(
    "("
    "[\u0300-\u061b\u061d-\u1fff\u2190-\U0010ffff][\u061c\u200c-\u200f]{1,2}"
    "|[\u0590-\u08ff][!-/:-@ ]{1,3}[\u061c\u200e\u200f]"
    ")|[\u061c\u200c-\u200f]"
)


def strip_invisible(text: str) -> str:
    """The text as it is seen: without marks that turn around what follows, and without characters of no width."""
    if text.isascii():
        return text
    return _JOINING.sub(lambda found: found[1] or "", _INVISIBLE.sub("", text))
