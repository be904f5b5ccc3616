"""A mail server that accepts everything, and baselines of sending to it."""

from __future__ import annotations

import os
import shutil
import smtplib
import socket
import subprocess
import sys
import time
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from pathlib import Path

from bench.rounds import RUN, free_port, scratch_folder, start_server
from bench.tables import KEPT

# Where postfix cannot be downloaded. It keeps up with one client that waits for each reply.
SINK = """
import socketserver, sys

class Session(socketserver.StreamRequestHandler):
    def handle(self):
        reply = lambda text: (self.wfile.write(text + b"\\r\\n"), self.wfile.flush())
        reply(b"220 sink")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                reply(b"250-sink\\r\\n250-PIPELINING\\r\\n250 8BITMIME")
            elif verb == b"DATA":
                reply(b"354 go on")
                while self.rfile.readline() != b".\\r\\n":
                    pass
                reply(b"250 accepted")
            elif verb == b"QUIT":
                return reply(b"221 bye")
            else:
                reply(b"250 ok")

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True

Server(("127.0.0.1", int(sys.argv[1])), Session).serve_forever()
"""


@cache
def mail_server() -> int:
    """Start postfix's smtp-sink, or a substitute, in a process of its own; returns its port."""
    port = free_port()
    sink = _smtp_sink()
    if sink is None:
        command, settings = [sys.executable, "-c", SINK, str(port)], {}
    else:
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = [str(sink), *user, f"127.0.0.1:{port}", "100"]
        settings = {"LD_LIBRARY_PATH": str(sink.parents[1] / "lib" / "postfix")}
    start_server(RUN, command, port, settings)
    return port


def _smtp_sink() -> Path | None:
    """Find smtp-sink, written in C; unpack it from Debian's package, which is not installed."""
    folder = KEPT / "postfix"
    found = folder / "usr" / "sbin" / "smtp-sink"
    if not found.exists() and shutil.which("apt-get") and shutil.which("dpkg"):
        KEPT.mkdir(exist_ok=True)
        with scratch_folder() as download:
            got = subprocess.run(
                ["apt-get", "-qq", "download", "postfix"], cwd=download, capture_output=True, check=False
            )
            for package in download.glob("postfix_*.deb") if got.returncode == 0 else ():
                subprocess.run(["dpkg", "-x", package, folder], check=True)
    return found if found.exists() else None


def prepared_email(size: int = 11_000) -> bytes:
    """Build an email of about this many bytes, by default as many as ours have."""
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "News", "a@example.test", "b@example.test"
    line = "Interview Scheduled for Priya Raman.\n"
    message.set_content(line * (size // len(line)))
    return message.as_bytes(policy=SMTP)


def send_prepared(port: int, count: int, ready: bytes | None = None) -> float:
    """Send prepared bytes on one connection; returns emails per second."""
    ready = ready or prepared_email()
    started = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as client:
        for _ in range(count):
            client.sendmail("a@example.test", ["b@example.test"], ready)
    return count / (time.perf_counter() - started)


def send_pipelined(port: int, count: int) -> float:
    """Send prepared bytes with PIPELINING (RFC 2920); returns emails per second."""
    body = prepared_email() + b".\r\n"
    envelope = b"MAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n"
    started = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as replies:
        replies.readline()
        connection.sendall(b"EHLO localhost\r\n")
        while replies.readline()[3:4] == b"-":
            pass
        connection.sendall(envelope)
        for number in range(count):
            for _command in range(3):
                replies.readline()
            # The next envelope travels with this body.
            connection.sendall(body + (envelope if number + 1 < count else b"QUIT\r\n"))
            if not replies.readline().startswith(b"250"):
                raise RuntimeError("The mail server refused an email")
    return count / (time.perf_counter() - started)
