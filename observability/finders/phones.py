"""Telephone numbers: what surely is one, and what may be, in the spellings of some seventy countries."""

import re
from collections.abc import Iterator

from observability.finders.detection import Detection
from observability.finders.digits import near_digits
from observability.finders.payments import is_numbered, is_of_account

_PHONE = re.compile(
    r"(?<![\w.,/:=+#&?-])(?<!\d[ /])(?:"
    r"(?:\+|00)[1-9](?:[ .\-/\u00a0\u202f]?\(?\d\)?){7,14}"
    r"|0\d(?:[ .-]\d{2}){4}"
    r"|\(?0\d{2,5}\)?(?:[ ]?[/-][ ]?|[ ])\d{3,9}(?:[ -]\d{1,5}){0,3}"
    r"|\(\d{3}\) ?\d{3}[-. ]\d{4}|\d{3}-\d{3}-\d{4}"
    r"|[6789]\d{2} \d{3} \d{3}|[67]\d{2} \d{2} \d{2} \d{2}"
    r")(?![\w-]|[.,/:]\d)"
)
_MANY_DIGITS = re.compile(r"\d{9}")
_BARE_PHONE = re.compile(
    r"(?:phone|tel(?:efon|éfono|\.)?|mobil\w*|handy|cell|call|call me at|whatsapp|fax|anrufen|appeler"
    r"|llama\w*)\b[^\d\n+]{0,20}(\+?\d{9,14})(?!\d)",
    re.IGNORECASE,
)
_NOBODYS = re.compile(
    r"^(?:\+?1)?[2-9]?\d{0,2}55501\d\d$|^(?:\+?1)?555\d{7}$|^(?:\+?1|)\d{3}555\d{4}$"
    r"|^(?:\+44|0044|0)(?:7700900\d{3}|1632960\d{3}|20794600\d\d|2079460\d{3}|1\d{2}496\d{4}|8081570\d{3}"
    r"|9098790\d{3}|3069990\d{3}|2890180\d{3}|2920180\d{3})"
    r"|^(?:\+49|0049|0)(?:3023125\d{3}|6990009\d{3}|4066969\d{3}|2214710\d{3}|8999998\d{3}|1710?3920\d{3}"
    r"|17040?69\d{2,5}|176040690\d\d|152288\d+)"
    r"|^(?:\+33|0033|0)(?:19900|26191|35301|46571|53649|63998)\d{4}$"
    r"|^(?:\+?1|0)?8(?:00|88|77|66|55|44|33)\d{7}$|^(?:\+49|0049|0)(?:800|180|900|190|137|138)\d|^00?800"
    r"|^\+?800|^(?:\+33|0)80\d{7}$|^(?:\+34)?9[0]0\d{6}$"
)
# Counting up, zeros, and one digit again and again are how people write that any number may stand here.
_MADE_UP = re.compile(r"0{5}|1{5}|9{6}|(\d)\1{5}|123456|234567|345678|456789|987654|(?:0?123){2}")

