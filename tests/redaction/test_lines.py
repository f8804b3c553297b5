import json
import re
from collections import Counter
from ipaddress import ip_address
from typing import get_args

from tests.redaction.lines import FILE, MARKER, Kind, Label, kept_aside, lines

EACH = {"secret": 200, "email": 80, "phone": 70, "card": 50, "iban": 50, "ip": 50}


def luhn(digits: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def iban_checks(iban: str) -> bool:
    return int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1


def planted(kind: Kind) -> list[str]:
    return [value for line in lines() if line.kind == kind for value in line.planted]


def test_there_are_as_many_of_each_as_is_said() -> None:
    assert Counter((line.kind, line.label) for line in lines()) == {
        (kind, label): count for kind, count in EACH.items() for label in get_args(Label)
    }
    assert sum(EACH.values()) == 500


def test_each_has_a_name_and_a_text_of_its_own() -> None:
    assert len({line.id for line in lines()}) == len({line.text for line in lines()}) == 1000
    for line in lines():
        assert re.fullmatch(rf"{line.kind}-{'s' if line.label == 'seeded' else 'c'}\d{{3}}", line.id)


def test_no_two_seeded_lines_differ_in_the_value_alone() -> None:
    carriers = []
    for line in lines():
        carrier = line.text
        for value in line.planted:
            carrier = carrier.replace(value, "<>")
        carriers.append(carrier)
    assert [carrier for carrier, count in Counter(carriers).items() if count > 1] == []


def test_what_is_planted_stands_in_the_text() -> None:
    for line in lines():
        assert bool(line.planted) == (line.label == "seeded"), line.id
        assert all(value and value in line.text for value in line.planted), line.id


def test_every_planted_secret_holds_the_marker_until_it_is_read() -> None:
    for row in FILE.read_text(encoding="utf-8").splitlines():
        line = json.loads(row)
        assert all(value in line["text"] for value in line["planted"]), line["id"]
        assert line["kind"] != "secret" or all(MARKER in value for value in line["planted"]), line["id"]
    assert not any(MARKER in line.text or MARKER in "".join(line.planted) for line in lines())


def test_planted_cards_pass_their_checksum() -> None:
    for card in planted("card"):
        digits = re.sub(r"[ -]", "", card)
        assert re.fullmatch(r"4\d{15}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}", digits), card
        assert luhn(digits), card


def test_planted_ibans_pass_their_checksum() -> None:
    for iban in planted("iban"):
        assert iban_checks(iban.replace(" ", "").upper()), iban


def test_planted_addresses_are_public() -> None:
    assert all(ip_address(value).is_global for value in planted("ip"))


def test_each_kind_and_label_is_in_both_parts() -> None:
    found = Counter((line.kind, line.label, kept_aside(line)) for line in lines())
    assert all(
        found[kind, label, aside] >= 9
        for kind in get_args(Kind)
        for label in get_args(Label)
        for aside in (True, False)
    )
