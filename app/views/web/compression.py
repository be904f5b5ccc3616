"""Gzips HTML responses for browsers that accept it."""

from __future__ import annotations

import gzip
import io
import secrets

from flask import Flask, Response, request

from app.lean_flask import vary_by

# A page of 160 KB becomes 14.6 KB in 0.6 ms. Level 4 saves 2.6 KB more, in 1.05 ms, a fifth of the page's time.
LEVEL, MIN_SIZE = 1, 1_000
# Pages show the search text beside a secret of the session. Random padding keeps an eavesdropper from guessing the
# secret by the compressed length of repeated requests (BREACH).
MAX_PADDING = 100


def register(app: Flask) -> None:
    """Gzip HTML responses; static files and the API do their own."""
    app.after_request(compress_response)


def compress_response(response: Response) -> Response:
    """Gzip a page for a browser that accepts it (RFC 9110, 12.5.3)."""
    if response.mimetype != "text/html" or response.is_streamed:
        return response
    vary_by(response, "Accept-Encoding")
    if response.status_code == 304:
        return response
    body = response.get_data()
    if len(body) < MIN_SIZE or request.accept_encodings.quality("gzip") <= 0:
        return response
    packed = io.BytesIO()
    name = "x" * secrets.randbelow(MAX_PADDING)
    with gzip.GzipFile(name, "wb", LEVEL, packed, mtime=0) as file:
        file.write(body)
    response.set_data(packed.getvalue())
    response.headers["Content-Encoding"] = "gzip"
    etag, _is_weak = response.get_etag()
    if etag is not None:
        response.set_etag(etag, weak=True)  # The same page in other bytes (8.8.1).
    return response
