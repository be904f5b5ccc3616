"""Stylesheet, scripts and icons, under an address that changes whenever one of them does."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, current_app, request, url_for

bp = Blueprint("static_files", __name__)

FOLDER = Path(__file__).resolve().parent.parent / "static"
# Formats that are compressed already gain nothing.
COMPRESSED = frozenset({".css", ".js", ".svg", ".txt", ".md", ".json"})


@dataclass(frozen=True)
class Asset:
    """A file as it is sent, plain and gzipped; `gzipped` is None where that saves nothing."""

    content_type: str
    plain: bytes
    gzipped: bytes | None


def register(app: Flask) -> None:
    """Read every file once and offer `static_url` to the templates.

    The files share one fingerprint, in the path: a script or a stylesheet may then name its neighbours
    relatively, and any change gives all of them a fresh address.
    """
    paths = sorted(path for path in FOLDER.rglob("*") if path.is_file())
    assets = {str(path.relative_to(FOLDER)): _read(path) for path in paths}
    digest = hashlib.sha256()
    for name, asset in assets.items():
        digest.update(name.encode() + b"\0" + asset.plain)
    app.extensions["assets"] = (digest.hexdigest()[:12], assets)
    app.register_blueprint(bp)
    app.add_template_global(static_url)


def static_url(filename: str) -> str:
    """The address of a file in `app/static`, on the CDN where `STATIC_URL` names one.

    Raises:
        KeyError: there is no such file.
    """
    fingerprint, assets = current_app.extensions["assets"]
    if filename not in assets:
        raise KeyError(filename)
    return str(current_app.config["STATIC_URL"]) + url_for(
        "static_files.file", fingerprint=fingerprint, filename=filename
    )


@bp.get("/static/<fingerprint>/<path:filename>")
def file(fingerprint: str, filename: str) -> Response:
    current, assets = current_app.extensions["assets"]
    # During a deploy an old page may ask for its own files: today's are better than none, but not for ever.
    asset = assets.get(filename) or abort(404)
    wants_gzip = asset.gzipped is not None and request.accept_encodings.quality("gzip") > 0
    response = Response(asset.gzipped if wants_gzip else asset.plain, content_type=asset.content_type)
    response.headers["Vary"] = "Accept-Encoding"
    if wants_gzip:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Cache-Control"] = (
        "public, max-age=31536000, immutable" if fingerprint == current else "public, max-age=60"
    )
    # A module script from a CDN is a cross-origin request.
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@bp.get("/favicon.ico")
def favicon() -> Response:
    """What browsers ask for by themselves on addresses that are not pages of ours."""
    return file(current_app.extensions["assets"][0], "favicon.svg")


def _read(path: Path) -> Asset:
    plain = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    text = path.suffix in COMPRESSED
    gzipped = gzip.compress(plain, 9, mtime=0) if text else None
    return Asset(
        content_type=f"{kind}; charset=utf-8" if text else kind,
        plain=plain,
        gzipped=gzipped if gzipped and len(gzipped) < len(plain) else None,
    )