# Codes of countries, and how many digits follow them.
_DIGITS_AFTER = {
    "1": (10, 10), "7": (10, 10), "20": (8, 10), "27": (9, 9), "30": (10, 10), "31": (9, 9), "32": (8, 9),
    "33": (9, 9), "34": (9, 9), "36": (8, 9), "39": (8, 11), "40": (9, 9), "41": (9, 9), "43": (7, 13), "44": (9, 10),
    "45": (8, 8), "46": (7, 10), "47": (8, 8), "48": (9, 9), "49": (6, 12), "51": (8, 9), "52": (10, 11),
    "53": (8, 8), "54": (10, 11), "55": (10, 11), "56": (9, 9), "57": (10, 10), "58": (10, 10), "60": (8, 10),
    "61": (9, 9), "62": (8, 12), "63": (9, 10), "64": (8, 10), "65": (8, 8), "66": (8, 9), "81": (9, 10),
    "82": (8, 10), "84": (9, 10), "86": (10, 11), "90": (10, 10), "91": (10, 10), "92": (9, 10), "93": (9, 9),
    "94": (9, 9), "95": (7, 10), "98": (10, 10), "212": (9, 9), "213": (8, 9), "216": (8, 8), "218": (9, 9),
    "221": (9, 9), "225": (10, 10), "233": (9, 9), "234": (8, 10), "237": (9, 9), "250": (9, 9), "251": (9, 9),
    "254": (9, 9), "255": (9, 9), "256": (9, 9), "260": (9, 9), "263": (9, 9), "351": (9, 9), "352": (6, 11),
    "353": (7, 9), "354": (7, 7), "355": (8, 9), "356": (8, 8), "357": (8, 8), "358": (6, 11), "359": (7, 9),
    "370": (8, 8), "371": (8, 8), "372": (7, 8), "373": (8, 8), "374": (8, 8), "375": (9, 9), "376": (6, 9),
    "377": (8, 9), "380": (9, 9), "381": (8, 9), "382": (8, 8), "383": (8, 8), "385": (8, 9), "386": (8, 8),
    "387": (8, 8), "389": (8, 8), "420": (9, 9), "421": (9, 9), "423": (7, 9), "502": (8, 8), "503": (8, 8),
    "504": (8, 8), "505": (8, 8), "506": (8, 8), "507": (7, 8), "591": (8, 8), "593": (8, 9), "595": (8, 9),
    "598": (8, 8), "852": (8, 8), "853": (8, 8), "855": (8, 9), "856": (8, 10), "880": (10, 10), "886": (8, 9),
    "960": (7, 7), "961": (7, 8), "962": (8, 9), "963": (9, 9), "964": (10, 10), "965": (8, 8), "966": (9, 9),
    "968": (8, 8), "970": (9, 9), "971": (8, 9), "972": (8, 9), "973": (8, 8), "974": (8, 8), "976": (8, 8),
    "977": (10, 10), "992": (9, 9), "994": (9, 9), "995": (9, 9), "996": (9, 9), "998": (9, 9),
}  # fmt: skip
_ABROAD = re.compile(
    r"(?<![\w+.])(?P<value>(?:\+(?: (?=\d{1,3}[ .-]\d))?"
    r"|(?<![\d.:/-])00[ ]?)\(?[1-9](?:[ .\-/()]{0,3}\d){6,15})(?!\d|-\d)"
)
_FORMS_AT_HOME = (
    # North America, with dots or the code in front.
    r"[2-9]\d{2}\.[2-9]\d{2}\.\d{4}",
    r"1[ .-]\(?[2-9]\d{2}\)?[ .-]{1,2}[2-9]\d{2}[ .-]\d{4}",
    # A zero, the place, and groups: most of Europe, Asia and Africa.
    r"\(?0\d{1,4}\)?(?:[ ]?[ .\-/][ ]?\d{2,4}){2,5}",
    r"\(?0\d{1,5}\)?[ ]?[\-/ ][ ]?\d{5,9}",
    r"0 ?\(\d{2,4}\) ?\d{2,4}(?:[ -]?\d{2,4}){1,3}",
    r"\(0\d{1,4}\) ?\d{2,4}(?:[ -]\d{2,4}){1,3}",
    r"0[235-9]\d{8}",
    # Russia, Brazil, China, Turkey.
    r"8[ -]?\(\d{3,4}\)[ -]?\d{2,3}[ -]\d{2}[ -]\d{2}|8[ -]\d{3}[ -]\d{3}[ -]\d{2}[ -]?\d{2}",
    r"\(\d{2}\) ?9?[ ]?\d{4}[- ]\d{4}|\d{2} 9\d{4}-\d{4}",
    r"1[3-9]\d[ -]\d{4}[ -]\d{4}",
    r"5\d{2} \d{3} \d{2} \d{2}",
    # Spain, Portugal, Poland.
    r"[67]\d{2}(?:[.-]\d{2,3}){2,3}",
)
_AT_HOME = re.compile(rf"(?<![\w.,/+#-])(?<!\d[ :])(?P<value>{'|'.join(_FORMS_AT_HOME)})(?![\w-]|[.,/:]\d| \d)")
_CALLED = (
    r"(?:(?<![a-z_])(?:phone|tel|fone|mob|cell|gsm|natel|sms|msisdn|fax|whats ?app|wa|zap|imo|viber|signal"
    r"|telegram|puh|tlf|hp|sđt|đt|cep|nr\.? tel)"
    r"|phone(?:[_ -]?(?:number|no|nr))?|mobil\w{0,5}|mobile[_ -]?(?:number|no)?|cellphone|handy(?:nummer)?"
    r"|rufnummer|festnetz|telefon\w{0,6}|tel(?:é|e)fono|t(?:é|e)l(?:é|e)phone|telefone"
    r"|telem(?:ó|o)vel|celular\w{0,3}|m(?:ó|o)vil|cellulare|portable|telefoon\w{0,6}|gsm-?nummer|puhelin\w{0,8}"
    r"|kom(?:ó|o)rk\w{1,3}|telepon|ponsel|nomor|điện thoại"
    r"|my (?:new |mobile |work |private |cell )?(?:number|no\.?)(?: is|'s|\u2019s)?|mon num(?:é|e)ro|mi n(?:ú|u)mero"
    r"|il mio numero|o meu (?:número|contacto)|meu n(?:ú|u)mero|meine (?:neue )?nummer|mijn nummer|mit nummer"
    r"|mitt nummer|numaram|m(?:ó|o)j numer|moje (?:č|c)(?:í|i)slo"
    r""
    r"|ruf\w{0,2} (?:mich|uns|an)|erreich\w{0,6}(?: (?:mich|uns|unter|ihr|sie)){0,3}|anruf\w{0,3}|appel\w{1,7}"
    r"|joignable(?: au)?|rappel\w{0,4}"
    r"|ll(?:á|a)m\w{1,5}|chiam\w{1,5}|ligue?(?: para)?|bel(?:len)?(?: me| mij| ons)?|dzwo\w{1,4}|volejte"
    r"|zavol\w{1,5}|ring mig|soita"
    r"|телефон\w{0,3}|тел|номер\w{0,2}|звон\w{1,5}|позвон\w{1,5}|моб|手机|手機|电话|電話|携帯|号码|番号|联系|전화|휴대|번호|연락|เบอร์"
    r"|โทร|फ़?ोन|मोबाइल|هاتف|جوال|موبايل|رقم|טלפון|נייד|τηλ\w{0,7}|κινητό"
    r"|wa\.me/|tel:|sms:|callto:|whatsapp:|phone=|t\.me/|sms[._-]?to)"
)
_TOLD_TO_CALL = (
    r"(?<![a-z_])(?:call|ring|text|reach|dial)(?: (?:me|us|him|her|them|back))?(?: back)?(?: at| on| under)?"
)
_BESIDE = re.compile(rf"{_CALLED}(?P<between>[^\d\n+(]{{0,24}})$|{_TOLD_TO_CALL}(?P<near>[ :]{{1,2}})$")
_NUMBER = re.compile(r"(?P<value>[(+ ]{0,3}\d(?:[ .\-/()]{0,3}\d){6,14})(?![\d])(?!-\d|[.,]\d)")
_BESIDE_TOLD = (
    *("phone", "tel", "fon", "mob", "cel", "gsm", "sms", "msisdn", "fax", "whats", "wa", "zap", "numer", "nummer"),
    *("number", "handy", "call", "ring", "text", "reach", "dial", "ruf", "reich", "appel", "joignable", "ll"),
    *("chiam", "lig", "bel", "dzwo", "vol", "puh", "nomor", "cep", "tlf", "hp", "portable", "natel", "soita"),
    *("viber", "signal", "numaram", "festnetz", "ponsel", "komork"),
)  # fmt: skip
_OF_SOMETHING_ELSE = re.compile(
    r"\bid|_id|order|count|bytes|size|port\b|pid|ticket|invoice|version|span|trace|took|\bms\b|time|date|error"
    r"|code|line|seq|offset|len|total|amount|price|"
    r"account|iban|card|karte|imei|serial|isbn|ean|contract|case|bestell|rechnung|kunden|vertrag|factur|pedido"
    r"|конт|счет|заказ|订单|注文",
    re.IGNORECASE,
)
_FICTION = re.compile(
    r"555-?01\d\d$|^\+?1?555|55501\d\d$|^\+44(?:7700900|1632960|2079460)|^\+?1?\d{3}55501|^\+49(?:3023125|152288)"
)
_DATED = re.compile(
    r"(?:0[1-9]|[12]\d|3[01])[ ./-](?:0[1-9]|1[0-2])[ ./-](?:19|20)\d\d\b|(?:19|20)\d\d[ ./-]?(?:0[1-9]"
    r"|1[0-2])[ ./-]?(?:0[1-9]|[12]\d|3[01])(?!\d)"
    r"|(?:\d{1,3}\.){3}\d{1,3}$"
    r"|[0-2]\d[ .:][0-5]\d[ .:][0-5]\d$"
)


