"""The client's address behind proxies: which hop of X-Forwarded-For to believe. Nothing here knows HTTP."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Network = IPv4Network | IPv6Network

UNKNOWN = "unknown"
# One household or machine gets a whole network of IPv6, so one address says little.
IPV6_BITS = 64
# A person with many networks usually has them within one wider network. The wider network is limited too, to
# this many times the limit.
IPV6_WIDE_BITS = 48
IPV6_WIDE_TIMES = 10
# More proxies than anybody has in a row. Bounds the work on a long header.
MOST_HOPS = 16


@lru_cache(maxsize=8)
def networks(text: str) -> tuple[Network, ...]:
    """Return the networks of a comma-separated list of addresses and networks.

    Raises ValueError if an entry cannot be read, or covers every address: then a client could choose its
    address.
    """
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        network = ip_network(part)  # its error says what is wrong, such as host bits set
        if network.prefixlen == 0:
            raise ValueError(f"{part} would trust every address")
        found.append(network)
    return tuple(found)


def client_address(peer: str, forwarded_for: str | None, trusted: Sequence[Network]) -> str:
    """Return the address that requests count for: an IPv4 address, or an IPv6 network ("2001:db8::/64").

    `peer` is the other end of the connection. X-Forwarded-For is read from the right, as each proxy appends
    the address it was called from. A hop is believed only if a trusted proxy wrote it. Reading stops at the
    first hop that is no address: nothing to its left can be believed. UNKNOWN if `peer` is no address.
    """
    client = _client(peer, forwarded_for, trusted)
    if client is None:
        return UNKNOWN
    if isinstance(client, IPv4Address):
        return str(client)
    return str(IPv6Network((int(client), IPV6_BITS), strict=False))


def client_ip(peer: str, forwarded_for: str | None, trusted: Sequence[Network]) -> str:
    """Return the address itself, found as `client_address` does; "" if `peer` is no address."""
    client = _client(peer, forwarded_for, trusted)
    return "" if client is None else str(client)


def _client(
    peer: str, forwarded_for: str | None, trusted: Sequence[Network]
) -> IPv4Address | IPv6Address | None:
    client = _parsed(peer)
    if client is None:
        return None
    for hop in reversed((forwarded_for or "").rsplit(",", MOST_HOPS)[-MOST_HOPS:]):
        if not hop.strip():  # HTTP allows empty members in a list
            continue
        if not any(client in network for network in trusted):
            break
        address = _parsed(hop)
        if address is None:
            break
        client = address
    return client


def counted_address(peer: str, forwarded_for: str | None, trusted: Sequence[Network]) -> str:
    """Return the address that a request counts against; "" if only a proxy's address is known."""
    address = client_address(peer, forwarded_for, trusted)
    if address == UNKNOWN or any(network.overlaps(ip_network(address)) for network in trusted):
        return ""
    return address


def counted_networks(address: str) -> dict[str, int]:
    """Return the networks that an address of `counted_address` counts for, with the factors of their limits.

    >>> counted_networks("192.0.2.1")
    {'192.0.2.1': 1}
    >>> counted_networks("2001:db8:0:1::/64")
    {'2001:db8:0:1::/64': 1, '2001:db8::/48': 10}
    """
    if ":" not in address:
        return {address: 1} if address else {}
    wide = IPv6Network(address).supernet(new_prefix=IPV6_WIDE_BITS)
    return {address: 1, str(wide): IPV6_WIDE_TIMES}


@lru_cache(maxsize=1000)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address in `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1` or `[2001:db8::1]:443`, else None."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])  # a zone means something on its own machine only
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
