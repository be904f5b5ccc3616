"""The one form of an email address and of a host: what is stored, looked up, compared and counted.

`Anna@BÜCHER.example`, `anna@bücher。example.` and `anna@xn--bcher-kva.example` are one mailbox. Two forms of one
address would be two suppressions, two counts of failed sign-ins, or an account that cannot be found.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from urllib.parse import SplitResult

import idna

# Longer texts are not addresses. They are neither parsed nor cached.
_LONGEST = 1000
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
# Format characters, variation selectors and fillers: they are invisible, and no address needs them. The joiners of a
# domain are the exception, see `host`.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_JOINERS = re.compile("[\u200c\u200d]")
_NOT_IN_LOCAL = re.compile(r"[\x00-\x20\x7f-\x9f\s@\\<>\"\ud800-\udfff]")
_NOT_IN_HOST = re.compile(r"[\x00-\x20\x7f-\x9f\s@/\\?#%<>\"]")


def trim(text: str) -> str:
    """Remove what is copied along with a value: invisible characters, and spaces at its ends.

    For values that are not prose: addresses, numbers, codes, times, names of things. Joiners stay inside a text.
    """
    if text.isascii():
        return text.strip()
    return (
        _INVISIBLE.sub("", text)
        .strip("\u200c\u200d \t\r\n\v\f\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000")
        .strip()
    )


def host(text: str) -> str:
    """Return the canonical form of a host: ASCII, lower case, without a dot at the end (UTS 46, IDNA 2008).

    Raises:
        ValueError: it is not the name or number of a host.
    """
    if len(text) > _LONGEST:
        raise ValueError("too long for a host")
    return _host(text)


def email(text: str) -> str:
    """Return the canonical form of an email address: its host as above, the part before it NFKC and in lower case.

    Only the form is checked; see `validation.email_for_account` for what can be an account.

    Raises:
        ValueError: it is not of the form `name@host`.
    """
    if len(text) > _LONGEST:
        raise ValueError("too long for an email address")
    return _email(text)


def readable(address: str) -> str:
    """Return a canonical email address with its domain as people write it: `anna@bücher.example`."""
    name, at, domain = address.rpartition("@")
    try:
        return f"{name}{at}{idna.decode(domain)}" if "xn--" in domain else address
    except UnicodeError:
        return address


def key(text: str) -> str:
    """Return the key under which attempts at an address are counted: the same for every spelling of it.

    A text that is not an address has a key as well, which no address has.
    """
    try:
        return email(text)
    except ValueError:
        name = _fold(_JOINERS.sub("", trim(text[:_LONGEST]))).encode("utf-8", "replace").decode()
        return name.replace("@", " ").replace("\0", "")[:254]


def with_canonical_host(parts: SplitResult) -> SplitResult:
    """Return the parts of a URL with its host in canonical form.

    Raises:
        ValueError: there is no such host.
    """
    name = parts.hostname or ""
    if ":" in name or not name:  # IPv6, which has one spelling after the check of `ipaddress`.
        return parts
    port = f":{parts.port}" if parts.port is not None else ""
    user, at, _host_and_port = parts.netloc.rpartition("@")
    return parts._replace(scheme=parts.scheme.lower(), netloc=f"{user}{at}{host(name)}{port}")


@lru_cache(maxsize=4096)
def _host(text: str) -> str:
    name = trim(text)
    name = (name.lower() if name.isascii() else _mapped(name)).rstrip(".")
    if not name or len(name) > 253 or _NOT_IN_HOST.search(name) or ".." in name or name.startswith("."):
        raise ValueError("not a host")
    if "xn--" in name:
        # An encoded name may spell another one: decoding and encoding it again gives the one form.
        name = _encoded(name)
    return name


def _mapped(name: str) -> str:
    try:
        return _encoded(name)
    except ValueError:
        # A joiner that this script does not need (RFC 5892, A.1) was only pasted along.
        return _encoded(_JOINERS.sub("", name))


def _encoded(name: str) -> str:
    try:
        mapped = idna.uts46_remap(name.translate(_DOTS), std3_rules=False, transitional=False).rstrip(".")
        if mapped.isascii() and "xn--" not in mapped:
            return mapped
        return idna.encode(mapped).decode()
    except (UnicodeError, IndexError) as error:  # IDNAError is a UnicodeError.
        raise ValueError("not an international name of a host") from error


@lru_cache(maxsize=4096)
def _email(text: str) -> str:
    local, at, domain = _at_sign(trim(text)).rpartition("@")
    local = _fold(_JOINERS.sub("", local))
    if not at or not local or _NOT_IN_LOCAL.search(local):
        raise ValueError("not an email address")
    if len(local.encode()) > 64:
        raise ValueError("the part before the @ is too long")
    address = f"{local}@{host(domain)}"
    if len(address) > 254:
        raise ValueError("too long for an email address")
    return address


def _at_sign(text: str) -> str:
    return text.replace("\uff20", "@").replace("\ufe6b", "@")


def _fold(text: str) -> str:
    """NFKC and lower case, as often as it takes until nothing changes: twice for a few letters."""
    folded = text
    for _round in range(3):
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).lower())
    return folded
