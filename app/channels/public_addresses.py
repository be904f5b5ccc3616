"""Tells addresses on the public internet, to which requests may go, from all others.

Not `ipaddress.is_global`: it depends on the version of Python, and lets through relays, networks that exist only on
paper, and IPv6 addresses that contain an IPv4 address.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

# The IANA IPv4 Special-Purpose Address Registry, and multicast. The globally reachable ones are no web servers.
SPECIAL_IPV4 = {
    "0.0.0.0/8": "this network (RFC 791)",
    "10.0.0.0/8": "private use (RFC 1918)",
    "100.64.0.0/10": "shared by a carrier's customers (RFC 6598)",
    "127.0.0.0/8": "loopback (RFC 1122)",
    "169.254.0.0/16": "link-local (RFC 3927)",
    "172.16.0.0/12": "private use (RFC 1918)",
    "192.0.0.0/24": "IETF protocols (RFC 6890)",
    "192.0.2.0/24": "documentation (RFC 5737)",
    "192.31.196.0/24": "AS112 (RFC 7535)",
    "192.52.193.0/24": "multicast tunnels (RFC 7450)",
    "192.88.99.0/24": "6to4 relays (RFC 7526)",
    "192.168.0.0/16": "private use (RFC 1918)",
    "192.175.48.0/24": "AS112 (RFC 7534)",
    "198.18.0.0/15": "benchmarks (RFC 2544)",
    "198.51.100.0/24": "documentation (RFC 5737)",
    "203.0.113.0/24": "documentation (RFC 5737)",
    "224.0.0.0/4": "multicast (RFC 5771)",
    "240.0.0.0/4": "reserved, and broadcast (RFC 1112, RFC 8190)",
}
# The only IPv6 addresses that IANA assigns as global unicast. Outside are loopback, link-local, unique local,
# multicast, discard-only (100::/64), SIDs (5f00::/16), and IPv4 addresses as ::a.b.c.d, ::ffff:a.b.c.d,
# ::ffff:0:a.b.c.d, 64:ff9b::/96 and 64:ff9b:1::/48.
GLOBAL_UNICAST = IPv6Network("2000::/3")
# The entries of the IANA IPv6 Special-Purpose Address Registry within it.
SPECIAL_IPV6 = {
    "2001::/23": "IETF protocols: Teredo, benchmarks, ORCHID and others (RFC 2928)",
    "2001:db8::/32": "documentation (RFC 3849)",
    "2002::/16": "6to4, which contains an IPv4 address (RFC 3056)",
    "2620:4f:8000::/48": "AS112 (RFC 7534)",
    "3fff::/20": "documentation (RFC 9637)",
}
_IPV4 = [IPv4Network(text) for text in SPECIAL_IPV4]
_IPV6 = [IPv6Network(text) for text in SPECIAL_IPV6]
# The middle of an ISATAP address, before the IPv4 address that it contains (RFC 5214, 6.1).
_ISATAP = {0x0000_5EFE, 0x0200_5EFE}


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is on the public internet. `::ffff:a.b.c.d` is the IPv4 address to every socket."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return _is_public_ipv6(address)
        address = address.ipv4_mapped
    return not any(address in network for network in _IPV4)


def _is_public_ipv6(address: IPv6Address) -> bool:
    if address not in GLOBAL_UNICAST or address.scope_id is not None:
        return False
    if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
        return False
    return not any(address in network for network in _IPV6)
