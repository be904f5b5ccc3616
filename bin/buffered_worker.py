"""A gunicorn worker whose threads never wait for a client.

gunicorn's own `gthread` worker gives a connection a thread as soon as its first byte arrives, so a few hundred clients
that send or read slowly stop the server. Here one poller per process collects each request completely, with a time
limit, and sends what a client does not take at once. A thread runs the application and nothing else. An event stream
leaves its thread too: the application hands over the source of its messages (`ResponseSocket.hand_over`), and the
poller sends them. Any other response of unknown length holds a thread while it is sent.

A connection is `idle`, then collects a `head` and a `body`, is `working` in a thread, is `sending` or `streaming`, and
is `idle` again or `closing`.
"""

from __future__ import annotations

import errno
import io
import ipaddress
import re
import select
import selectors
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from gunicorn import util
from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import (
    ConfigurationProblem,
    InvalidChunkSize,
    InvalidHeader,
    LimitRequestHeaders,
    NoMoreData,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

# A head, and the first part of a body or a response, may take this long. The rest must move at least this fast.
GRACE_SECONDS, MIN_BYTES_PER_SECOND = 10.0, 4_000
HEAD_LIMIT = 64 * 1024
# MAX_CONTENT_LENGTH of config.py. A longer body is not collected: the application refuses it unread.
BODY_LIMIT = 2 * 1024 * 1024
# Chunks of one byte are six times as long on the wire.
CHUNKED_LIMIT = 4 * BODY_LIMIT
CHUNK_LINE_LIMIT = 8190
# Requests of all connections that are not complete yet.
MEMORY_LIMIT = 128 * 1024 * 1024
# A stream whose reader is this far behind waits for it.
PENDING_LIMIT = 64 * 1024
# How long a closed connection may take to read its last response (RFC 9112, 9.6).
LINGER_SECONDS = 2.0
# How often connections are compared with their deadlines, and how many are accepted before others get their turn.
LOOK_EVERY, ACCEPT_AT_ONCE = 0.25, 16
# Open connections from one address. A browser has six, and many people may share an address.
MAX_PER_ADDRESS = 400
# The application is busy with these; the others wait for their client and can be closed.
BUSY = frozenset({"working", "streaming", "closed"})


class Messages(Protocol):
    """The source of an event stream's messages, as `EventStream` in app/views/stream.py."""

    # When `take` has something to send even if nothing happens, on the monotonic clock.
    due_at: float

    def set_callback(self, call: Callable[[], None]) -> None:
        """Set what is called, in any thread, when `take` has something to send."""

    def take(self) -> bytes | None:
        """Return the message to send now, b"" if there is none, or None when the stream is over."""

    def close(self) -> None:
        """Note that the stream has ended."""


class ClientTooSlow(ConnectionResetError):
    """A client did not take its response in time; handled like one that hung up."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the client reads too slowly")


class ResponseSocket:
    """The socket that gunicorn writes a response to: sends what the client takes at once and keeps the rest."""

    def __init__(self, raw: socket.socket) -> None:
        self.raw = raw
        self.pending = bytearray()
        self.messages: Messages | None = None
        self.end = b""

    def hand_over(self, messages: Messages) -> None:
        """Let the poller send the rest of the response once the thread has returned."""
        self.messages, self.end = messages, b""

    def send_message(self, message: bytes) -> None:
        """Send a message of an event stream. Raises ClientTooSlow if the client has not taken the earlier ones."""
        if self.end:  # The response is chunked.
            message = b"%X\r\n%b\r\n" % (len(message), message)
        if self.pending or self._send(message) < len(message):
            raise ClientTooSlow

    def end_stream(self) -> None:
        """End the response to which the messages belong."""
        self.messages.close()
        self.messages = None
        self.sendall(self.end)

    def sendall(self, data: bytes) -> None:
        """Send without waiting, unless the client is far behind already."""
        if self.messages:  # gunicorn's end of the response, which is sent when the stream is over.
            self.end = data
            return
        if len(self.pending) > PENDING_LIMIT:
            self._wait_for_reader()
        sent = 0 if self.pending else self._send(data)
        self.pending += memoryview(data)[sent:]

    send = sendall

    def flush(self) -> int:
        """Send what the client takes now; returns how many bytes that was."""
        sent = self._send(self.pending)
        del self.pending[:sent]
        return sent

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return self.raw.send(data)
        except BlockingIOError:
            return 0

    def _wait_for_reader(self) -> None:
        started, sent = time.monotonic(), 0
        poll = select.poll()
        poll.register(self.raw, select.POLLOUT)
        while self.pending:
            left = started + GRACE_SECONDS + sent / MIN_BYTES_PER_SECOND - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise ClientTooSlow
            sent += self.flush()

    # gunicorn sets the mode of its sockets; this one never blocks.
    def setblocking(self, _flag: bool) -> None:
        pass

    def settimeout(self, _seconds: float | None) -> None:
        pass

    def gettimeout(self) -> float:
        return 0.0

    def shutdown(self, _how: int) -> None:
        pass

    def close(self) -> None:
        """Do nothing: the poller closes the connection when its response is sent."""


class ChunkScanner:
    """Finds the end of a chunked body (RFC 9112, 7.1) while it arrives. gunicorn decodes it when it is complete."""

    def __init__(self) -> None:
        self._at, self._announced, self._is_in_trailers = 0, 0, False

    def find_end(self, buffer: bytearray) -> int | None:
        """Return where the body ends, or None if more of it must come.

        Raises:
            InvalidChunkSize: the framing is broken.
            LimitRequestHeaders: the trailers are too long.
        """
        while not self._is_in_trailers:
            line_end = buffer.find(b"\r\n", self._at, self._at + CHUNK_LINE_LIMIT)
            if line_end < 0:
                if len(buffer) - self._at >= CHUNK_LINE_LIMIT or b"\n" in buffer[self._at :]:
                    raise InvalidChunkSize(b"the line does not end")
                return None
            text = bytes(buffer[self._at : line_end]).partition(b";")[0].rstrip(b" \t")
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", text):
                raise InvalidChunkSize(text[:20])
            size = int(text, 16)
            self._is_in_trailers = size == 0
            self._announced += size
            # The trailers begin with the end of this line: without any, an empty line follows at once.
            self._at = line_end if size == 0 else line_end + 2 + size + 2
        end = buffer.find(b"\r\n\r\n", self._at)
        if end < 0 and len(buffer) - self._at > HEAD_LIMIT:
            raise LimitRequestHeaders("limit request trailer section size")
        return end + 4 if end >= 0 else None

    def received(self, buffer: bytearray) -> int:
        """Return how many decoded bytes the buffer holds."""
        return self._announced - max(0, self._at - 2 - len(buffer))


class Connection(TConn):
    """A connection and the request that it collects."""

    def __init__(self, cfg, raw: socket.socket, client, server, address: str | None) -> None:
        super().__init__(cfg, raw, client, server)
        self.raw, self.sock = raw, ResponseSocket(raw)
        self.address = address
        # What gunicorn looks at before it asks `parser`, which is this object, for the next request.
        self.parser, self.initialized, self.data_ready = self, True, True
        self.state, self.since, self.events = "idle", time.monotonic(), 0
        self.deadline = self.since + GRACE_SECONDS
        self.buffer = bytearray()
        self.request: Request | None = None
        self.scanner: ChunkScanner | None = None
        self.body = b""
        self.count = self.moved = 0
        self.is_kept = False

    def enter(self, state: str, seconds: float = GRACE_SECONDS) -> None:
        """Change the state, which may last so long."""
        self.state, self.since, self.moved = state, time.monotonic(), 0
        self.deadline = self.since + seconds

    def progress(self, count: int) -> None:
        """Move the deadline on: so many bytes of a body or a response have passed."""
        self.moved += count
        self.deadline = self.since + GRACE_SECONDS + self.moved / MIN_BYTES_PER_SECOND

    def __next__(self) -> Request:
        """Return the collected request. Raises what gunicorn answers with 400: the chunks cannot be decoded."""
        request, body = self.request, self.body
        self.request, self.body, self.scanner = None, b"", None
        if isinstance(request.body.reader, ChunkedReader):
            request.unreader.unread(body)
            body = request.body.read(BODY_LIMIT + 1)
        request.body = io.BytesIO(body)
        return request

    def finish_body(self, deadline: float | None = None) -> bool:
        """Report that no part of the body is left on the socket: it was collected, or the connection ends."""
        return True


class BufferedWorker(ThreadWorker):
    """Collects requests and sends responses in the poller; see the module."""

    # Off where a trusted proxy is the only client, because every request has its address.
    limits_addresses = True

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.connections: set[Connection] = set()
        self.per_address: Counter[str] = Counter()
        self.buffered = 0
        # Streams that have something to send.
        self.ready_streams: deque[Connection] = deque()
        self.is_send_scheduled = False
        self.is_stopping = False
        self.looked_at = 0.0

    def on_stop(self) -> None:
        """End what would keep the process from stopping; `bin/gunicorn.conf.py` replaces this."""

    def run(self) -> None:
        """Serve until told to stop, then finish what is at hand."""
        if self.cfg.is_ssl:  # gunicorn's own: a proxy in front is the documented way to TLS.
            super().run()
            self.is_stopping = True
            self.on_stop()
            return
        self.poller.register(
            self.method_queue.fileno(), selectors.EVENT_READ, self.method_queue.run_callbacks
        )
        self.set_accept_enabled(True)
        while self.alive and self.is_parent_alive():
            self._poll(1.0)
        self.alive, self.is_stopping = False, True
        self.set_accept_enabled(False)
        for each in self.connections:
            if each.state == "idle":
                each.deadline = min(each.deadline, time.monotonic() + STOP_KEEPALIVE_LINGER)
        stopping = threading.Thread(target=self.on_stop, name="stop", daemon=True)
        stopping.start()
        # A second less than the master allows.
        until = time.monotonic() + self.cfg.graceful_timeout - 1
        while (self.connections or stopping.is_alive()) and time.monotonic() < until:
            self._poll(0.1)
        self.tpool.shutdown(wait=False)
        for each in list(self.connections):
            self._close(each)

    def _poll(self, seconds: float) -> None:
        self.wait_for_and_dispatch_events(seconds)
        if time.monotonic() - self.looked_at > LOOK_EVERY:
            self.looked_at = time.monotonic()
            self.notify()
            self._end_overdue()

    # Accepting

    def accept(self, listener) -> None:
        """Accept what has connected."""
        if self.cfg.is_ssl:
            super().accept(listener)
            return
        for _number in range(ACCEPT_AT_ONCE):
            try:
                raw, client = listener.accept()
            except OSError as error:
                if error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}:
                    self._make_room(self.connections)
                return
            self._add(Connection(self.cfg, raw, client, listener.getsockname(), self._address(client)))

    def _add(self, conn: Connection) -> None:
        """Take up a connection; another that has waited longest for its client makes room if necessary."""
        if conn.address and self.per_address[conn.address] >= MAX_PER_ADDRESS:
            self._make_room(other for other in self.connections if other.address == conn.address)
        if len(self.connections) >= self.worker_connections:
            self._make_room(self.connections)
        self.connections.add(conn)
        self.nr_conns = len(self.connections)
        if conn.address:
            self.per_address[conn.address] += 1
            if self.per_address[conn.address] > MAX_PER_ADDRESS:
                self._close(conn)  # All the others are being answered.
        self._guarded(conn, self._receive)

    def _address(self, client) -> str | None:
        """Return what an address is counted under: an IPv6 network, or None for what is never limited."""
        from app.services.base.networks import network_of  # here, not above: the settings are checked first

        if not self.limits_addresses or not isinstance(client, tuple):
            return None
        address = ipaddress.ip_address(client[0].partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        if address.is_loopback:
            return None  # A proxy on this machine.
        return network_of(str(address))

    def _make_room(self, candidates) -> None:
        """Close the connection that has been slow for longest, or the one that has been idle for longest."""
        waiting = [each for each in candidates if each.state not in BUSY]
        if waiting:
            self._close(min(waiting, key=lambda each: (each.state == "idle" and each.count > 0, each.since)))

    # Collecting a request

    def _receive(self, conn: Connection) -> None:
        try:
            data = conn.raw.recv(65536)
        except BlockingIOError:
            self._watch(conn, selectors.EVENT_READ)
            return
        if conn.state == "closing":
            if not data:
                self._close(conn)
            return
        if not data:
            self._close(conn)
            return
        if conn.state == "idle":
            conn.enter("head")
        conn.buffer += data
        self.buffered += len(data)
        if conn.state == "streaming":  # A pipelined request, which browsers do not send.
            if len(conn.buffer) > HEAD_LIMIT:
                self._close(conn)
            return
        if conn.state == "body":
            conn.progress(len(data))
        if self.buffered > MEMORY_LIMIT:
            self._refuse_with(conn, 503, "Service Unavailable")
        else:
            self._advance(conn)

    def _advance(self, conn: Connection) -> None:
        """Hand the request to a thread if it is complete; wait for more otherwise."""
        try:
            if conn.request is None and _can_judge_head(conn.buffer, self.cfg.limit_request_line):
                self._read_head(conn)
            is_complete = conn.request is not None and self._has_body(conn)
        except (ParseException, NoMoreData) as error:
            self._refuse(conn, error)
            return
        if conn.state == "closing":
            return
        if not is_complete:
            self._watch(conn, selectors.EVENT_READ)
            return
        self._watch(conn, 0)
        conn.enter("working")
        conn.count += 1
        self.enqueue_req(conn)

    def _read_head(self, conn: Connection) -> None:
        unreader = IterUnreader([bytes(conn.buffer)])
        request = Request(self.cfg, unreader, conn.client, conn.count + 1)
        self._set_buffer(conn, unreader.take_buffered())
        conn.request = request
        conn.enter("body")
        if isinstance(request.body.reader, ChunkedReader):
            conn.scanner = ChunkScanner()

    def _has_body(self, conn: Connection) -> bool:
        """Whether the body is complete, which is then taken out of the buffer."""
        request, buffer = conn.request, conn.buffer
        if conn.scanner:
            end = conn.scanner.find_end(buffer)
            if conn.scanner.received(buffer) > BODY_LIMIT:
                request.force_close()
                end = len(buffer)
            elif len(buffer) > CHUNKED_LIMIT:
                self._refuse_with(conn, 413, "Content Too Large")
                return False
        else:
            end = request.body.reader.length
            if end > BODY_LIMIT:
                request.force_close()
                end = 0
            elif end > len(buffer):
                end = None
        if end is None:
            if request._expected_100_continue:
                request._expected_100_continue = False
                conn.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            return False
        # Only a body that is waited for needs the invitation, and one that is too long must not get it.
        request._expected_100_continue = False
        conn.body = bytes(buffer[:end])
        self._set_buffer(conn, buffer[end:])
        return True

    def _set_buffer(self, conn: Connection, data: bytes | bytearray) -> None:
        self.buffered += len(data) - len(conn.buffer)
        conn.buffer = bytearray(data)

    # Responding

    def finish_request(self, conn: Connection, future) -> None:
        """Send the rest of a response. Called in the poller when a thread is done."""
        if not isinstance(conn, Connection):
            super().finish_request(conn, future)
            return
        conn.is_kept = not future.cancelled() and future.exception() is None and bool(future.result())
        if conn.state == "working":
            conn.enter("sending")
            self._guarded(conn, self._stream if conn.sock.messages else self._send)

    def _stream(self, conn: Connection) -> None:
        """Begin to send messages. The client is signed in, so the limit by address no longer applies."""
        conn.enter("streaming")
        self._uncount_address(conn)
        self._watch(conn, selectors.EVENT_READ)  # To notice a client that hangs up.
        conn.sock.messages.set_callback(partial(self._mark_ready, conn))
        self._send_message(conn)

    def _mark_ready(self, conn: Connection) -> None:
        """Schedule the next message of a stream. Called in any thread."""
        self.ready_streams.append(conn)
        if not self.is_send_scheduled:  # One call of the poller is enough for all of them.
            self.is_send_scheduled = True
            self.method_queue.defer(self._send_ready_streams)

    def _send_ready_streams(self) -> None:
        self.is_send_scheduled = False
        while self.ready_streams:
            self._guarded(self.ready_streams.popleft(), self._send_message)

    def _send_message(self, conn: Connection) -> None:
        if conn.state != "streaming":
            return
        messages = conn.sock.messages
        message = messages.take()
        if message:
            conn.sock.send_message(message)
        if message is None:
            conn.enter("sending")
            conn.sock.end_stream()
            self._send(conn)
        else:
            conn.deadline = messages.due_at

    def _send(self, conn: Connection) -> None:
        if conn.sock.pending:
            conn.progress(conn.sock.flush())
        if conn.sock.pending:
            self._watch(conn, selectors.EVENT_WRITE)
        elif not conn.is_kept:
            self._hang_up(conn)
        else:
            conn.enter("idle", self.cfg.keepalive if self.alive else STOP_KEEPALIVE_LINGER)
            if conn.buffer:  # The client did not wait for the response before it sent the next request.
                conn.enter("head")
                self._advance(conn)
            else:
                self._watch(conn, selectors.EVENT_READ)

    def handle_error(self, req, client, addr, exc) -> None:
        """Respond to what the HTTP layer refuses. It is the client's fault, so it is never a 5xx."""
        if isinstance(exc, UnsupportedTransferCoding | ConfigurationProblem | NoMoreData):
            exc = InvalidHeader(str(exc))
        super().handle_error(req, client, addr, exc)

    def _refuse(self, conn: Connection, error: Exception) -> None:
        self.handle_error(None, conn.sock, conn.client, error)
        self._send_last(conn)

    def _refuse_with(self, conn: Connection, status: int, reason: str) -> None:
        util.write_error(conn.sock, status, reason, "")
        self._send_last(conn)

    def _send_last(self, conn: Connection) -> None:
        self._set_buffer(conn, b"")
        conn.request, conn.is_kept = None, False
        conn.sock.flush()  # A client that was refused gets what fits; it does not get time as well.
        self._hang_up(conn)

    # Closing

    def _hang_up(self, conn: Connection) -> None:
        """Close after the client has: what it still sends would otherwise destroy its last response."""
        conn.enter("closing", LINGER_SECONDS)
        self._set_buffer(conn, b"")
        conn.raw.shutdown(socket.SHUT_WR)
        self._watch(conn, selectors.EVENT_READ)

    def _close(self, conn: Connection) -> None:
        if conn.state == "closed":
            return
        self._set_buffer(conn, b"")
        self._watch(conn, 0)
        conn.state = "closed"
        conn.raw.close()
        if conn.sock.messages:
            conn.sock.messages.close()
        self.connections.discard(conn)
        self.nr_conns = len(self.connections)
        self._uncount_address(conn)

    def _uncount_address(self, conn: Connection) -> None:
        if conn.address:
            self.per_address[conn.address] -= 1
            if not self.per_address[conn.address]:
                del self.per_address[conn.address]
        conn.address = None

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for conn in [each for each in self.connections if each.deadline < now]:
            if conn.state == "streaming":
                self._guarded(conn, self._send_message)
            elif conn.state in BUSY:
                continue
            elif conn.state in {"head", "body"}:
                self._guarded(conn, partial(self._refuse_with, status=408, reason="Request Timeout"))
            elif conn.state == "idle" and conn.count and self.alive:
                self._guarded(conn, self._end_idle)
            else:
                self._close(conn)

    def _end_idle(self, conn: Connection) -> None:
        """Close a kept connection, unless the next request has just arrived on it."""
        try:
            conn.raw.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            self._close(conn)
        else:
            self._receive(conn)

    # The poller

    def _watch(self, conn: Connection, events: int) -> None:
        if events == conn.events:
            return
        act = {selectors.EVENT_READ: self._receive, selectors.EVENT_WRITE: self._send}.get(events)
        if not events:
            self.poller.unregister(conn.raw)
        elif conn.events:
            self.poller.modify(conn.raw, events, lambda _raw: self._guarded(conn, act))
        else:
            self.poller.register(conn.raw, events, lambda _raw: self._guarded(conn, act))
        conn.events = events

    def _guarded(self, conn: Connection, act) -> None:
        """Act on a connection; what goes wrong ends this one and not the poller."""
        if conn.state == "closed":
            return
        try:
            act(conn)
        except OSError:  # The client hung up.
            self._close(conn)
        except Exception:
            self.log.exception("A connection was closed because of an error")
            self._close(conn)


def _can_judge_head(buffer: bytearray, line_limit: int) -> bool:
    """Whether the head is complete, or is certain to be refused.

    Raises:
        LimitRequestHeaders: it is too long.
    """
    end = buffer.find(b"\r\n\r\n")
    if end > HEAD_LIMIT or (end < 0 and len(buffer) > HEAD_LIMIT):
        raise LimitRequestHeaders("limit request headers size")
    if end >= 0:
        return True
    # A line that ends with a bare LF is refused, and so is a request line that is too long.
    has_bare_newline = buffer.count(b"\n") != buffer.count(b"\r\n")
    return has_bare_newline or (len(buffer) - 2 > line_limit and b"\r\n" not in buffer)
