"""Stylesheet, scripts and icons, under an address that changes whenever one of them does."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, current_app, request
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FOLDER = Path(__file__).resolve().parents[2] / "static"
# Formats that are compressed already gain nothing.
COMPRESSED = frozenset({".css", ".js", ".svg", ".txt", ".md", ".json"})


@dataclass(frozen=True)
class Asset:
    """A file as it is sent, plain and gzipped; `gzipped` is None where that saves nothing."""

    content_type: str
    plain: bytes
    gzipped: bytes | None


class Assets:
    """All files, read once, served in front of the application: no session touches them, no cookie goes out."""

    def __init__(self, folder: Path, behind: WSGIApplication) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        self._files = {str(path.relative_to(folder)): _read(path) for path in paths}
        digest = hashlib.sha256()
        for name, asset in self._files.items():
            digest.update(name.encode() + b"\0" + asset.plain)
        # One fingerprint for all, in the path: a script may then name its neighbours relatively.
        self._fingerprint = digest.hexdigest()[:12]
        self._behind = behind

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        # What browsers ask for by themselves on addresses that are not pages of ours.
        parts = (self.path("favicon.svg") if path == "/favicon.ico" else path).split("/", 3)
        asset = self._files.get(parts[3]) if len(parts) == 4 and parts[1] == "static" else None
        if asset is None or environ.get("REQUEST_METHOD") not in {"GET", "HEAD"}:
            return self._behind(environ, start_response)
        return self._answer(asset, parts[2], Request(environ))(environ, start_response)

    def path(self, filename: str) -> str:
        """Where a file is found on this site. KeyError: there is no such file."""
        if filename not in self._files:
            raise KeyError(filename)
        return f"/static/{self._fingerprint}/{filename}"

    def _answer(self, asset: Asset, fingerprint: str, asked: Request) -> Response:
        squeezed = asset.gzipped if asked.accept_encodings.quality("gzip") > 0 else None
        # During a deploy an old page asks for its own files: today's are better than none, but not for ever.
        is_current = fingerprint == self._fingerprint and asked.path != "/favicon.ico"
        keep = "max-age=31536000, immutable" if is_current else "max-age=60"
        headers = {
            "Cache-Control": f"public, {keep}",
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
            # A module script from a CDN is a cross-origin request.
            "Access-Control-Allow-Origin": "*",
        }
        if squeezed is not None:
            headers["Content-Encoding"] = "gzip"
        body = asset.plain if squeezed is None else squeezed
        return Response(body, headers=headers, content_type=asset.content_type)


def register(app: Flask) -> None:
    """Put the files in front of the application and offer `static_url` to the templates."""
    assets = Assets(FOLDER, app.wsgi_app)
    app.extensions["assets"] = assets
    app.wsgi_app = assets  # type: ignore[method-assign]  # how Flask wants middleware to be added
    app.add_template_global(static_url)


def static_url(filename: str) -> str:
    """The address of a file in `app/static`, on the CDN where `STATIC_URL` names one.

    Raises:
        KeyError: there is no such file.
    """
    assets: Assets = current_app.extensions["assets"]
    return f"{current_app.config['STATIC_URL'] or request.script_root}{assets.path(filename)}"


def _read(path: Path) -> Asset:
    plain = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    is_text = path.suffix in COMPRESSED
    gzipped = gzip.compress(plain, 9, mtime=0) if is_text else None
    return Asset(
        content_type=f"{kind}; charset=utf-8" if is_text else kind,
        plain=plain,
        gzipped=gzipped if gzipped and len(gzipped) < len(plain) else None,
    )
