"""Build JSON responses, serialized by the schemas straight to bytes."""

from __future__ import annotations

import gzip
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlencode

import orjson
from flask import Response, current_app, g, request
from pydantic import BaseModel
from werkzeug.http import generate_etag, quote_etag

from app.api.schemas.base import KeyPaged
from app.lean_flask import LeanResponse
from app.services.base import paging

Row = TypeVar("Row")
# Below this, gzip saves less than its header costs.
MIN_GZIP_BYTES = 1000


def json_response(body: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Build a JSON response.

    Args:
        body: an instance of the schema that the OpenAPI document promises.
        headers: additional header fields.
    """
    return json_bytes_response(body.model_dump_json().encode(), status, headers)


def json_response_once(body: BaseModel, secret: str, status: int = 201) -> Response:
    """Build a JSON response whose field `secret` is shown once: it is null when replayed (`Idempotency-Key`)."""
    g.stored_body = body.model_copy(update={secret: None}).model_dump_json().encode()
    return json_response(body, status)


def json_bytes_response(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Build a JSON response from JSON that is already serialized."""
    response = LeanResponse(body, status, content_type="application/json")
    for name, value in (headers or {}).items():
        response.headers.add(name, value)
    return response


def json_page_response(
    rows: bytes, fingerprint: bytes, next_cursor: str | None, previous_cursor: str | None
) -> Response:
    """Build one page of a list, with its ETag.

    Args:
        rows: a serialized JSON array.
        fingerprint: identifies the rows.
        next_cursor: the cursor of the page after it; None if there is none.
        previous_cursor: the same for the page before it.
    """
    urls = page_url(next_cursor), page_url(previous_cursor)
    ends = b',"next":%b,"previous":%b}' % tuple(map(orjson.dumps, urls))
    response = json_bytes_response(b'{"results":' + rows + ends, headers=link_header(*urls))
    return with_etag(response, generate_etag(fingerprint + ends))


def short_json_response(
    schema: type[BaseModel],
    rows: Iterable[Row],
    query: KeyPaged,
    key: Callable[[Row], list[Any]],
    to_output: Callable[[Row], Any] = lambda row: row,
) -> Response:
    """Build one page of a list that is short enough to be loaded completely.

    Args:
        schema: the schema of the page.
        rows: the complete list.
        query: its limit and cursor.
        key: the unique key that the list is sorted by; a page starts after it even if its row has been deleted.
        to_output: converts a row to what the schema takes.
    Raises:
        InvalidCursor: the cursor is not one of this list's.
    """
    ordered = sorted(rows, key=key)
    start, end = 0, query.limit
    if query.cursor:
        is_forwards = query.cursor[0] == "n"
        find = bisect_right if is_forwards else bisect_left
        try:
            at = find(ordered, paging.read_key(query.cursor[1:]), key=key)
        except TypeError as error:
            raise paging.InvalidCursor from error
        start, end = (at, at + query.limit) if is_forwards else (max(at - query.limit, 0), at)
    page = ordered[start:end]
    next_url = page_url(f"n{paging.write_key(key(page[-1]))}" if page and end < len(ordered) else None)
    previous_url = page_url(f"p{paging.write_key(key(page[0]))}" if page and start else None)
    body = {"results": [to_output(row) for row in page], "next": next_url, "previous": previous_url}
    return json_response(schema.model_validate(body), headers=link_header(next_url, previous_url))


def json_keyset_response(
    schema: type[BaseModel], rows: Sequence[Any], next_key: int | str | None, previous_key: int | str | None
) -> Response:
    """Build one page of a list whose cursors are row ids or keys; see `Paged` and `KeyPaged`.

    Args:
        schema: the schema of the page.
        rows: what its `results` takes.
        next_key: the last row's id or key if more rows follow.
        previous_key: the first row's id or key if rows precede.
    """
    next_url = page_url(f"n{next_key}" if next_key else None)
    previous_url = page_url(f"p{previous_key}" if previous_key else None)
    body = {"results": rows, "next": next_url, "previous": previous_url}
    return json_response(schema.model_validate(body), headers=link_header(next_url, previous_url))


def page_url(cursor: str | None) -> str | None:
    """Return the absolute URL of the requested list at another cursor, or None without a cursor."""
    if cursor is None:
        return None
    # Behind a proxy the request does not know its public address; BASE_URL does.
    return f"{current_app.config['BASE_URL']}{request.path}?{_with_cursor(request.query_string, cursor)}"


@lru_cache(maxsize=1_000)
def _with_cursor(_query_string: bytes, cursor: str) -> str:
    # Callers that poll get the same cursors until their list changes.
    return urlencode(request.args.to_dict(flat=False) | {"cursor": [cursor]}, doseq=True)


def link_header(next_url: str | None, previous_url: str | None) -> dict[str, str]:
    """Return the adjacent pages as a `Link` header (RFC 8288); empty without any."""
    targets = (("next", next_url), ("prev", previous_url))
    links = [f'<{url}>; rel="{name}"' for name, url in targets if url]
    return {"Link": ", ".join(links)} if links else {}


def with_etag(response: Response, tag: str = "") -> Response:
    """Add an ETag and respond with 304 if the caller already has this version (RFC 9110, 13.1.2)."""
    response.headers.add("ETag", quote_etag(tag or generate_etag(response.get_data())))
    if "If-None-Match" in request.headers:
        response.make_conditional(request)
    return response


def gzipped(response: Response) -> Response:
    """Compress a long response if the caller accepts gzip."""
    length = response.headers.get("Content-Length", 0, int)
    if length < MIN_GZIP_BYTES or not request.accept_encodings.quality("gzip"):
        return response
    response.set_data(gzip.compress(response.get_data(), 5, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    if (tag := response.headers.get("ETag")) and not tag.startswith("W/"):
        response.headers["ETag"] = f"W/{tag}"  # Equivalent content in different bytes (RFC 9110, 8.8.1).
    return response
