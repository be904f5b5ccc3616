"""SSRF-safe HTTP requests to a user-supplied URL, limited in time and size.

The name is resolved once and the connection goes to the address that was checked, so DNS rebinding has no effect.
Redirects are not followed and proxies not used.
"""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from app import canonical_addresses
from app.channels.base import PermanentFailure, TemporaryFailure
from app.channels.public_addresses import is_public

CONNECT_SECONDS, TOTAL_SECONDS = 5.0, 20.0
LONGEST_WAIT = 24 * 3600.0
# Only the beginning of a response is read.
MAX_BYTES = 16 * 1024
IPAddress = IPv4Address | IPv6Address
NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")
NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?")
# No ports of mail, shells or databases, which a POST must not reach.
PORTS = frozenset({80, 443, *range(1024, 65536)}) - {3306, 5432, 6379, 9200, 11211, 27017}


@dataclass(frozen=True)
class HttpResponse:
    """A response. `text` is the beginning of the body."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    def summary(self) -> str:
        """Return the response in one line, for the log."""
        return f"{self.status} {' '.join(self.text.split())}".strip()[:300]

    def retry_after(self) -> float | None:
        """Return how many seconds the server asks to wait (RFC 9110, 10.2.3), or None if it does not say.

        At most a day: a mistake of the server must not outlast the message.
        """
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return min(float(value), LONGEST_WAIT)
        try:
            until = email.utils.parsedate_to_datetime(value)
        except (ValueError, OverflowError):  # A year or an offset of twenty digits is the latter.
            return None
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return min(max(0.0, (until - datetime.now(UTC)).total_seconds()), LONGEST_WAIT)


class NoResponse(TemporaryFailure):
    """There was no response. `was_sent`: the request left, so the server may have received it."""

    def __init__(self, text: str, *, was_sent: bool) -> None:
        super().__init__(text)
        self.was_sent = was_sent


def parse_url(url: str) -> SplitResult:
    """Split a URL, and check it as far as possible without using the network.

    Raises:
        ValueError: it is not an HTTP URL, contains a user name, or has a number as its host.
    """
    if len(url) > 1000 or not url.isprintable() or re.search(r"[\s\\]", url):
        raise ValueError("not a URL")
    parts = canonical_addresses.with_canonical_host(urlsplit(url))
    if not parts.geturl().isascii():
        raise ValueError("not a URL: only its host may have letters outside ASCII")
    host, port = (parts.hostname or "").lower(), parts.port
    if parts.scheme not in {"http", "https"} or "@" in parts.netloc or (port or 443) not in PORTS:
        raise ValueError("not an HTTP URL")
    try:
        literal: IPAddress | None = ip_address(host)
    except ValueError:
        literal = None
    if "%" in host:
        raise ValueError("not a host name: a zone belongs to one machine")
    if literal and not (urlsplit(url).hostname or "").isascii():
        raise ValueError("not a host name: an IP address in letters that are no digits of an address")
    # "2130706433", "0177.0.0.1" and "0x7f.1" are 127.0.0.1 to some programs and names to others.
    if literal is None and (
        not NAME.fullmatch(host) or NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2])
    ):
        raise ValueError("not a host name")
    return parts


def looks_public(parts: SplitResult) -> bool:
    """Whether the host of a checked URL looks public, without resolving its name."""
    host = (parts.hostname or "").lower().rstrip(".")
    try:
        return is_public(ip_address(host))
    except ValueError:
        return "." in host and not host.endswith((".local", ".localhost", ".internal", ".home.arpa"))


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    may_reach: Callable[[IPAddress], bool] = is_public,
    within: float | None = None,
) -> HttpResponse:
    """Post a body and return the response; see `request`."""
    return request("POST", url, body, headers, may_reach=may_reach, within=within)


def request(
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    may_reach: Callable[[IPAddress], bool] = is_public,
    within: float | None = None,
    most: int = MAX_BYTES,
) -> HttpResponse:
    """Send a request and return the response.

    Args:
        most: how many bytes of the response's body are read.
        may_reach: which addresses are allowed. Pass another function only for hosts that an admin chose.
        within: how many seconds it may take in total; by default `TOTAL_SECONDS`.
    Raises:
        PermanentFailure: the address must not be called.
        NoResponse: the host did not respond in time, or not with HTTP.
    """
    within = TOTAL_SECONDS if within is None else within
    deadline = time.monotonic() + within
    try:
        parts = parse_url(url)
    except ValueError as error:
        raise PermanentFailure(f"The address cannot be used: {error}") from error
    link = _connect(parts, may_reach, deadline)
    # A timer for the whole request, because a socket's timeout restarts with every byte.
    guard = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, [link])
    guard.daemon = True
    guard.start()
    was_sent = False
    try:
        if isinstance(link, ssl.SSLSocket):
            link.do_handshake()
        was_sent = True
        response = _exchange(method, parts, link, body, headers, most)
        if time.monotonic() >= deadline:
            raise TimeoutError  # Cut off within the headers, which looks like their end.
    except (OSError, http.client.HTTPException) as error:
        is_late = time.monotonic() >= deadline
        text = f"No response within {within:.0f} s" if is_late else f"No usable response: {_describe(error)}"
        raise NoResponse(text, was_sent=was_sent) from error
    else:
        return response
    finally:
        guard.cancel()
        link.close()


def _connect(parts: SplitResult, may_reach: Callable[[IPAddress], bool], deadline: float) -> socket.socket:
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoResponse(f"{host} cannot be found: {_describe(error)}", was_sent=False) from error
    addresses = [entry for entry in found if may_reach(ip_address(entry[4][0]))]
    # One forbidden address is enough to refuse the host: a client might pick any of them.
    if len(addresses) < len(found) or not found:
        raise PermanentFailure(f"{host} is not a public address")
    problem: Exception = OSError("no address")
    for family, kind, protocol, _name, address in addresses[:3]:
        link = socket.socket(family, kind, protocol)
        try:
            link.settimeout(max(0.1, min(CONNECT_SECONDS, deadline - time.monotonic())))
            link.connect(address)
            link.settimeout(max(0.1, deadline - time.monotonic()))
            if parts.scheme == "https":
                link = _tls().wrap_socket(link, server_hostname=host, do_handshake_on_connect=False)
        except OSError as error:
            link.close()
            problem = error
        else:
            return link
    raise NoResponse(f"{host} cannot be reached: {_describe(problem)}", was_sent=False) from problem


def _exchange(  # noqa: PLR0917
    method: str,
    parts: SplitResult,
    link: socket.socket,
    body: bytes,
    headers: Mapping[str, str],
    most: int,
) -> HttpResponse:
    connection = http.client.HTTPConnection(parts.netloc)
    connection.sock = link
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request(
        method, target, body or None, {**headers, "Connection": "close", "User-Agent": "Bellhop"}
    )
    response = connection.getresponse()
    text = response.read(most).decode("utf-8", "replace")
    return HttpResponse(response.status, {name.lower(): value for name, value in response.getheaders()}, text)


def _cut(link: socket.socket) -> None:
    with contextlib.suppress(OSError):  # The connection may have ended already.
        # Not the TLS socket's own method, which would disturb the thread that is reading.
        socket.socket.shutdown(link, socket.SHUT_RDWR)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _describe(error: Exception) -> str:
    return str(error) or type(error).__name__
