"""Where a request comes from: its peer, or whom a trusted proxy names."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.datastructures import Headers
    from starlette.requests import HTTPConnection

Networks = tuple[IPv4Network | IPv6Network, ...]
#: A request that carries one of these has passed a proxy.
_OF_PROXIES = ("x-forwarded-for", "forwarded", "x-forwarded-host", "x-real-ip", "via")
#: Where the peer has no address: a unix socket.
UNKNOWN = "unknown"


def networks(text: str) -> Networks:
    """Return the networks of a list such as ``10.0.0.0/8, 192.0.2.7``.

    Raises
    ------
    ValueError
        One of them is none.
    """
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())


def client_address(request: "HTTPConnection", trusted: Networks) -> str:
    """Return the address that a request comes from.

    Every proxy adds the address of whom it heard to the end of ``X-Forwarded-For``; whatever stands
    before the last one that is not trusted may be made up, so that one is taken. Without trusted
    proxies the header counts for nothing.

    Parameters
    ----------
    request
        The request.
    trusted
        Networks of the proxies that are trusted.
    """
    peer = request.client.host if request.client else UNKNOWN
    if not trusted or not _is_in(peer, trusted):
        return peer
    heard = peer
    for one in _forwarded(request.headers):
        if not _is_address(one):
            break
        heard = one
        if not _is_in(one, trusted):
            break
    return heard


def has_passed_a_proxy(headers: "Headers") -> bool:
    """Return whether something stands between the caller and this server, by its own word."""
    return any(name in headers for name in _OF_PROXIES)


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address or a host name."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def limited_as(address: str) -> str:
    """Return by what an address is told from others in rate limits: of IPv6 the network of 64 bits.

    Whoever has one such address has all of them.

    Examples
    --------
    >>> limited_as("2001:db8::1"), limited_as("192.0.2.7")
    ('2001:db8::/64', '192.0.2.7')
    """
    if ":" not in address:
        return address
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(ip_network((found, 64), strict=False))
    return address


def _forwarded(headers: "Headers") -> "Iterator[str]":
    """Yield the addresses of X-Forwarded-For, the last one first."""
    for line in reversed(headers.getlist("x-forwarded-for")):
        for one in reversed(line.split(",")):
            yield one.strip()


@lru_cache(maxsize=4096)
def _is_in(address: str, trusted: Networks) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