def phones(text: str) -> Iterator[Detection]:
    """Asked for texts with seven digits that are near each other."""
    for start, end in near_digits(text):
        for found in _PHONE.finditer(text, start, end + 2):
            number = _plain(found[0])
            if _is_phone(number) and _is_grouped_so(number, found[0]) and not _is_other(text, found.start()):
                yield Detection("phone", *found.span(), "telephone number")
    if _MANY_DIGITS.search(text) is None:
        return
    for found in _BARE_PHONE.finditer(text):
        if _is_phone(found[1]) and found[1][0] in "+0":
            yield Detection("phone", *found.span(1), "telephone number")


def _is_other(text: str, start: int) -> bool:
    return is_numbered(text, start) or is_of_account(text, start)


def _is_grouped_so(number: str, written: str) -> bool:
    """No words of hexadecimal digits, and no parts of a plot."""
    if number.startswith("00"):
        return _is_of_a_country(number)
    return len(number) > 8 or number[0] != "0" or len(re.findall(r"\d+", written)) < 3


def likely_phones(text: str, lower: str) -> Iterator[Detection]:
    for start, end in near_digits(text):
        for found in _found(text, lower, start, end):
            if not is_of_account(text, found.start("value")):
                yield Detection("phone", *found.span("value"), "telephone number")


