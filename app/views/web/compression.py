"""Pages leave gzipped where that is understood: a list repeats itself fifty times, and a phone's line is slow."""

from __future__ import annotations

import gzip
import io
import secrets

from flask import Flask, Response, request

# Level 4 takes half the time of the default and saves nearly as much.
LEVEL, LEAST = 4, 1_000
# A page says what was searched for beside a secret of the session: without a length of chance, who listens to the line
# and makes a browser ask again and again could guess the secret from how well both squeeze together (BREACH).
MOST_PADDING = 100


def register(app: Flask) -> None:
    """Squeeze what the application answers in HTML; files and the API see to themselves."""
    app.after_request(compress_response)


def compress_response(response: Response) -> Response:
    """Gzip a page for a browser that accepts it (RFC 9110, 12.5.3)."""
    if response.mimetype != "text/html" or response.is_streamed or "Content-Encoding" in response.headers:
        return response
    response.vary.add("Accept-Encoding")
    body = response.get_data()
    if len(body) < LEAST or request.accept_encodings.quality("gzip") <= 0:
        return response
    packed = io.BytesIO()
    name = "x" * secrets.randbelow(MOST_PADDING)
    with gzip.GzipFile(name, "wb", LEVEL, packed, mtime=0) as file:
        file.write(body)
    response.set_data(packed.getvalue())
    response.headers["Content-Encoding"] = "gzip"
    etag, _is_weak = response.get_etag()
    if etag is not None:
        response.set_etag(etag, weak=True)  # The same page, in other bytes (8.8.1).
    return response
