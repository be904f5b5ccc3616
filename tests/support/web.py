"""A real HTTP server on the loopback interface that sends scripted replies and records its calls.

def test_busy(web_server):
    web_server.answers.append(Reply(429, headers={"Retry-After": "7"}))
    … post to web_server.url …
    assert web_server.calls[0].path == "/hook"
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Reply:
    """The reply to one request, sent `after` some seconds.

    `raw` replaces the complete reply. With `drips` the server sends single bytes without end.
    """

    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0
    raw: bytes | None = None
    drips: bool = False


@dataclass
class Call:
    path: str
    headers: dict[str, str]
    body: bytes


class WebServer:
    """Replies with `answers` in their order, then with what `respond` returns; without it, with `usual`."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: list[Reply] = []
        self.usual = Reply()
        self.respond: Callable[[Call], Reply] | None = None
        self.closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                call = Call(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                server.calls.append(call)
                server._answer(self, call)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_args: Any) -> None:
                """Log nothing; tests read `calls`."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler, call: Call) -> None:
        usual = self.respond(call) if self.respond and not self.answers else self.usual
        reply = self.answers.pop(0) if self.answers else usual
        self.closing.wait(reply.after)
        try:
            if reply.drips:
                # Each wait for a byte is short, but the response never ends.
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
                while not self.closing.wait(0.05):
                    handler.wfile.write(b"x")
            elif reply.raw is not None:
                handler.wfile.write(reply.raw)
                handler.close_connection = True
            else:
                handler.send_response(reply.status)
                for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                    handler.send_header(name, value)
                handler.end_headers()
                handler.wfile.write(reply.body)
        except OSError:
            pass  # The client closed the connection first.


@pytest.fixture
def web_server() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.close()
