"""Errors to Sentry and traces to a collector of OpenTelemetry, where settings ask for them.

Each process starts this for itself after the fork: both libraries send from a thread. Nothing about a request is
sent but its rule, method, status and id. A path may hold the token of a link, and a query names people.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, current_app, g, request, request_finished, request_started

from app import request_ids
from app.logs import hide_tokens

# Seconds for one call of the collector, and for the last errors when a process stops.
TIMEOUT = 2


def start(app: Flask, role: str) -> None:
    """Begin to report what this process does.

    Args:
        role: `serve`, `worker` or `scheduler`; an attribute of everything that is sent.
    """
    if app.config["SENTRY_DSN"]:
        _start_sentry(app.config["SENTRY_DSN"], role)
    if app.config["OTEL_EXPORTER_OTLP_ENDPOINT"]:
        app.extensions["traces"] = _Traces(app.config["OTEL_EXPORTER_OTLP_ENDPOINT"], role)
        request_started.connect(_begin_request, app)
        request_finished.connect(_end_request, app)


def stop(app: Flask) -> None:
    """Send what is left, within a few seconds."""
    if traces := app.extensions.pop("traces", None):
        traces.stop()
    if app.config["SENTRY_DSN"]:
        import sentry_sdk

        sentry_sdk.flush(TIMEOUT)


def record(
    name: str, began_at: int, *, failed: bool = False, attributes: Mapping[str, str | int] | None = None
) -> None:
    """Record a piece of work of this application that ends now.

    Args:
        began_at: nanoseconds of Unix time.
    """
    if traces := current_app.extensions.get("traces"):
        traces.record(name, began_at, failed=failed, attributes=attributes or {})


def _start_sentry(dsn: str, role: str) -> None:
    import sentry_sdk
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=dsn,
        # Each failure of a request, task or job is logged as an error. The integrations of frameworks would add
        # paths, bodies and the arguments of tasks.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration(level=None, event_level=logging.ERROR)],
        send_default_pii=False,
        include_local_variables=False,
        max_breadcrumbs=0,
        before_send=_before_send,
        shutdown_timeout=TIMEOUT,
    )
    sentry_sdk.set_tag("role", role)


def _before_send(event: Any, _hint: Any) -> Any:
    if ids := request_ids.current():
        event.setdefault("tags", {})["request_id"] = ids
    return _hide(event)


def _hide(value: Any) -> Any:
    """Hide the tokens of links in every text of an event."""
    if isinstance(value, str):
        return hide_tokens(value)
    if isinstance(value, dict):
        return {key: _hide(each) for key, each in value.items()}
    return [_hide(each) for each in value] if isinstance(value, (list, tuple)) else value


class _Traces:
    """Sends spans in batches from a thread of its own."""

    def __init__(self, endpoint: str, role: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        name = os.environ.get("OTEL_SERVICE_NAME", "bellhop")
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": name, "bellhop.role": role})
        )
        exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=TIMEOUT)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("bellhop")

    def record(
        self,
        name: str,
        began_at: int,
        *,
        failed: bool,
        attributes: Mapping[str, str | int],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Record a span; with the headers of a request, as a part of the caller's trace."""
        from opentelemetry.trace import SpanKind, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        given = {} if headers is None else {key.lower(): value for key, value in headers.items()}
        span = self._tracer.start_span(
            name,
            context=TraceContextTextMapPropagator().extract(given),
            kind=SpanKind.INTERNAL if headers is None else SpanKind.SERVER,
            attributes={**attributes, "bellhop.request_id": request_ids.current()},
            start_time=began_at,
        )
        if failed:
            span.set_status(StatusCode.ERROR)
        span.end()

    def stop(self) -> None:
        self._provider.shutdown()


def _begin_request(_app: Flask, **_more: Any) -> None:
    g.began_at = time.time_ns()


def _end_request(app: Flask, response: Response, **_more: Any) -> None:
    traces = app.extensions.get("traces")
    if traces is None:
        return
    attributes: dict[str, str | int] = {"http.response.status_code": response.status_code}
    name = "No route"
    if rule := request.url_rule:
        name = f"{request.method} {rule}"
        attributes |= {"http.request.method": request.method, "http.route": str(rule)}
    failed = response.status_code >= 500
    traces.record(name, g.began_at, failed=failed, attributes=attributes, headers=request.headers)
