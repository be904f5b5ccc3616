"""For load balancers and supervisors: does the process live, and can it work?"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from app.services import health

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def alive() -> Response:
    return _uncached(jsonify(status="ok"))


@bp.get("/readyz")
def ready() -> Response:
    trouble = health.trouble()
    response = jsonify(status="ok") if trouble is None else jsonify(status="not ready", detail=trouble)
    response.status_code = 200 if trouble is None else 503
    return _uncached(response)


def _uncached(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
