"""Data of persons in many spellings. All of it is made up here; checksums are reckoned."""

import pytest

from observability.redaction import redact


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("to jane%2Edoe%40posteo.de&x", "to [email]&x"),
        ("to jane&#64;posteo.de now", "to [email] now"),
        ('{"m":"jane\\u0040posteo.de"}', '{"m":"[email]"}'),
        ("to jane (at) posteo (dot) de now", "to [email] now"),
        ("to jane[at]posteo.de now", "to [email] now"),
        ("to jane at posteo dot de now", "to [email] now"),
        ('to "jane doe"@posteo.de now', "to [email] now"),
        ("('jane@bücher-lager.at')", "('[email]')"),
        ("to jane@xn--bcher-kva.xn--p1ai now", "to [email] now"),
        ("to иван@почта.рф now", "to [email] now"),
        ("to jane\uff20posteo.de now", "to [email] now"),
        ("to ja\u200bne@posteo.de now", "to [email] now"),
    ],
)
def test_addresses_of_mail(text: str, marked: str) -> None:
    assert redact(text) == marked


WIDE = "".join(chr(ord(each) + 0xFEE0) if each != " " else each for each in "+49 151 28471935")


@pytest.mark.parametrize(
    "number",
    [
        "+49 (0)89 2685 1717",
        "+49 (0)89 / 2685 1717",
        "0049 89 26851717",
        "+49.89.26851717",
        "0664 / 827 19 40",
        "044 668 18 29",
        "+44 (0) 20 7183 8750",
        "020 7183 8750",
        "07911 268431",
        "+1 (415) 867-5309",
        "415.867.5309",
        "1-415-867-5309",
        "06.47.19.83.52",
        "+34 612 34 91 78",
        "+39 347 819 2640",
        "06-28471935",
        "0475/82.19.36",
        "070-284 71 93",
        "+47 928 47 193",
        "602-847-193",
        "06 30 284 7193",
        "0722 847 193",
        "+30 694 284 7193",
        "0 (532) 284 71 93",
        "8 (916) 284-71-93",
        "+380 67 284 7193",
        "054-284-7193",
        "+971 50 284 7193",
        "+91 98284 71935",
        "138-2847-1935",
        "03-6284-7193",
        "010-2847-1935",
        "(02) 9284 7193",
        "(11) 92847-1935",
        "+52 55 2847 1935",
        "0912.847.193",
        "0812-2847-1935",
        "012-284 7193",
        "+234 803 284 7193",
        "+254 712 847193",
        WIDE,
        "+49\u00a0151\u00a028471935",
        "+49\u2011151\u201128471935",
        "+49\u200b15128471935",
    ],
)
def test_telephones(number: str) -> None:
    assert redact(f"dann {number} bitte") == "dann [phone] bitte"


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("phone%3D%2B4915128471935", "phone%3D[phone]"),
        ("https://wa.me/4915128471935?x", "https://wa.me/[phone]?x"),
        ("手机13828471935", "手机[phone]"),
        ("tlf. 28 47 19 35", "tlf. [phone]"),
        ('"mobile":"9828471935"', '"mobile":"[phone]"'),
        ("llámame al 612849178", "llámame al [phone]"),
    ],
)
def test_telephones_that_are_called_so(text: str, marked: str) -> None:
    assert redact(text) == marked


def _with_luhn(digits: str) -> str:
    doubled = (int(each) * (2 - at % 2) for at, each in enumerate(reversed(digits)))
    return digits + str(-sum(each - 9 * (each > 9) for each in doubled) % 10)


VISA, AMEX, DINERS = _with_luhn("453921768340275"), _with_luhn("37829461053718"), _with_luhn("3687194205318")


@pytest.mark.parametrize(
    "sign", [" ", "-", ".", "/", "_", ":", " - ", "\u00a0", "\u202f", "\u2011", "%20", "&nbsp;", "\\u00a0"]
)
def test_cards(sign: str) -> None:
    fours = sign.join(VISA[at : at + 4] for at in range(0, 16, 4))
    assert redact(f"x {fours} y") == "x [card] y"
    assert redact(f"x {AMEX[:4]}{sign}{AMEX[4:10]}{sign}{AMEX[10:]} y") == "x [card] y"


