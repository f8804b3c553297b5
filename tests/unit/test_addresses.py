from collections.abc import Sequence
from ipaddress import ip_address

import httpx
import pytest

from backend.runs.webhooks import DeliveryAbandoned, WebhookSender
from backend.security.addresses import Address, AddressRefused, AddressUnresolved, OutboundGuard, is_public, parse_url

PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd12::1",
    "ff02::1",
    "fec0::1",
    "2001:db8::1",
    "2001::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "2002:7f00:1::1",
]
PUBLIC = ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_near_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_out_there_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks",
        "ftp://example.com",
        "file:///etc/passwd",
        "http://",
        "https://user:pw@example.com/",
        "http://a:b/",
        "https://me@example.com/",
        "http://[::1",
        "https://example.com/" + "a" * 3000,
    ],
)
def test_what_is_no_plain_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        parse_url(url)


def _resolving(*addresses: str) -> OutboundGuard:
    async def resolve(host: str, port: int) -> Sequence[Address]:
        return [ip_address(address) for address in addresses]

    return OutboundGuard(private=False, resolve=resolve)


async def test_a_name_leads_where_all_of_its_addresses_may_be_asked() -> None:
    url = httpx.URL("https://hooks.example/in")
    assert await _resolving("1.1.1.1", "1.1.1.1", "1.0.0.1").resolve(url) == [
        ip_address("1.1.1.1"),
        ip_address("1.0.0.1"),
    ]
    with pytest.raises(AddressRefused):
        await _resolving("1.1.1.1", "10.0.0.1").resolve(url)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "localhost", "2130706433", "0x7f.1"])
async def test_this_machine_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(AddressRefused):
        await OutboundGuard(private=False).resolve(parse_url(f"http://{host}:8000/"))


async def test_a_name_that_nobody_has_is_no_refusal() -> None:
    with pytest.raises(AddressUnresolved):
        await OutboundGuard(private=False).resolve(parse_url("http://nobody.invalid/"))


async def test_a_name_that_has_come_to_lead_inside_is_given_up_on() -> None:
    post = WebhookSender(b"k" * 24, _resolving("127.0.0.1"))
    with pytest.raises(DeliveryAbandoned, match="private network"):
        await post.send("msg_1", "http://hooks.example/", "{}")
    await post.aclose()
