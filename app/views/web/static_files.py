"""Serves the stylesheet, the scripts and the icons, at a path that changes whenever one of them changes."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, current_app, request
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FOLDER = Path(__file__).resolve().parents[2] / "static"
STYLESHEET = "css/app.css"
# The files that make up `STYLESHEET`, in this order: within a cascade layer, the later rule wins.
STYLESHEET_PARTS = (
    "css/tokens.css",
    "css/base.css",
    "css/layout.css",
    "css/navigation.css",
    "css/buttons.css",
    "css/search.css",
    "css/inbox.css",
    "css/agenda.css",
    "css/detail.css",
    "css/toasts.css",
    "css/overview.css",
    "css/forms.css",
    "css/settings.css",
    "css/template-editor.css",
    "css/delivery-log.css",
    "css/announcements.css",
    "css/explanation.css",
    "css/delivery-chart.css",
    "css/overlays.css",
    "css/palette.css",
    "css/sign-in.css",
    "css/items.css",
    "css/toolbar.css",
    "css/states.css",
    "css/utilities.css",
)
# Browsers and service workers request these paths, whatever the page links to.
FIXED_PATHS = {
    "/favicon.ico": "favicon.svg",
    "/apple-touch-icon.png": "icons/apple-touch.png",
    "/icon.png": "icons/192.png",
}
# Text formats. The others are compressed already, so gzip gains nothing.
COMPRESSIBLE = frozenset({".css", ".js", ".svg", ".txt", ".md", ".json"})
# A tenth of our scripts. Browsers get empty lines, so that errors name the lines of the source.
SCRIPT_COMMENT = re.compile(rb"^[ \t]*//.*", re.MULTILINE)


@dataclass(frozen=True)
class Asset:
    """A file as it is sent. `gzipped` is None when compression saves nothing."""

    content_type: str
    plain: bytes
    gzipped: bytes | None


class Assets:
    """WSGI middleware that serves the static files from memory, without a session or a cookie."""

    def __init__(self, folder: Path, wsgi_app: WSGIApplication) -> None:
        self._files = _load_assets(folder)
        digest = hashlib.sha256()
        for name, asset in self._files.items():
            digest.update(name.encode() + b"\0" + asset.plain)
        # One fingerprint for all files, in the path, so that scripts can import each other relatively.
        self._fingerprint = digest.hexdigest()[:12]
        self._wsgi_app = wsgi_app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        parts = (self.path(FIXED_PATHS[path]) if path in FIXED_PATHS else path).split("/", 3)
        asset = self._files.get(parts[3]) if len(parts) == 4 and parts[1] == "static" else None
        if asset is None or environ.get("REQUEST_METHOD") not in {"GET", "HEAD"}:
            return self._wsgi_app(environ, start_response)
        return self._respond(asset, parts[2], Request(environ))(environ, start_response)

    def path(self, filename: str) -> str:
        """Return the path of a file on this site.

        Raises:
            KeyError: the file does not exist.
        """
        if filename not in self._files:
            raise KeyError(filename)
        return f"/static/{self._fingerprint}/{filename}"

    def _respond(self, asset: Asset, fingerprint: str, http_request: Request) -> Response:
        accepts_gzip = http_request.accept_encodings.quality("gzip") > 0
        # During a deploy, pages of the previous release request their own files. They get the current ones,
        # which must not be cached at that path.
        is_current = fingerprint == self._fingerprint and http_request.path not in FIXED_PATHS
        max_age = "max-age=31536000, immutable" if is_current else "max-age=60"
        headers = {
            "Cache-Control": f"public, {max_age}",
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
            # A module script from a CDN is a cross-origin request.
            "Access-Control-Allow-Origin": "*",
        }
        if asset.gzipped is None or not accepts_gzip:
            return Response(asset.plain, headers=headers, content_type=asset.content_type)
        headers["Content-Encoding"] = "gzip"
        return Response(asset.gzipped, headers=headers, content_type=asset.content_type)


def register(app: Flask) -> None:
    """Serve the static files in front of the application and give templates `static_url`."""
    assets = Assets(FOLDER, app.wsgi_app)
    app.extensions["assets"] = assets
    app.wsgi_app = assets  # type: ignore[method-assign]  # Flask's documented way to add middleware
    app.add_template_global(static_url)


def static_url(filename: str) -> str:
    """Return the URL of a file in `app/static`, on the CDN if `STATIC_URL` names one.

    Raises:
        KeyError: the file does not exist.
    """
    assets: Assets = current_app.extensions["assets"]
    return f"{current_app.config['STATIC_URL'] or request.script_root}{assets.path(filename)}"


def _load_assets(folder: Path) -> dict[str, Asset]:
    """Read every file, with the parts of the stylesheet joined into one."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    contents = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
    scripts = {name: content for name, content in contents.items() if name.startswith("js/")}
    contents |= {name: SCRIPT_COMMENT.sub(b"", content) for name, content in scripts.items()}
    contents[STYLESHEET] = b"\n".join(contents.pop(part) for part in STYLESHEET_PARTS)
    return {name: _build_asset(name, contents[name]) for name in sorted(contents)}


def _build_asset(name: str, content: bytes) -> Asset:
    content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if Path(name).suffix not in COMPRESSIBLE:
        return Asset(content_type, content, gzipped=None)
    gzipped = gzip.compress(content, 9, mtime=0)
    return Asset(
        content_type=f"{content_type}; charset=utf-8",
        plain=content,
        gzipped=gzipped if len(gzipped) < len(content) else None,
    )
