"""What goes out: JSON written by the schemas themselves, straight to bytes."""

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
    """A JSON response.

    Args:
        body: what to say; its schema is what the OpenAPI document promises.
        headers: further header fields.
    """
    return json_bytes_response(body.model_dump_json().encode(), status, headers)


def json_response_once(body: BaseModel, secret: str, status: int = 201) -> Response:
    """A JSON response with a secret that is told once: a repeated call (`Idempotency-Key`) finds null in its place."""
    g.kept_body = body.model_copy(update={secret: None}).model_dump_json().encode()
    return json_response(body, status)


def json_bytes_response(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The same where the JSON is written already."""
    return Response(body, status, headers=dict(headers or {}), content_type="application/json")


def json_page_response(rows: bytes, following: str | None, previous: str | None) -> Response:
    """A page of a list: its rows as a JSON array, and the cursors of the pages beside it."""
    urls = neighbour(following), neighbour(previous)
    ends = b',"next":%b,"previous":%b}' % tuple(map(orjson.dumps, urls))
    return json_bytes_response(b'{"results":' + rows + ends, headers=links(*urls))


def with_etag(response: Response, tag: str = "") -> Response:
    """Give an answer an ETag, and answer 304 where the caller has it already (RFC 9110, 13.1.2)."""
    response.headers["ETag"] = quote_etag(tag or generate_etag(response.get_data()))
    if "If-None-Match" in request.headers:
        response.make_conditional(request)
    return response


def gzipped(response: Response) -> Response:
    """Gzip a long answer for whoever takes it."""
    if (response.content_length or 0) < MIN_GZIP_BYTES or not request.accept_encodings.quality("gzip"):
        return response
    response.set_data(gzip.compress(response.get_data(), 5, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    if (tag := response.headers.get("ETag")) and not tag.startswith("W/"):
        response.headers["ETag"] = f"W/{tag}"  # The same meaning in other bytes (RFC 9110, 8.8.1).
    return response


def neighbour(cursor: str | None) -> str | None:
    """The complete address of the page at a cursor of the list that was asked for; None when there is none."""
    if cursor is None:
        return None
    arguments = urlencode(request.args.to_dict(flat=False) | {"cursor": [cursor]}, doseq=True)
    # Behind a proxy the request does not know by which name it was reached; BASE_URL does.
    return f"{current_app.config['BASE_URL']}{request.script_root}{request.path}?{arguments}"


def neighbours(following: int | None, previous: int | None) -> tuple[str | None, str | None]:
    """The same of both pages beside a list whose pages are found by a row's number; see `Paged`."""
    return (
        neighbour(f"n{following}" if following else None),
        neighbour(f"p{previous}" if previous else None),
    )


def short_json_response(
    schema: type[BaseModel], rows: Sequence[Any], query: Paged, show: Callable[[Any], Any] = lambda row: row
) -> Response:
    """A page of a list that is short enough to be read whole, in the list's own order.

    Args:
        schema: of the page.
        show: makes of a row what the schema takes.
    Raises:
        Invalid: the row that the cursor stands at is no longer there.
    """
    at, limit = query.next_from or query.previous_from, query.limit
    place = next((place for place, row in enumerate(rows) if row.id == at), None)
    if at is not None and place is None:
        raise Invalid({"cursor": _("The list has changed. Start again from its first page.")})
    if place is None:
        start, end = 0, limit
    else:
        start, end = (place + 1, place + 1 + limit) if query.next_from else (max(place - limit, 0), place)
    some = rows[start:end]
    urls = neighbours(
        some[-1].id if some and end < len(rows) else None, some[0].id if some and start else None
    )
    results = {"results": [show(row) for row in some], "next": urls[0], "previous": urls[1]}
    return json_response(schema.model_validate(results), headers=links(*urls))


def links(following: str | None, previous: str | None) -> dict[str, str]:
    """The same two addresses as a `Link` header (RFC 8288)."""
    found = [f'<{url}>; rel="{name}"' for name, url in (("next", following), ("prev", previous)) if url]
    return {"Link": ", ".join(found)} if found else {}
