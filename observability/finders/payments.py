"""Cards and accounts at banks, by their checksums: what surely is one, and what may be."""

import re
from collections.abc import Iterator

from observability.finders.detection import Detection
from observability.finders.digits import IBAN_BEGUN, Digits

_CARD = re.compile(
    r"(?=\d)(?<![\w.+,-])(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{1,7}|3\d{3}([ -]?)\d{6}\2\d{4,5})(?![\w-]|[.,]\d)"
)
_BRANDS = re.compile(
    r"4|5[1-5]|2(?:2[2-9]|[3-6]\d|7[01]|720)|3[47]|3(?:0[0-5]|[689])|6(?:011|5|4[4-9])|35|62|50|5[6-8]"
)
_TEST_CARDS = frozenset((
    *("4111111111111111", "4242424242424242", "4012888888881881", "4222222222222", "4000056655665556"),
    *("5555555555554444", "5105105105105100", "2223003122003222", "5200828282828210", "378282246310005"),
    *("371449635398431", "378734493671000", "6011111111111117", "6011000990139424", "3056930009020004"),
    *("30569309025904", "38520000023237", "36227206271667", "3530111333300000", "3566002020360505"),
    *("6200000000000005", "4000000000000002", "4000000000009995", "4000002500003155", "4000000000003220"),
    *("5454545454545454", "4917610000000000", "4484070000000000", "4929000000006", "4988438843884305"),
    *("2222400070000005", "5577000055770004", "6759649826438453", "4532015112830366", "4539578763621486"),
))  # fmt: skip
_NUMBERED = re.compile(
    r"(?:order|bestell\w*|commande|pedido|ref\w*|tracking|sendung\w*|invoice|rechnung\w*|isbn|ean|gtin|imei|iccid"
    r"|serial|serien\w*|ticket|\bid|"
    r"timestamp|issue|katalog\w*|catalog\w*)\W{0,4}(?:number|nummer|num|nr|no|id)?\W{0,4}$",
    re.IGNORECASE,
)

# However they are set apart, so it is the same way each time.
_MANY_DIGITS = re.compile(r"\d(?:[^\w\n]{0,3}\d|_\d){11}")
_SIGNED = re.compile(
    r"(?=\d)(?<![\w.,+-])(?:\d{4}(?P<sign>(?:[^\w\n,|+]{1,3}"
    r"|_))\d{4}(?P=sign)\d{4}(?P=sign)\d{1,4}(?:(?P=sign)\d{1,3})?"
    r"|3\d{3}(?P<other>(?:[^\w\n,|+]{1,3}|_))\d{6}(?P=other)\d{4,5}"
    r"|\d(?:(?P<each>[ .-])\d)(?:(?P=each)\d){11,17})(?![\w-]|[.,]\d)"
)
_UNSIGNED = re.compile(r"\d(?<![\w.+-].)\d{12,18}(?![\w-]|\.\d)")
_BESIDE = re.compile(
    r"(?:card|karte|carte|cart(?:ã|a)o|tarjeta|carta|kaart|kort|kart[a\u0131ęy]?|karty|kártya|κάρτα|карт\w{1,2}|カード"
    r"|卡号?|카드|\bpan|visa|master|amex"
    r"|maestro|diners|discover|jcb|unionpay|\bcc|credit|kredit|debit|girocard|account_?number|\bnumber)\w{0,12}"
    r"[^\d\n]{0,24}(?P<value>\d(?:[ .\-/_]{0,2}\d){11,18})(?![\w-]|[.,]\d)",
    re.IGNORECASE,
)
_BESIDE_TOLD = (
    "car",
    "kar",
    "kor",
    "tarj",
    "kaart",
    "pan",
    "visa",
    "master",
    "amex",
    "maestro",
    "diners",
    "cc",
    "credit",
    "debit",
    "number",
)
_TRACK = re.compile(r"(?:%?B|;)(?P<value>\d{12,19})[\^=]")

_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip
# As the registry of IBANs and the encyclopedias print them.
_DOCUMENTED = frozenset((
    *("DE89370400440532013000", "DE75512108001245126199", "DE02120300000000202051", "DE12500105170648489890"),
    *("GB29NWBK60161331926819", "GB82WEST12345698765432", "GB33BUKB20201555555555"),
    *("FR1420041010050500013M02606", "FR7630006000011234567890189", "FR7630001007941234567890185"),
    *("ES9121000418450200051332", "ES7921000813610123456789", "NL91ABNA0417164300", "NL02ABNA0123456789"),
    *("IT60X0542811101000000123456", "CH9300762011623852957", "CH5604835012345678009", "AT611904300234573201"),
    *("AT483200000012345864", "BE68539007547034", "BE71096123456769", "PL61109010140000071219812874"),
    *("PT50000201231234567890154", "SE4550000000058398257466", "DK5000400440116243", "NO9386011117947"),
    *("FI2112345600000785", "IE29AIBK93115212345678", "LU280019400644750000", "DE91100000000123456789"),
))  # fmt: skip
_IBAN = re.compile(
    r"([A-Z](?<![A-Za-z0-9].)[A-Z]\d{2})((?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?)(?![A-Za-z0-9])"
)
_LOOSE_IBAN = re.compile(r"[A-Za-z]{2}\d{2}(?:[ .\-_/]{0,2}[A-Za-z0-9]){11,30}+")


