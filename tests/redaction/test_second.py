"""The form and the checksums of `second.jsonl`."""

import json
import re
import unicodedata
from collections import Counter
from ipaddress import IPv6Address, ip_address
from typing import get_args

from tests.redaction.lines import MARKER, SECOND, Kind, Label
from tests.redaction.test_lines import iban_checks, luhn

EACH = {"secret": 100, "email": 40, "phone": 35, "card": 25, "iban": 25, "ip": 25}
# Visa, Mastercard, American Express, Diners, Discover, JCB, UnionPay, Maestro.
CARD = (
    r"4\d{15}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}"
    r"|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}|6759\d{12}"
)
ROWS = [json.loads(row) for row in SECOND.read_text(encoding="utf-8").split("\n") if row]


def planted(kind: Kind) -> list[str]:
    return [value.replace(MARKER, "") for row in ROWS if row["kind"] == kind for value in row["planted"]]


def test_there_are_as_many_of_each_as_is_said() -> None:
    assert Counter((row["kind"], row["label"]) for row in ROWS) == {
        (kind, label): count for kind, count in EACH.items() for label in get_args(Label)
    }


def test_they_are_numbered_from_301_up() -> None:
    assert [row["id"] for row in ROWS] == [
        f"{kind}-{sign}{number}" for kind, count in EACH.items() for sign in "sc" for number in range(301, 301 + count)
    ]
    assert all((row["id"].split("-")[1][0] == "s") == (row["label"] == "seeded") for row in ROWS)


def test_no_carrier_is_used_twice() -> None:
    carriers = []
    for row in ROWS:
        carrier = row["text"]
        for value in row["planted"]:
            carrier = carrier.replace(value, "<>")
        carriers.append(carrier)
    assert len(set(carriers)) == len(ROWS) == 500


def test_what_is_planted_stands_in_the_text_with_its_marker() -> None:
    for row in ROWS:
        assert set(row) == {"id", "label", "kind", "text", "planted"}
        assert bool(row["planted"]) == (row["label"] == "seeded"), row["id"]
        assert all(value and row["text"].count(value) == 1 for value in row["planted"]), row["id"]
        if row["kind"] in ("secret", "card", "iban"):
            assert all(MARKER in value for value in row["planted"]), row["id"]


def test_planted_cards_pass_their_checksum() -> None:
    for card in planted("card"):
        digits = re.sub(r"\D", "", card)
        assert re.fullmatch(CARD, digits), card
        assert luhn(digits), card


def test_planted_ibans_pass_their_checksum() -> None:
    for iban in planted("iban"):
        assert iban_checks(re.sub(r"[^0-9A-Z]", "", iban.replace("%20", "").upper())), iban


def test_planted_addresses_are_public() -> None:
    for value in planted("ip"):
        address = ip_address(value)
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        assert address.is_global, value


def test_planted_phones_have_as_many_digits_as_a_number_has() -> None:
    for phone in planted("phone"):
        digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", phone).replace("%2B", "+"))
        assert 8 <= len(digits) <= 15, phone
