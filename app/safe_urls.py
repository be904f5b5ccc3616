"""Answers two questions about URLs from outside: is it safe to link to, and does it stay on this site."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote, urlsplit

# Control characters, spaces and surrogates; and characters that browsers or HTML read as something else.
UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff\\<>\"]")
_LONGEST_REDIRECT = 2000
_MAX_DECODINGS = 5


def is_web_address(url: str) -> bool:
    """Whether a URL is complete and http or https."""
    if UNSAFE.search(url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # An unclosed bracket, or a port that is not a number.
        return False


def is_path(url: str) -> bool:
    """Whether a URL is an absolute path within Bellhop. `//host` is not: it leads to another site."""
    return url.startswith("/") and not url.startswith("//") and not UNSAFE.search(url)


def is_link(url: str) -> bool:
    """Whether people may be sent to a URL: a web address or a path, never `javascript:` or `//host`."""
    return is_path(url) or is_web_address(url)


def is_local_redirect(target: str) -> bool:
    """Whether a redirect to this address certainly stays on this site, in every browser.

    Stricter than `is_path`, for anyone can put the address into a link to the sign-in page. However often it was
    encoded, it may not become `//host`, `/\\host`, a scheme, or a control character that browsers drop (WHATWG URL,
    4.4).
    """
    for _decoding in range(_MAX_DECODINGS):
        decoded = unquote(target, errors="replace")
        if not _is_plain_path(target):
            return False
        if decoded == target:
            return True
        target = decoded
    return False


def _is_plain_path(target: str) -> bool:
    if not target.startswith("/") or len(target) > _LONGEST_REDIRECT or "\\" in target:
        return False
    if any(unicodedata.category(character)[0] in "CZ" for character in target if character != " "):
        return False
    # Not with urlsplit: it sees no host in "///host", browsers do.
    return "//" not in target.partition("?")[0].partition("#")[0]
