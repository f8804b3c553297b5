"""Addresses of machines on the internet: what surely is one, and what may be."""

import re
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

from observability.finders.detection import Detection

# They begin with the digit, and look back from there: so a text without digits is passed over quickly.
_IPV4 = re.compile(r"\d(?<![\w.+-]\d)(?<!\w/\d)\d{0,2}(?:\.\d{1,3}){3}(?![\w-]|\.\d)")
_IPV6 = re.compile(
    r"[0-9A-Fa-f:](?<![\w:.].)(?:(?<=:)|[0-9A-Fa-f]{0,3}:)(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}(?![\w:]|\.\d)"
)
_DOTS = re.compile(r"\.\d{1,3}\.\d{1,3}\.\d")
_COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:")
_VERSIONED = re.compile(
    r"(?:(?<![A-Za-z])(?:v|ver|fw|sw)|version|versions|release|build|firmware|driver|oid|kapitel|chapter"
    r"|section|abschnitt"
    r"|§|from \d+(?:\.\d+){2,3} to|(?:-|=)>|→|(?<!\w)(?:==?|[~^!]=?|[<>]=?)(?<![\w\"']>)|(?:upgraded|updated"
    r"|bumped?|upgrade|update|downgraded)(?: \S{1,16})?)"
    r"[\s.:=\"'`(>]*$",
    re.IGNORECASE,
)
_IN_TAG = re.compile(r"<[^<>]{1,60}>$")
_THEN_VERSION = re.compile(
    r"[\"'`)]{0,2}\s{0,2}(?:->|=>|→|to \d{1,4}\.\d|is (?:the|a) (?:\w{1,16} )?(?:version|firmware|release|build))"
)
# Of services that everybody uses.
_PUBLIC_SERVERS = frozenset((
    *("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "1.1.1.2", "1.1.1.3", "9.9.9.9", "149.112.112.112", "208.67.222.222"),
    *("208.67.220.220", "4.2.2.2", "4.2.2.1", "94.140.14.14", "94.140.15.15", "76.76.2.0", "2606:4700:4700::1111"),
    *("2606:4700:4700::1001", "2001:4860:4860::8888", "2001:4860:4860::8844", "2620:fe::fe", "1.2.3.4", "5.6.7.8"),
    *("1.3.6.1", "255.255.255.255"),
))  # fmt: skip
_DOCUMENTED = tuple(
    map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"))
)
_CALLED = re.compile(
    r"(?:\b|_|\.|-)(?:ip(?:v[46])?|src|dst|source|client|remote|peer|host|rip|lip|addr(?:ess)?"
    r"|forwarded(?:[_-]for)?|visitor"
    r"|(?:last_?)?login|from|sourceip)[\"']?\s?(?:[=:/]|is)\s?[\"'\[(]{0,2}$|/ip[46]/$",
    re.IGNORECASE,
)
_DOTTED = re.compile(r"\d(?<![\d.].)\d{0,2}(?:\.\d{1,3}){3}(?!\d|\.\d)")
_APART = re.compile(r"[A-Za-z0-9.+]$|[A-Za-z]/v?$")
_NETWORKED = re.compile(
    r"(?P<value>[0-9A-Fa-f](?<![\w:.].)(?:[0-9A-Fa-f:]{2,39}+|\d{0,2}(?:\.\d{1,3}){3}))/(?P<bits>\d{1,3})(?![\w.])"
)
_BROKEN = re.compile(
    r"\d(?<![\w.].)\d{0,2}(?:\s?(?:\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\))\s?\d{1,3}){3}(?![\w.])", re.IGNORECASE
)
_IN_NAME = re.compile(
    r"(?:^|[\s/@.\"'=(]|(?:ip|ec2|host|dyn|pool|cpe|client|static|dsl"
    r"|user)[.-]?)(?P<value>\d{1,3}(?:-\d{1,3}){3})(?=\.[a-z])",
    re.IGNORECASE,
)
_DASHED = re.compile(r"-\d{1,3}-\d{1,3}-\d{1,3}\.[A-Za-z]")

Place = Literal["global", "private", "nobody's"]


def addresses(text: str, *, private: bool) -> Iterator[Detection]:
    """Those of private networks only if they are asked for."""
    if _DOTS.search(text):
        yield from _sure(text, _IPV4, private=private)
    if _COLONS.search(text):
        yield from _sure(text, _IPV6, private=private)


def _sure(text: str, pattern: re.Pattern[str], *, private: bool) -> Iterator[Detection]:
    for found in pattern.finditer(text):
        address = found[0] if found[0].endswith("::") else found[0].removesuffix(":")
        place = _place(address)
        if place == "nobody's" or (place == "private" and not private):
            continue
        is_network = re.match(r"/\d{1,3}\b", text[found.end() : found.end() + 4]) is not None
        if not _is_version(text, found) and (place == "private" or not is_network):
            end = found.start() + len(address)
            yield Detection("ip", found.start(), end, "IPv6 address" if ":" in address else "IPv4 address")


def _is_version(text: str, found: re.Match[str]) -> bool:
    before = text[max(0, found.start() - 32) : found.start()]
    tag = _IN_TAG.search(before)
    if tag is not None:
        return re.search("version|release|build|firmware|oid", tag[0], re.IGNORECASE) is not None
    return _VERSIONED.search(before) is not None or _THEN_VERSION.match(text, found.end()) is not None


@lru_cache(maxsize=4096)
def _place(written: str) -> Place:
    try:
        address = ip_address(written)
    except ValueError:
        return "nobody's"
    if written in _PUBLIC_SERVERS or any(address in each for each in _DOCUMENTED if each.version == address.version):
        return "nobody's"
    plain = _mapped(address)
    if plain.is_global and not plain.is_multicast:
        return "global" if _is_given_out(plain) else "nobody's"
    return "nobody's" if plain.is_loopback or plain.is_unspecified or not plain.is_private else "private"


def _mapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _is_given_out(address: IPv4Address | IPv6Address) -> bool:
    """Of IPv6 only an eighth is: what is outside is a name in a program, such as `a::b`."""
    return isinstance(address, IPv4Address) or int(address) >> 125 == 1


def likely_addresses(text: str) -> Iterator[Detection]:
    has_dots = _DOTS.search(text) is not None
    if "/" in text and (has_dots or _COLONS.search(text)):
        yield from _of_networks(text)
    if has_dots:
        yield from _dotted(text)
    if "[.]" in text or "(.)" in text or "[dot]" in text or "(dot)" in text:
        yield from _broken(text)
    if _DASHED.search(text):
        for found in _IN_NAME.finditer(text):
            if _place(found["value"].replace("-", ".")) == "global":
                yield Detection("ip", *found.span("value"), "IPv4 address")


def _dotted(text: str) -> Iterator[Detection]:
    for found in _DOTTED.finditer(text):
        # Of networks something else knows more.
        if text[found.end() : found.end() + 1] != "/" or not text[found.end() + 1 : found.end() + 2].isdecimal():
            yield from _if_somebodys(text, found)


def _if_somebodys(text: str, found: re.Match[str]) -> Iterator[Detection]:
    if _place(found[0]) != "global":
        return
    before, behind = text[max(0, found.start() - 32) : found.start()], text[found.end() : found.end() + 1]
    if _CALLED.search(before) or not (_APART.search(before) or behind.isalpha() or _is_version(text, found)):
        yield Detection("ip", *found.span(), "IPv4 address")


def _broken(text: str) -> Iterator[Detection]:
    for found in _BROKEN.finditer(text):
        if _place(".".join(re.findall(r"\d+", found[0]))) == "global":
            yield Detection("ip", *found.span(), "IPv4 address")


def _of_networks(text: str) -> Iterator[Detection]:
    """An address with the size of its network, but not a network."""
    for found in _NETWORKED.finditer(text):
        if _place(found["value"]) == "global":
            address = ip_address(found["value"])
            rest = address.max_prefixlen - int(found["bits"])
            if rest == 0 or (rest > 0 and int(address) & ((1 << rest) - 1)):
                yield Detection("ip", *found.span("value"), "IP address")
