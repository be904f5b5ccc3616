"""A mail server in a process of its own, fast enough not to limit what is measured.

    python -m tests.support.smtp_sink HOST PORT SECONDS FILE

It takes SECONDS to accept an email, and then appends a line to FILE: the time and the `Message-ID`.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
END = b"\r\n.\r\n"


class Conversation(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, seconds: float, log: IO[str]) -> None:
        self._seconds, self._log = seconds, log
        self._received = b""
        self._is_message = self._is_waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._say("220 sink")

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._continue()

    def _say(self, *lines: str) -> None:
        self._transport.write("".join(f"{line}\r\n" for line in lines).encode())

    def _continue(self) -> None:
        while not self._is_waiting:
            text, found, rest = self._received.partition(END if self._is_message else b"\r\n")
            if not found:
                return
            self._received = rest
            if self._is_message:
                self._is_message, self._is_waiting = False, True
                asyncio.get_running_loop().call_later(self._seconds, self._accept, text)
            else:
                self._obey(text[:4].upper())

    def _obey(self, command: bytes) -> None:
        if command == b"EHLO":
            self._say("250-sink", "250-PIPELINING", "250-8BITMIME", "250 SMTPUTF8")
        elif command == b"DATA":
            self._is_message = True
            self._say("354 go on")
        elif command == b"QUIT":
            self._say("221 goodbye")
            self._transport.close()
        else:
            self._say("250 OK")

    def _accept(self, text: bytes) -> None:
        """Record the email before the answer, as a mail server does."""
        start = text.lower().index(b"message-id:")
        name = text[start : text.index(b"\r\n", start)].partition(b":")[2].strip().decode()
        self._log.write(f"{time.time():.3f} {name}\n")
        self._log.flush()
        self._say("250 2.0.0 queued")
        self._is_waiting = False
        self._continue()


async def serve(host: str, port: int, seconds: float, path: Path) -> None:
    """Serve until the process is ended."""
    with path.open("a") as log:
        server = await asyncio.get_running_loop().create_server(
            lambda: Conversation(seconds, log), host, port
        )
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await server.serve_forever()


class Sink:
    """A running mail server.

    Args:
        path: the file that it appends to.
    """

    def __init__(self, host: str, port: int, path: Path) -> None:
        self.host, self.port, self._path = host, port, path

    def emails(self) -> list[tuple[float, str]]:
        """Return when each email was accepted, in seconds since the epoch, and its `Message-ID`."""
        lines = self._path.read_text().splitlines()
        return [(float(at), name) for at, name in (line.split(" ", 1) for line in lines)]

    def message_ids(self) -> Counter[str]:
        """Count the emails of each `Message-ID`."""
        return Counter(name for _at, name in self.emails())


@contextmanager
def smtp_sink(path: Path, port: int, seconds: float = 0.0, host: str = "127.0.0.1") -> Iterator[Sink]:
    """Run a mail server while the block runs."""
    command = [sys.executable, "-m", "tests.support.smtp_sink", host, str(port), str(seconds), str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout.readline() == b"ready\n"
            yield Sink(host, port, path)
        finally:
            server.kill()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])))
