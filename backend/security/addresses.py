"""Which addresses out there a caller may have us ask: none of the networks that we stand in."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]

LONGEST_URL = 2048

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Refused(ValueError):
    """An address that is not asked, whatever happens."""


class Unresolved(Exception):
    """A name that has no address now."""


def url_of(text: str) -> httpx.URL:
    """Raises `Refused` for what is no plain address of the web."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise Refused("this is no URL") from None
    if len(text) > LONGEST_URL:
        raise Refused(f"a URL has at most {LONGEST_URL} characters here")
    if url.scheme not in {"http", "https"} or not url.host:
        raise Refused("expected http:// or https:// and a host")
    if url.userinfo:
        raise Refused("a URL with a user name or a password is not asked")
    return url


def is_public(address: Address) -> bool:
    """Whether it is somewhere out there; of one that carries an IPv4 address, that one counts."""
    carried = _carried(address)
    if carried is not None:
        return is_public(carried)
    near = address.is_multicast or address.is_reserved or address.is_loopback or address.is_link_local
    # What was site-local once, Python calls global.
    site = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return address.is_global and not near and not site


def _carried(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


async def resolved(host: str, port: int) -> Sequence[Address]:
    """Raises `Unresolved`."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unresolved(f"the name {host!r} has no address: {error}") from None
    return [ipaddress.ip_address(place[0]) for *_, place in found]


class Gate:
    """Says where a URL leads, if it may lead there. `private` lets everything pass."""

    def __init__(self, *, private: bool, resolve: Resolve = resolved) -> None:
        self._private = private
        self._resolve = resolve

    async def leads_to(self, url: httpx.URL) -> Sequence[Address]:
        """Connect to one of these and to nothing else: a name may lead elsewhere a moment later.

        Raises `Refused` or `Unresolved`.
        """
        try:
            found: Sequence[Address] = [ipaddress.ip_address(url.host)]
        except ValueError:
            found = await self._resolve(url.host, port_of(url))
        if not self._private and not all(map(is_public, found)):
            raise Refused("it leads into a private network (AGENKIT_WEBHOOK_PRIVATE)")
        return list(dict.fromkeys(found))


def port_of(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)
