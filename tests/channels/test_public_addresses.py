"""Only addresses of the public internet are called, in whatever form they are written."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.channels import safe_http
from app.channels.base import PermanentFailure
from app.channels.public_addresses import GLOBAL_UNICAST, SPECIAL_IPV4, SPECIAL_IPV6, is_public

IPV4 = st.integers(0, 2**32 - 1).map(IPv4Address)
IPV6 = st.integers(0, 2**128 - 1).map(IPv6Address)
UNICAST = st.integers(int(GLOBAL_UNICAST[0]), int(GLOBAL_UNICAST[-1])).map(IPv6Address)
INNER = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "0.0.0.0", "8.8.8.8"]
# IPv6 addresses that contain an IPv4 address, and which of them may be called if that one is public.
EMBEDDINGS = {
    "::ffff:{v4}": True,  # mapped: the IPv4 address itself, to every socket
    "::{v4}": False,  # compatible
    "::ffff:0:{v4}": False,  # translated (SIIT)
    "64:ff9b::{v4}": False,  # NAT64
    "64:ff9b:1::{v4}": False,  # local NAT64
    "64:ff9b:1:abcd::{v4}": False,
    "2002:{hex}::1": False,  # 6to4
    "2001:0:{hex}::1": False,  # Teredo, whose server this is
    "2001:0:808:808:0:0:{inverted}": False,  # Teredo, whose client this is
    "2606:4700::5efe:{v4}": False,  # ISATAP
    "2606:4700::200:5efe:{v4}": False,
    "fe80::5efe:{v4}": False,
}


def embedded(form: str, v4: str) -> IPv6Address:
    number = int(IPv4Address(v4))
    pair = f"{number >> 16:x}:{number & 0xFFFF:x}"
    inverted = ~number & 0xFFFF_FFFF
    return IPv6Address(form.format(v4=v4, hex=pair, inverted=f"{inverted >> 16:x}:{inverted & 0xFFFF:x}"))


@pytest.mark.parametrize("v4", INNER)
@pytest.mark.parametrize("form", EMBEDDINGS)
def test_an_ipv4_address_inside_an_ipv6_address_is_checked(form: str, v4: str) -> None:
    assert is_public(embedded(form, v4)) is (EMBEDDINGS[form] and v4 == "8.8.8.8")


@pytest.mark.parametrize("text", [*SPECIAL_IPV4, *SPECIAL_IPV6])
def test_the_first_and_the_last_address_of_special_networks_are_refused(text: str) -> None:
    network = IPv6Network(text) if ":" in text else IPv4Network(text)
    assert not is_public(network[0])
    assert not is_public(network[-1])


@pytest.mark.parametrize(
    "text",
    [
        "::1",
        "100::1",
        "100:0:0:1::1",
        "4000::1",
        "5f00::1",
        "6000::1",
        "1fff:ffff::1",
        "3fff::1",
        "3fff:fff:ffff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1%eth0",
        "fec0::1",
        "ff0e::1",
        "2001:20::1",
        "2001:4:112::1",
        "2001::1",
        "2001:db8::1",
        "2002:808:808::1",
        "2620:4f:8000::1",
        "0.1.2.3",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.9",
        "192.0.2.1",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.99.2",
        "192.168.0.1",
        "192.175.48.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "239.255.255.255",
        "255.255.255.255",
    ],
)
def test_addresses_outside_the_public_internet_are_refused(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.0.1",
        "172.32.0.1",
        "223.255.255.255",
        "2000::1",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2606:4700:4700::1111",
        "3ffe::1",
        "3fff:1000::1",
    ],
)
def test_public_addresses_next_to_special_networks_are_allowed(text: str) -> None:
    assert is_public(ip_address(text))


@given(IPV4 | IPV6 | UNICAST)
def test_networks_that_python_calls_special_are_not_public(address: Any) -> None:
    if is_public(address):
        mapped = getattr(address, "ipv4_mapped", None)
        inner = mapped or address
        assert inner.is_global
        kinds = ("multicast", "private", "reserved", "loopback", "link_local", "unspecified")
        assert [kind for kind in kinds if getattr(inner, f"is_{kind}")] == []


@given(IPV4)
def test_a_mapped_address_is_as_public_as_the_address_itself(address: IPv4Address) -> None:
    assert is_public(IPv6Address(f"::ffff:{address}")) is is_public(address)


@given(IPV6)
def test_only_global_unicast_is_public_in_ipv6(address: IPv6Address) -> None:
    if address.ipv4_mapped is None and address not in GLOBAL_UNICAST:
        assert not is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0x7F.0.0.1",
        "017700000001",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "0",
        "127.0.0.1.",
        "127.0.0.1..",
        "127\u30020\u30020\u30021",
        "127\uff0e0\uff0e0\uff0e1",
        "127\uff610\uff610\uff611",
        "\uff11\uff12\uff17.0.0.1",
        "①②⑦.0.0.1",
        "127%2e0%2e0%2e1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[fe80::1%25eth0]",
        "[fe80::1%eth0]",
        "[2606:4700::1%25lo]",
        "[::1",
        "localhost",
        "LOCALHOST.",
    ],
)
def test_no_spelling_of_localhost_is_called(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_arguments: Any) -> None:
        raise AssertionError(f"{host} was called")

    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(PermanentFailure):
        safe_http.post(f"http://{host}/", b"", {})
