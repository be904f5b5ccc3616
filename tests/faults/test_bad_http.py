"""Requests that break HTTP are the client's fault: always a 4xx, never a 500 or a traceback."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gunicorn import Server, serving

HOST = b"Host: bellhop.test\r\n"
JSON = b"Content-Type: application/json\r\n"
CHUNKED = b"POST /api/events/ HTTP/1.1\r\n" + HOST + JSON + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH = b"POST /api/events/ HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: %b\r\n\r\n{}"
BAD = {
    "a chunk size of letters": CHUNKED + b"ZZ\r\n{}\r\n0\r\n\r\n",
    "an empty chunk size": CHUNKED + b"\r\n{}\r\n0\r\n\r\n",
    "a negative chunk size": CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "a chunk size with 0x": CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
    "an endless chunk size": CHUNKED + b"f" * 9000,
    "a huge chunk size": CHUNKED + b"f" * 40 + b"\r\n",
    "a chunk that is longer than it says": CHUNKED + b"1\r\n{}\r\n0\r\n\r\n",
    "a chunk without its end": CHUNKED + b"2\r\n{}xx0\r\n\r\n",
    "a second chunk size of letters": CHUNKED + b"2\r\n{}\r\nQ\r\n\r\n",
    "a bare line feed after a chunk size": CHUNKED + b"2\n{}\n0\n\n",
    "a bad chunk extension": CHUNKED + b"2;=\x01\r\n{}\r\n0\r\n\r\n",
    "a bad trailer": CHUNKED + b"2\r\n{}\r\n0\r\nbad trailer\r\n\r\n",
    "a forbidden trailer": CHUNKED + b"2\r\n{}\r\n0\r\nHost: x\r\n\r\n",
    "endless trailers": CHUNKED + b"0\r\n" + b"X-T: y\r\n" * 20_000,
    "a length of letters": LENGTH % b"two",
    "a negative length": LENGTH % b"-2",
    "a signed length": LENGTH % b"+2",
    "a length with a superscript": LENGTH % b"\xb2",
    "an empty length": LENGTH % b"",
    "a list of lengths": LENGTH % b"2, 2",
    "a length of 5,000 digits": LENGTH % (b"9" * 5000),
    "two lengths": LENGTH % b"2\r\nContent-Length: 3",
    "length and chunks": LENGTH % b"2\r\nTransfer-Encoding: chunked",
    "chunks twice": LENGTH.replace(b"Content-Length: %b", b"Transfer-Encoding: chunked, chunked"),
    "an unknown coding": LENGTH.replace(b"Content-Length: %b", b"Transfer-Encoding: bogus"),
    "gzip as the last coding": LENGTH.replace(b"Content-Length: %b", b"Transfer-Encoding: gzip"),
    "chunks in HTTP/1.0": CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n",
    "an unknown expectation": LENGTH % b"2\r\nExpect: a miracle",
    "two hosts": b"GET / HTTP/1.1\r\n" + HOST * 2 + b"\r\n",
    "two content types": b"POST /sign-in HTTP/1.1\r\n" + HOST + JSON * 2 + b"\r\n",
    "no colon": b"GET / HTTP/1.1\r\nHost\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: b\r\n c\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: a\0b\r\n\r\n",
    "NUL in the target": b"GET /a\0b HTTP/1.1\r\n" + HOST + b"\r\n",
    "raw UTF-8 in the target": "GET /ü HTTP/1.1\r\n".encode() + HOST + b"\r\n",
    "a header of 9,000 bytes": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: " + b"x" * 9000 + b"\r\n\r\n",
    "101 headers": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: x\r\n" * 101 + b"\r\n",
    "a head of a megabyte": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: x\r\n" * 125_000,
    "a target of 9,000 bytes": b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target without end": b"GET /" + b"x" * 20_000,
    "a target without a slash": b"GET notifications HTTP/1.1\r\n" + HOST + b"\r\n",
    "a broken absolute target": b"GET http://[::1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an asterisk": b"GET * HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT example.com:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an unknown method": b"BREW /sign-in HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    "a method in lower case": b"get / HTTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/9.9": b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    "HTTP/2 without its handshake": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: bellhop.test\n\n",
    "empty lines": b"\r\n\r\n\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) + b"\r\n\r\n",
    "NUL, encoded": b"GET /unsubscribe/%00 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    "half a UTF-8 sequence, encoded": b"GET /%c3%28 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    "a bad multipart body": b"POST /sign-in HTTP/1.1\r\n"
    + HOST
    + b"Connection: close\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 5\r\n\r\n--y\r\n",
    "multipart without a boundary": b"POST /sign-in HTTP/1.1\r\n"
    + HOST
    + b"Connection: close\r\nContent-Type: multipart/form-data\r\nContent-Length: 2\r\n\r\nab",
}


@pytest.fixture(scope="module")
def server(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("bad")
    database = folder / "bellhop.db"
    database.write_bytes(migrated_file.read_bytes())
    with serving(database, folder / "log") as server:
        yield server
        assert "Traceback" not in server.errors()
        assert server.send(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("name", BAD)
def test_a_broken_request_is_a_4xx(server: Server, name: str) -> None:
    answer = server.send(BAD[name], 15)
    assert re.match(rb"HTTP/1\.[01] 4\d\d ", answer), answer[:200]
    assert len(re.findall(rb"HTTP/1\.[01] \d{3} ", answer)) == 1, (
        "nothing after it is read as another request"
    )


@pytest.mark.parametrize("proxies", ["0", "1"])
def test_nonsense_in_proxy_headers_is_not_a_500(database_file: Path, tmp_path: Path, proxies: str) -> None:
    close = HOST + b"Connection: close\r\n"
    headers = (b"Script_Name: /other", b"Path_Info: x", b"X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off")
    with serving(database_file, tmp_path / "log", TRUSTED_PROXIES=proxies) as server:
        for header in headers:
            answer = server.send(b"GET /sign-in HTTP/1.1\r\n" + close + header + b"\r\n\r\n")
            assert re.match(rb"HTTP/1\.1 [234]\d\d ", answer), answer[:200]
        assert "Traceback" not in server.errors()


def test_random_bytes_get_a_4xx_or_no_response(server: Server) -> None:
    chance = random.Random(1)
    for _attempt in range(200):
        whole = chance.choice(list(BAD.values()))[:3000]
        place = chance.randrange(len(whole))
        broken = (
            whole[:place] + chance.randbytes(chance.randrange(1, 9)) + whole[place + chance.randrange(9) :]
        )
        with server.connect(5) as connection:
            connection.sendall(broken)
            connection.shutdown(1)
            answer = b""
            while more := connection.recv(65536):
                answer += more
        assert not re.search(rb"HTTP/1\.[01] 5\d\d ", answer), (broken, answer[:300])
