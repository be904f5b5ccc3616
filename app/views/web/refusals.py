"""Records refused requests in the audit log: no access, another site's form, a token that does not work, a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, Response, g, request

from app.services.base import refusals

if TYPE_CHECKING:
    from app.models import User


def register(app: Flask) -> None:
    """Look at the status of every response, of pages and of the API."""
    app.after_request(_record)


def _record(response: Response) -> Response:
    action = _action(response.status_code)
    if action:
        # The rule instead of the path, which may contain a link's secret.
        rule = request.url_rule.rule if request.url_rule else ""
        refusals.record(action, f"{request.method} {rule}", actor=_actor(), origin=request.remote_addr or "")
    return response


def _action(status: int) -> str:
    if status < 400:
        return ""
    if "refusal" in g:  # Set by the handlers of CSRF errors.
        return str(g.refusal)
    if status == 403:
        return "access.forbidden"
    if status == 429:
        return "limit.reached"
    if status == 401 and "Authorization" in request.headers:
        return "token.refused"
    return ""


def _actor() -> User | None:
    if "caller" in g:
        user: User = g.caller.user
        return user
    return g.signed_in.user if g.get("signed_in") else None
