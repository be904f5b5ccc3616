"""What goes out: JSON written by the schemas themselves, straight to bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request, url_for
from pydantic import BaseModel


def answer(body: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response.

    Args:
        body: what to say; its schema is what the OpenAPI document promises.
        headers: further header fields.
    """
    text = body.model_dump_json()
    return Response(text, status, headers=dict(headers or {}), content_type="application/json")


def neighbour(cursor: str | None) -> str | None:
    """The complete address of the page at a cursor of the list that was asked for; None when there is none."""
    if cursor is None or request.endpoint is None:
        return None
    arguments: dict[str, Any] = request.args.to_dict(flat=False) | {"cursor": [cursor]}
    return url_for(request.endpoint, _external=True, **(request.view_args or {}), **arguments)


def links(following: str | None, previous: str | None) -> dict[str, str]:
    """The same two addresses as a `Link` header (RFC 8288)."""
    found = [f'<{url}>; rel="{name}"' for name, url in (("next", following), ("prev", previous)) if url]
    return {"Link": ", ".join(found)} if found else {}
