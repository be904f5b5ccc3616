"""A POST to a user-supplied URL reaches public addresses only, within its timeout."""

from __future__ import annotations

import socket
import time
from ipaddress import ip_address
from typing import Any

import pytest

from app.channels import safe_http
from app.channels.base import PermanentFailure
from app.channels.public_addresses import is_public
from tests.support.web import Reply, WebServer


def loopback(address: safe_http.IPAddress) -> bool:
    return address.is_loopback


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def getaddrinfo(_host: str, port: int, **_more: Any) -> list[Any]:
        return [
            (socket.AF_INET6 if ":" in text else socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port))
            for text in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.127.255.254",
        "192.0.0.1",
        "198.18.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::808:808",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::808:808",
        "2002:7f00:1::",
        "2002:808:808::1",
        "2001::1",
        "2001:db8::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_a_private_address_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_public(ip_address(address))
    resolve_to(monkeypatch, address)
    with pytest.raises(PermanentFailure, match="not a public address"):
        safe_http.post("https://innocent.example.com/", b"", {})


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://0x7f.1/",
        "http://134744072/",
        "http://8.8.8.010/",
        "http://user:secret@example.com/",
        "http://example.com@127.0.0.1/",
        "http://[::1/",
        "http:///path",
        "file:///etc/passwd",
        "gopher://example.com/",
        "ftp://example.com/",
        "//example.com/",
        "https://example.com\\@127.0.0.1/",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: evil",
        "https://example.com:22/",
        "https://example.com:6379/",
        "https://example.com:99999/",
        "https://127。0。0。1/",
        "https://ex\u202eample.com/",
        "https://example.com/" + "x" * 1000,
        "",
    ],
)
def test_a_disguised_address_is_refused_without_a_dns_lookup(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_lookup(*_args: Any, **_more: Any) -> Any:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", fail_lookup)
    with pytest.raises(PermanentFailure, match="address"):
        safe_http.post(url, b"", {})


def test_a_name_with_one_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve_to(monkeypatch, "8.8.8.8", "127.0.0.1")
    with pytest.raises(PermanentFailure):
        safe_http.post("https://two-faced.example.com/", b"", {})


def test_a_name_is_resolved_once_and_that_address_is_called(
    web_server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def getaddrinfo(host: str, port: int, **_more: Any) -> list[Any]:
        asked.append(host)
        # A second lookup would return another address (DNS rebinding).
        address = "127.0.0.1" if len(asked) == 1 else "127.0.0.99"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    url = f"http://hooks.example.com:{web_server.server.server_port}/hook?a=b"
    response = safe_http.post(url, b"{}", {"X-Own": "1"}, may_reach=loopback)
    assert (response.status, response.text, asked) == (200, "ok", ["hooks.example.com"])
    call = web_server.calls[0]
    assert (call.path, call.headers["host"], call.headers["x-own"], call.body) == (
        "/hook?a=b",
        url.split("/")[2],
        "1",
        b"{}",
    )


def test_redirects_are_not_followed(web_server: WebServer) -> None:
    web_server.answers.append(Reply(302, headers={"Location": f"{web_server.url}/elsewhere"}))
    assert safe_http.post(web_server.url, b"", {}, may_reach=loopback).status == 302
    assert len(web_server.calls) == 1


@pytest.mark.parametrize("reply", [Reply(after=30), Reply(drips=True)], ids=["silent", "byte by byte"])
def test_a_slow_server_is_cut_off_at_the_timeout(
    reply: Reply, web_server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safe_http, "TOTAL_SECONDS", 0.4)
    web_server.usual = reply
    began_at = time.monotonic()
    with pytest.raises(safe_http.NoResponse) as caught:
        safe_http.post(web_server.url, b"", {}, may_reach=loopback)
    assert time.monotonic() - began_at < 2
    assert caught.value.was_sent
    assert "No response within" in str(caught.value)


@pytest.mark.parametrize(
    "raw", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 two hundred\r\n\r\n", b"\x00\xff" * 99]
)
def test_a_response_that_is_not_http_is_an_error(raw: bytes, web_server: WebServer) -> None:
    web_server.usual = Reply(raw=raw)
    with pytest.raises(safe_http.NoResponse):
        safe_http.post(web_server.url, b"", {}, may_reach=loopback)


def test_a_refused_connection_and_an_unknown_name_sent_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/", "https://no-such-host.invalid/"):
        with pytest.raises(safe_http.NoResponse) as caught:
            safe_http.post(url, b"", {}, may_reach=loopback)
        assert not caught.value.was_sent


def test_only_the_beginning_of_a_long_response_is_read(web_server: WebServer) -> None:
    web_server.usual = Reply(body=b"x" * 1_000_000)
    response = safe_http.post(web_server.url, b"", {}, may_reach=loopback)
    assert len(response.text) == safe_http.MAX_BYTES
    assert len(response.summary()) <= 300


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("soon", None),
        ("", None),
        ("-3", None),
        ("999999999", 86_400.0),
        ("9" * 400, 86_400.0),
        ("Fri, 31 Dec 2199 23:59:59 GMT", 86_400.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        (f"Thu, 01 Jan {10**20} 00:00:00 GMT", None),
        (f"Thu, 01 Jan 1970 00:00:00 +{10**20}", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, seconds: float | None) -> None:
    assert safe_http.HttpResponse(429, {"retry-after": value}, "").retry_after() == seconds
