"""Health checks and metrics for load balancers, supervisors and Prometheus."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from sqlalchemy.exc import SQLAlchemyError

from app.clock import utc_now
from app.services.base import outages
from app.services.operations import health, metrics

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def alive() -> Response:
    return _uncached(jsonify(status="ok"))


@bp.get("/readyz")
def ready() -> Response:
    found = health.readiness()
    body = {"status": "ok" if found.is_ready else "not ready"}
    if found.detail:
        body["detail"] = found.detail
    elif late := health.schedule_problem(current_app.extensions["schedule"], utc_now()):
        # Pages work all the same, so no load balancer should turn away from this process.
        body |= {"schedule": "late", "detail": late}
    elif trouble := health.broker_problem(utc_now()):
        body["broker"], body["detail"] = trouble
    response = jsonify(body)
    response.status_code = 200 if found.is_ready else 503
    return _uncached(response)


@bp.get("/metrics")
def show_metrics() -> Response:
    streams = current_app.extensions["broadcaster"].count
    page = metrics.render_metrics(current_app.extensions["schedule"], streams)
    return _uncached(Response(page, content_type=CONTENT_TYPE_PLAIN_0_0_4))


@bp.errorhandler(SQLAlchemyError)
def database_error(error: SQLAlchemyError) -> Response:
    """Tell a monitor in plain text that the database is unavailable."""
    if not outages.is_outage(error):
        raise error
    outages.report(error)
    response = Response("The database is unavailable.\n", 503, content_type="text/plain; charset=utf-8")
    response.headers["Retry-After"] = str(outages.RETRY_AFTER)
    return _uncached(response)


def _uncached(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