def _found(text: str, lower: str, start: int, end: int) -> Iterator[re.Match[str]]:
    # What stands behind it is looked at as well.
    behind = end + 3
    for found in _ABROAD.finditer(text, start, behind):
        if _is_of_a_country(_plain(found["value"])) and not (
            found["value"][0] == "0" and is_numbered(text, found.start())
        ):
            yield found
    for found in _AT_HOME.finditer(text, start, behind):
        number = _plain(found["value"])
        if (
            9 <= len(number) <= 12
            and _may_be_phone(number)
            and not _DATED.match(found["value"])
            and not is_numbered(text, found.start())
        ):
            yield found
    before = lower[max(0, start - 56) : start]
    if any(map(before.__contains__, _BESIDE_TOLD)) or not before.isascii():
        called, found_number = _BESIDE.search(before), _NUMBER.match(text, start, behind)
        if called is not None and found_number is not None:
            number = _plain(found_number["value"])
            if (
                _may_be_phone(number)
                and not _OF_SOMETHING_ELSE.search(called["between"] or "")
                and not _DATED.match(found_number["value"])
            ):
                yield found_number


def _plain(number: str) -> str:
    return re.sub(r"[^0-9+]", "", number)


def _is_of_a_country(number: str) -> bool:
    """Whether behind the code of a country stand as many digits as numbers have there, a zero in brackets aside."""
    digits = number[1:] if number[0] == "+" else number.removeprefix("00")
    for size in (3, 2, 1):
        fewest, most = _DIGITS_AFTER.get(digits[:size], (0, 0))
        if most:
            rest = digits[size:]
            rest = rest[1:] if rest[:1] == "0" and digits[:size] != "39" else rest
            return fewest <= len(rest) <= most and _may_be_phone("+" + digits)
    return number[0] == "+" and 8 <= len(digits) <= 15 and _may_be_phone(number)


def _may_be_phone(number: str) -> bool:
    digits = number.lstrip("+")
    return (
        7 <= len(digits) <= 15 and len(set(digits)) >= 4 and not _FICTION.search(number) and _is_phone_or_short(number)
    )


def _is_phone_or_short(number: str) -> bool:
    return not _MADE_UP.search(number) and not _NOBODYS.match(number)


def _is_phone(number: str) -> bool:
    digits = number.lstrip("+")
    if not 8 <= len(digits) <= 15 or len(set(digits)) < 4:
        return False
    return _MADE_UP.search(digits) is None and not _NOBODYS.match(number)
