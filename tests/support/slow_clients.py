"""Clients that send or read slowly, many at once, from one thread."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

HEAD = b"GET /sign-in HTTP/1.1\r\nHost: bellhop.test\r\nX-Slow: "
POST = b"POST /sign-in HTTP/1.1\r\nHost: bellhop.test\r\nContent-Type: application/x-www-form-urlencoded\r\n"
# What each kind of client sends at once, and what it then sends every second.
KINDS = {
    "connects and says nothing": (b"", b""),
    "sends its head slowly": (HEAD, b"x"),
    "sends its head in lines": (HEAD, b"x\r\nX-More: "),
    "sends its body slowly": (POST + b"Content-Length: 5000\r\n\r\n", b"x"),
    "sends its chunks slowly": (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "announces a chunk and sends nothing": (POST + b"Transfer-Encoding: chunked\r\n\r\n1000\r\n", b""),
    "waits to be invited": (POST + b"Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n", b""),
    "does not close": (b"GET /healthz HTTP/1.1\r\nHost: bellhop.test\r\nConnection: close\r\n\r\n", b""),
}


@contextmanager
def slow_clients(port: int, count: int, requests: dict[str, tuple[bytes, bytes]]) -> Iterator[None]:
    """Keep this many clients connected while the block runs: all kinds in turn; closed ones reconnect."""
    is_over = threading.Event()
    kinds = list(requests.values())
    clients: dict[int, socket.socket | None] = dict.fromkeys(range(count))

    def drive() -> None:
        while not is_over.is_set():
            started = time.monotonic()
            for number, client in list(clients.items()):
                if is_over.is_set():
                    break
                clients[number] = _push(port, client, *kinds[number % len(kinds)])
            is_over.wait(max(0.05, 1 - (time.monotonic() - started)))

    thread = threading.Thread(target=drive)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        for client in clients.values():
            if client:
                client.close()


def _push(port: int, client: socket.socket | None, first: bytes, then: bytes) -> socket.socket | None:
    with contextlib.suppress(BlockingIOError):
        try:
            if client is None:
                client = socket.socket()
                # A small window: the server cannot hand a whole response to the kernel.
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                client.settimeout(2)
                client.connect(("127.0.0.1", port))
                client.setblocking(False)
                client.send(first)
            elif then:
                client.send(then)
        except OSError as error:
            if isinstance(error, BlockingIOError):
                raise
            client.close()
            return None
    return client
