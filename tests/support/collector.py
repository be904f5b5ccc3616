"""A stand-in on loopback for Sentry and for a collector of OpenTelemetry, which keeps what it gets."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Collector(ThreadingHTTPServer):
    """Everything that was sent, by path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[tuple[str, bytes]] = []

    @property
    def settings(self) -> dict[str, str]:
        """The settings that make Bellhop send here."""
        host = f"127.0.0.1:{self.server_port}"
        return {"SENTRY_DSN": f"http://key@{host}/1", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{host}"}

    def envelopes(self) -> str:
        """What Sentry got."""
        return "\n".join(body.decode() for path, body in self.bodies if path == "/api/1/envelope/")

    def spans(self) -> list[tuple[str, dict[str, Any]]]:
        """The name and the attributes of each span, with those of its process, its `trace` and whether it `failed`."""
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        found = []
        for path, body in self.bodies:
            if path != "/v1/traces":
                continue
            for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                for span in (span for scope in group.scope_spans for span in scope.spans):
                    pairs = [*group.resource.attributes, *span.attributes]
                    values = {pair.key: pair.value.string_value or pair.value.int_value for pair in pairs}
                    more = {"trace": span.trace_id.hex(), "failed": span.status.code == 2}
                    found.append((span.name, values | more))
        return found


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:  # The name in `http.server`.
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.bodies.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Stay quiet."""


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector while the block runs."""
    with Collector() as collector:
        Thread(target=collector.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield collector
        finally:
            collector.shutdown()
