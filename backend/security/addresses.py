"""Which addresses out there a caller may have us ask: none of the networks that we stand in."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]

MAX_URL_LENGTH = 2048

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(ValueError):
    """An address that is not asked, whatever happens."""


class AddressUnresolved(Exception):
    """A name that has no address now."""


def parse_url(text: str) -> httpx.URL:
    """Raises `Refused` for what is no plain address of the web."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise AddressRefused("this is no URL") from None
    if len(text) > MAX_URL_LENGTH:
        raise AddressRefused(f"a URL has at most {MAX_URL_LENGTH} characters here")
    if url.scheme not in {"http", "https"} or not url.host:
        raise AddressRefused("expected http:// or https:// and a host")
    if url.userinfo:
        raise AddressRefused("a URL with a user name or a password is not asked")
    return url


def is_public(address: Address) -> bool:
    """Whether it is somewhere out there; of one that carries an IPv4 address, that one counts."""
    carried = _embedded_ipv4(address)
    if carried is not None:
        return is_public(carried)
    near = address.is_multicast or address.is_reserved or address.is_loopback or address.is_link_local
    # What was site-local once, Python calls global.
    site = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return address.is_global and not near and not site


def _embedded_ipv4(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


async def resolve_host(host: str, port: int) -> Sequence[Address]:
    """Raises `Unresolved`."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressUnresolved(f"the name {host!r} has no address: {error}") from None
    return [ipaddress.ip_address(place[0]) for *_, place in found]


class OutboundGuard:
    """Says where a URL leads, if it may lead there. `private` lets everything pass."""

    def __init__(self, *, private: bool, resolve: Resolve = resolve_host) -> None:
        self._private = private
        self._resolve = resolve

    async def resolve(self, url: httpx.URL) -> Sequence[Address]:
        """Connect to one of these and to nothing else: a name may lead elsewhere a moment later.

        Raises `Refused` or `Unresolved`.
        """
        try:
            found: Sequence[Address] = [ipaddress.ip_address(url.host)]
        except ValueError:
            found = await self._resolve(url.host, url_port(url))
        if not self._private and not all(map(is_public, found)):
            raise AddressRefused("it leads into a private network (AGENKIT_WEBHOOK_ALLOW_PRIVATE_NETWORKS)")
        return list(dict.fromkeys(found))


def url_port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)
