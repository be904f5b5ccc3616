"""Handles requests from reverse proxies: the browser's address, and the path below which Bellhop is shown.

`TRUSTED_PROXIES` is the number of proxies in front of Bellhop. Each appends what it saw to the X-Forwarded headers, so
the value of the outermost one is that many places from the right. Values further left come from the browser and are
ignored, and so are chains that are too short. With 0, the default, the headers are ignored. RFC 7239's `Forwarded` is
never read.

By hand instead of werkzeug's ProxyFix, which does not check the values: an address with its port, a prefix `//host`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask

import config

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
WITH_PORT = re.compile(r"([0-9.]+|\[[^\]]*\])(:[0-9]{1,5})?")


def register(app: Flask) -> None:
    """Apply what the proxies say before anything else sees the request; call it last."""
    inner, hops = app.wsgi_app, app.config["TRUSTED_PROXIES"]
    prefix = urlsplit(app.config["BASE_URL"]).path
    own_paths = {str(rule).split("/")[1] for rule in app.url_map.iter_rules()} | {"static"}

    def with_proxies(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        announced = _apply_headers(environ, hops) if hops else ""
        if prefix or announced:
            # A proxy that removes a prefix announces it. Without that, `/notifications` may be the inbox, or a prefix.
            is_removed = announced != "" and announced.split("/")[1] in own_paths
            _split_path(environ, prefix or announced, is_removed=is_removed)
        if environ.get("REMOTE_ADDR", "").startswith("::ffff:"):
            environ["REMOTE_ADDR"] = parse_address(environ["REMOTE_ADDR"])
        return inner(environ, start_response)

    app.wsgi_app = with_proxies  # type: ignore[method-assign]  # Flask's documented way to add middleware


def parse_address(text: str) -> str:
    """Return an IP address in its one spelling, without port and brackets; "" if there is none."""
    match = WITH_PORT.fullmatch(text)
    try:
        address = ip_address(match[1].strip("[]") if match else text)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return ""
        return str(address.ipv4_mapped or address)
    return str(address)


def _apply_headers(environ: WSGIEnvironment, hops: int) -> str:
    """Replace address, scheme and host by what the outermost trusted proxy saw. Returns the prefix it announces.

    Values that cannot be true are ignored, one by one.
    """
    if address := parse_address(_value(environ, "FOR", hops)):
        environ["REMOTE_ADDR"] = address
        environ.pop("REMOTE_PORT", None)
    if (scheme := _value(environ, "PROTO", hops).lower()) in config.DEFAULT_PORTS:
        environ["wsgi.url_scheme"] = scheme
    host, port = _value(environ, "HOST", hops), _value(environ, "PORT", hops)
    host = host if HOST.fullmatch(host) else ""
    if _is_port(port):
        bare = HOST.fullmatch(host or environ.get("HTTP_HOST", ""))
        # A port within X-Forwarded-Host is what the browser wrote; the one of Host may be the proxy's own.
        if bare and not (host and bare[2]):
            is_default = config.DEFAULT_PORTS.get(environ["wsgi.url_scheme"]) == int(port)
            host = bare[1] if is_default else f"{bare[1]}:{int(port)}"
        environ["SERVER_PORT"] = port
    if host:
        environ["HTTP_HOST"] = host
        environ["SERVER_NAME"] = host.rpartition(":")[0] if HOST.fullmatch(host)[2] else host  # type: ignore[index]
    prefix = _value(environ, "PREFIX", hops).rstrip("/")
    return prefix if config.URL_PREFIX.fullmatch(prefix) else ""


def _value(environ: WSGIEnvironment, name: str, hops: int) -> str:
    values = environ.get(f"HTTP_X_FORWARDED_{name}", "").split(",")
    return values[-hops].strip().strip('"') if len(values) >= hops else ""


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536


def _split_path(environ: WSGIEnvironment, prefix: str, *, is_removed: bool) -> None:
    """Divide the path into `prefix` and the rest, whether or not the proxy has removed the prefix."""
    path = environ.get("PATH_INFO", "")
    has_prefix = path == prefix or path.startswith(f"{prefix}/")
    if has_prefix and not is_removed and environ.get("SCRIPT_NAME", "") != prefix:
        path = path[len(prefix) :]
    environ["SCRIPT_NAME"] = prefix
    # Proxies that remove "/bellhop" with or without its slash leave none, or two.
    environ["PATH_INFO"] = "/" + path.lstrip("/")
