"""Strips invisible characters from every text that comes in or goes out."""

from __future__ import annotations

import re

# These reverse the text after them (UAX 9, 2.1 and 2.2), hide in it, or encode a second text.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
# Joiners and direction marks. Some scripts and many emoji need them; anywhere else they are only hidden.
_JOINING = re.compile(
    "("
    "[\u0300-\u061b\u061d-\u1fff\u2190-\U0010ffff][\u061c\u200c-\u200f]{1,2}"
    "|[\u0590-\u08ff][!-/:-@ ]{1,3}[\u061c\u200e\u200f]"
    ")|[\u061c\u200c-\u200f]"
)


def strip_invisible(text: str) -> str:
    """Return the text without direction overrides and zero-width characters."""
    if text.isascii():
        return text
    return _JOINING.sub(lambda found: found[1] or "", _INVISIBLE.sub("", text))
