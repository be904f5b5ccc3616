"""Health checks and metrics for load balancers, supervisors and Prometheus."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from app.services.operations import health, metrics

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def alive() -> Response:
    return _uncached(jsonify(status="ok"))


@bp.get("/readyz")
def ready() -> Response:
    problem = health.readiness_problem()
    response = jsonify(status="ok") if problem is None else jsonify(status="not ready", detail=problem)
    response.status_code = 200 if problem is None else 503
    return _uncached(response)


@bp.get("/metrics")
def numbers() -> Response:
    page = metrics.render_metrics(current_app.extensions["schedule"])
    return _uncached(Response(page, content_type=CONTENT_TYPE_PLAIN_0_0_4))


def _uncached(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
