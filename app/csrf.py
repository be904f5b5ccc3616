"""Refuses forms that another site may have sent: by a token, and by the origin that the browser states.

The token in the form must match the one in the session. Browsers also state the origin, in Sec-Fetch-Site, Origin or
Referer. Each may be missing: a page may withhold the Referer (with `no-referrer`, the Origin is `null` too), and only
secure pages send Sec-Fetch-Site. A missing header does not matter, because the token is checked. A header that names
another site does.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from flask import Flask, current_app, g, request, session
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError, generate_csrf
from werkzeug.datastructures import Headers


class ForeignOrigin(CSRFError):
    """The browser names an origin that is not Bellhop's: `origin`, or `null` if it hides the address."""

    def __init__(self, origin: str) -> None:
        super().__init__(f"The form was sent from {origin}.")
        self.origin = origin


class CSRF(CSRFProtect):
    """Flask-WTF's check of the token, then the check of the origin."""

    def init_app(self, app: Flask) -> None:
        """Check every form of an application, and give templates `csrf_token`."""
        super().init_app(app)  # type: ignore[no-untyped-call]  # Flask-WTF has no types.
        app.jinja_env.globals["csrf_token"] = form_token

    def protect(self, apply_exemptions: bool = False) -> None:
        """Check the current request; requests that only read pass.

        Raises:
            CSRFError: the token is missing or belongs to another session.
            ForeignOrigin: the browser names another site.
        """
        if request.method not in current_app.config["WTF_CSRF_METHODS"]:
            return  # Before anything else, because most requests only read.
        g.csrf_valid = False
        super().protect(apply_exemptions)  # type: ignore[no-untyped-call]  # Flask-WTF has no types.
        if not g.csrf_valid:
            return
        if origin := foreign_origin(request.headers, _own_addresses()):
            raise ForeignOrigin(origin)
        # For the forms of the response, too, so that no other one is signed.
        g.csrf_token = self._get_csrf_token()  # type: ignore[no-untyped-call]


def form_token() -> str:
    """Return the CSRF token of the session, for the forms of a response.

    It ends with its session and not before, so it is signed once a minute, and not with every request. A signature that
    stayed longer could be guessed by the lengths of compressed pages (BREACH).
    """
    if "csrf_token" not in g:
        contents, minute = session.get("csrf_token"), int(time.time() // 60)
        g.csrf_token = _sign(current_app.secret_key, contents, minute) if contents else generate_csrf()
    return str(g.csrf_token)


@lru_cache(maxsize=2_000)
def _sign(_secret_key: str, _contents: str, _minute: int) -> str:
    return str(generate_csrf())


def foreign_origin(headers: Headers, own: Iterable[str]) -> str:
    """Return the origin of a request that did not come from one of our own addresses, else "".

    Args:
        own: URLs of this site.
    """
    fetch_site = headers.get("Sec-Fetch-Site")
    if fetch_site in {"same-origin", "none"}:
        return ""
    origin = headers.get("Origin") or ""
    if origin in {"", "null"}:
        origin = headers.get("Referer") or ""
    parts = _split(origin)
    if not parts.netloc:
        # The browser withholds the address; some still say whether it is another one.
        return "null" if fetch_site in {"same-site", "cross-site"} else ""
    if any(_is_same_site(parts, _split(address)) for address in own):
        return ""
    return f"{parts.scheme}://{parts.netloc}"


def _own_addresses() -> Iterator[str]:
    """Yield BASE_URL and, where it has another name, the address that the request was sent to.

    The Host header may be the proxy's own name, and BASE_URL may be one of several names: either will do.
    """
    base_url = current_app.config["BASE_URL"]
    yield base_url
    if _host(urlsplit(base_url).netloc) != _host(request.host):
        yield request.host_url


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        # Not an address, so none of ours.
        return SplitResult("", "?", "", "", "")


def _is_same_site(given: SplitResult, own: SplitResult) -> bool:
    # A proxy that speaks TLS may not say so: https where we know of http is ours, http where we know of https is not.
    is_downgrade = given.scheme != "https" and own.scheme == "https"
    return _host(given.netloc) == _host(own.netloc) and not is_downgrade


def _host(netloc: str) -> str:
    return netloc.lower().removesuffix(":443").removesuffix(":80")
