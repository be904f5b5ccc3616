"""The networks under which limits count addresses."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address


def network_of(address: str) -> str:
    """Return the key under which limits count requests from an address.

    An IPv4 address counts alone. The addresses of an IPv6 /64 count together, because one subscriber has at least that
    many (RFC 6177) and could send each request from another one.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((int(parsed), 64), strict=False))
    return address