def test_cards_in_one_piece_and_on_tracks() -> None:
    assert redact(f"{DINERS} declined") == "[card] declined"
    assert redact(f"%B{VISA}^DOE/J^2712 ;{VISA}=2712101") == "%B[card]^DOE/J^2712 ;[card]=2712101"
    assert redact(" ".join(VISA)) == "[card]"


def _iban(country: str, account: str) -> str:
    rest = int("".join(str(int(each, 36)) for each in f"{account}{country}00")) % 97
    return f"{country}{98 - rest:02d}{account}"


IBANS = (
    _iban("DE", "500105175407324931"),
    _iban("GB", "MONZ04000427184935"),
    _iban("NO", "86012847193"),
    _iban("CH", "0483502847193500A"),
)


@pytest.mark.parametrize("iban", IBANS)
@pytest.mark.parametrize("sign", ["", " ", "-", ".", "/", "_", "\u00a0", "\u202f", "%20"])
def test_ibans(iban: str, sign: str) -> None:
    for written in (iban, iban.lower()):
        fours = sign.join(written[at : at + 4] for at in range(0, len(written), 4))
        assert redact(f"to {fours} please") == "to [iban] please"


def test_ibans_within_others() -> None:
    iban = IBANS[0]
    assert redact(f"IBAN{iban} iban%3D{iban}") == "IBAN[iban] iban%3D[iban]"
    assert redact(f"BCD\\n002\\n1\\nSCT\\n\\nX\\n{iban}\\nEUR12") == "BCD\\n002\\n1\\nSCT\\n\\nX\\n[iban]\\nEUR12"


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("from 2a02:8109:9c40::42.", "from [ip]."),
        ("2a02:8109:9c40::42: refused", "[ip]: refused"),
        ("2a02:8109:9c40::42%eth0", "[ip]%eth0"),
        ("inet6 2a02:8109:9c40::42/64", "inet6 [ip]/64"),
        ("inet 84.142.37.91/24", "inet [ip]/24"),
        ("<RemoteHost>84.142.37.91</RemoteHost>", "<RemoteHost>[ip]</RemoteHost>"),
        ("/ip4/84.142.37.91/tcp/1", "/ip4/[ip]/tcp/1"),
        ("84[.]142[.]37[.]91", "[ip]"),
        ("::ffff:548e:255b", "[ip]"),
        ("ip-84-142-37-91.ec2.net", "ip-[ip].ec2.net"),
        ("84.142.37.91-84.142.37.95", "[ip]-[ip]"),
    ],
)
def test_addresses_of_machines(text: str, marked: str) -> None:
    assert redact(text) == marked


@pytest.mark.parametrize(
    "text",
    [
        "scores = q@k.transpose(-2, -1); java.lang.Object@5e9f23b4.lock",
        "look at the dot com boom; at some point in time",
        "meet (at) noon, array[at] index, uses: actions/checkout@v4.2.2",
        "plot 049-331-77, trace 0x7f3a 0049 0160 ffff 2210, part 0615-990-GBR-114",
        "tool_text_editor_20250124, text=2310144, dialect/2025-09-17, x1 - 97197721632*x3 + 73975630752",
        "2025-03-04 09:12:44 +0100, 01.02.2024 - 28.02.2024, 00:49:15.160, 12 034 56 078 90 112",
        "order 4417 2298 8311, invoice 2024-118-00457, EAN 4006381333931, tracking 1Z999AA10123456784",
        "row 4539 2176 8340 2759, span 1741082364818737, id 2847193500284",
        "contract GB33 ZIEL 0060 5732 0687 10, RF18 5390 0754 7034, LEI 5493001KJTIIGC8Y1R12",
        "std::chrono::ms, Foo::Bar::baz, a::b, 09:12:44:103, MAC 3c:22:fb:8a:01:9e",
        "upgraded plugin 2.14.7.31 -> 2.14.8.2, fw 89.12.4.201, 89.12.4.201 is the firmware version, foo==84.2.3.44",
        "<Version>84.142.37.91</Version>, Chrome/120.0.6099.109, 2a02:8109::/32, 84.142.0.0/16",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert redact(text) == text