def payments(text: str, digits: Digits) -> Iterator[Detection]:
    if digits.many and _MANY_DIGITS.search(text):
        yield from _cards(text)
    if digits.as_in_ibans:
        yield from _ibans(text)


def likely_payments(text: str, lower: str, digits: Digits) -> Iterator[Detection]:
    if digits.many and _MANY_DIGITS.search(text):
        yield from _likely_cards(text, lower)
    for begun in IBAN_BEGUN.finditer(text) if digits.as_in_ibans else ():
        found = _LOOSE_IBAN.match(text, begun.start() - 2)
        if found is not None and (end := _end_of_iban(text, found)) is not None:
            yield Detection("iban", found.start(), end, "IBAN")


def is_numbered(text: str, start: int) -> bool:
    """Whether what begins there is called a number of something else."""
    return _NUMBERED.search(text, max(0, start - 40), start) is not None


def is_of_account(text: str, place: int) -> bool:
    """Whether it stands within what has the form of an IBAN, be it one or not."""
    near = _IBAN.finditer(text, max(0, place - 44), place + 44)
    return any(found.start() <= place < found.end() and found[1][:2] in _LENGTHS for found in near)


def _plain(number: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", number)


def _cards(text: str) -> Iterator[Detection]:
    for found in _CARD.finditer(text):
        digits = _plain(found[0])
        grouped = len(digits) != len(found[0])
        if (
            _is_card(digits)
            and (grouped or (len(digits) in {15, 16} and not is_numbered(text, found.start())))
            and not is_of_account(text, found.start())
        ):
            yield Detection("card", *found.span(), "card number")


def _is_card(digits: str) -> bool:
    if not 13 <= len(digits) <= 19 or digits in _TEST_CARDS or not _BRANDS.match(digits) or not _luhn(digits):
        return False
    return len(set(digits)) >= 4 and not _is_counted(digits)


def _likely_cards(text: str, lower: str) -> Iterator[Detection]:
    for found in _SIGNED.finditer(text):
        if _is_card(_plain(found[0])) and not is_of_account(text, found.start()):
            yield Detection("card", *found.span(), "card number")
    for found in _UNSIGNED.finditer(text):
        if _has_its_length(found[0]) and not is_numbered(text, found.start()):
            yield Detection("card", *found.span(), "card number")
    for found in _TRACK.finditer(text):
        yield Detection("card", *found.span("value"), "card number")
    if any(map(lower.__contains__, _BESIDE_TOLD)) or not text.isascii():
        for found in _BESIDE.finditer(text):
            if _is_card(_plain(found["value"])) and not is_numbered(text, found.start("value")):
                yield Detection("card", *found.span("value"), "card number")


_LENGTHS_OF_CARDS = (
    (re.compile(r"4"), {13, 16, 19}),
    (re.compile(r"5[1-5]|2(?:2[2-9]|[3-6]\d|7[01]|720)"), {16}),
    (re.compile(r"3[47]"), {15}),
    (re.compile(r"3(?:0[0-5]|[689])"), {14}),
    (re.compile(r"6(?:011|5|4[4-9])|35(?:2[89]|[3-8])"), {16}),
    (re.compile(r"62"), {16, 17, 18, 19}),
)


def _has_its_length(digits: str) -> bool:
    of_brand = any(brand.match(digits) and len(digits) in lengths for brand, lengths in _LENGTHS_OF_CARDS)
    return of_brand and _is_card(digits)


def _luhn(digits: str) -> bool:
    doubled = [int(each) * (1 + at % 2) for at, each in enumerate(reversed(digits))]
    return sum(each - 9 * (each > 9) for each in doubled) % 10 == 0


def _is_counted(digits: str) -> bool:
    return digits in "01234567890123456789" or digits in "98765432109876543210" or "12345678" in digits


def _ibans(text: str) -> Iterator[Detection]:
    for found in _IBAN.finditer(text):
        end = _end_of_iban(text, found)
        if end is not None and "12345678" not in _plain(text[found.start() : end]):
            yield Detection("iban", found.start(), end, "IBAN")


def _end_of_iban(text: str, found: re.Match[str]) -> int | None:
    """Where it ends, if it is as long as its country's are and its checksum is right."""
    number = _plain(found[0]).upper()
    length = _LENGTHS.get(number[:2])
    if length is None or len(number) < length:
        return None
    end, number = _after(text, found.start(), length), number[:length]
    if text[end : end + 1].isalnum() or number in _DOCUMENTED or len(set(number[4:])) < 4 or not _mod97(number):
        return None
    return end


def _after(text: str, start: int, letters: int) -> int:
    at = start
    while letters:
        letters -= text[at].isalnum()
        at += 1
    return at


def _mod97(number: str) -> bool:
    turned = number[4:] + number[:4]
    return int("".join(str(int(each, 36)) for each in turned)) % 97 == 1
