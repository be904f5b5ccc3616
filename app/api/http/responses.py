"""Build JSON responses, serialized by the schemas straight to bytes."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Response, current_app, g, request
from flask_babel import gettext as _
from pydantic import BaseModel
from werkzeug.http import generate_etag, quote_etag

from app.api.schemas.base import Paged
from app.services.base.errors import Invalid

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
    return Response(body, status, headers=dict(headers or {}), content_type="application/json")


def json_page_response(rows: bytes, next_cursor: str | None, previous_cursor: str | None) -> Response:
    """Build one page of a list from its rows, a serialized JSON array, and the cursors of the adjacent pages."""
    urls = page_url(next_cursor), page_url(previous_cursor)
    ends = b',"next":%b,"previous":%b}' % tuple(map(orjson.dumps, urls))
    return json_bytes_response(b'{"results":' + rows + ends, headers=link_header(*urls))


def short_json_response(
    schema: type[BaseModel],
    rows: Sequence[Any],
    query: Paged,
    to_output: Callable[[Any], Any] = lambda row: row,
) -> Response:
    """Build one page of a list that is short enough to be loaded completely.

    Args:
        schema: the schema of the page.
        rows: the complete list, in its own order.
        to_output: converts a row to what the schema takes.
    Raises:
        Invalid: the row that the cursor names is no longer in the list.
    """
    cursor_id = query.next_from or query.previous_from
    index = next((index for index, row in enumerate(rows) if row.id == cursor_id), None)
    if index is None and cursor_id is not None:
        raise Invalid({"cursor": _("The list has changed. Start again from its first page.")})
    if index is None:
        start, end = 0, query.limit
    elif query.next_from:
        start, end = index + 1, index + 1 + query.limit
    else:
        start, end = max(index - query.limit, 0), index
    page = rows[start:end]
    next_id = page[-1].id if page and end < len(rows) else None
    previous_id = page[0].id if page and start else None
    return json_keyset_response(schema, [to_output(row) for row in page], next_id, previous_id)


def json_keyset_response(
    schema: type[BaseModel], rows: Sequence[Any], next_id: int | None, previous_id: int | None
) -> Response:
    """Build one page of a list whose cursors are row ids; see `Paged`.

    Args:
        schema: the schema of the page.
        rows: what its `results` takes.
        next_id: the last row's id if more rows follow.
        previous_id: the first row's id if rows precede.
    """
    next_url = page_url(f"n{next_id}" if next_id else None)
    previous_url = page_url(f"p{previous_id}" if previous_id else None)
    body = {"results": rows, "next": next_url, "previous": previous_url}
    return json_response(schema.model_validate(body), headers=link_header(next_url, previous_url))


def page_url(cursor: str | None) -> str | None:
    """Return the absolute URL of the requested list at another cursor, or None without a cursor."""
    if cursor is None:
        return None
    arguments = urlencode(request.args.to_dict(flat=False) | {"cursor": [cursor]}, doseq=True)
    # Behind a proxy the request does not know its public host name; BASE_URL does.
    return f"{current_app.config['BASE_URL']}{request.script_root}{request.path}?{arguments}"


def link_header(next_url: str | None, previous_url: str | None) -> dict[str, str]:
    """Return the adjacent pages as a `Link` header (RFC 8288); empty without any."""
    targets = (("next", next_url), ("prev", previous_url))
    links = [f'<{url}>; rel="{name}"' for name, url in targets if url]
    return {"Link": ", ".join(links)} if links else {}


def with_etag(response: Response, tag: str = "") -> Response:
    """Add an ETag and respond with 304 if the caller already has this version (RFC 9110, 13.1.2)."""
    response.headers["ETag"] = quote_etag(tag or generate_etag(response.get_data()))
    if "If-None-Match" in request.headers:
        response.make_conditional(request)
    return response


def gzipped(response: Response) -> Response:
    """Compress a long response if the caller accepts gzip."""
    if (response.content_length or 0) < MIN_GZIP_BYTES or not request.accept_encodings.quality("gzip"):
        return response
    response.set_data(gzip.compress(response.get_data(), 5, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    if (tag := response.headers.get("ETag")) and not tag.startswith("W/"):
        response.headers["ETag"] = f"W/{tag}"  # Equivalent content in different bytes (RFC 9110, 8.8.1).
    return response
