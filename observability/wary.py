"""What may be a secret or somebody's data: for what is written down, where one too many is better than one too few.

The checks of an answer do not use it: they would blame an author for what only looks like one. Pure.
"""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["secret", "email", "phone", "card", "iban", "ip"]


@dataclass(frozen=True, slots=True)
class Found:
    kind: Kind
    start: int
    end: int


# What a password, a key or a session is called, where people and programs assign one.
_CALLED = (
    r"pass(?:wor[dt]|wd|phrase)?|pwd|passwort|kennwort|mdp|mot de passe|contrase(?:ñ|n)a|senha|l(?:ö|o)senord|heslo"
    r"|wachtwoord|has(?:ł|l)o|parola|пароль|パスワード|密码|비밀번호|secret[_ .-]?key|secret|token|api[_ .-]?key"
    r"|access[_ .-]?key|private[_ .-]?key|auth|credentials?|session(?:[_ .-]?id)?|jsessionid|phpsessid|connect\.sid|sid"
)
_GIVEN = re.compile(
    rf"(?:{_CALLED})"
    r"(?:[\"'`]?\s{0,2}(?:=>?|:=?|\uff1a)\s{0,2}[\"'`]?|\"\s+value=\"|(?:\s+\w+){1,2}:\s+"
    r"|\s+(?:is|ist|lautet|est|è|es|är|=|del \w+ è)\s+|\s+)"
    r"(?P<value>[^\s\"'`<>,;&|]{6,400})",
    re.IGNORECASE,
)
# Looked for first: most texts name none of it.
_NAMED_FIRST = (
    *(
        "pass",
        "pwd",
        "kennwort",
        "mdp",
        "mot de",
        "contrase",
        "senha",
        "senord",
        "lösenord",
        "heslo",
        "wachtwoord",
        "hasło",
    ),
    *(
        "haslo",
        "parola",
        "пароль",
        "パスワード",
        "密码",
        "비밀번호",
        "secret",
        "token",
        "key",
        "auth",
        "credential",
        "sess",
        "sid",
    ),
)
# Each with what a text must hold before its pattern is tried: that is what keeps it cheap.
_ON_A_LINE = (
    ("-u", re.compile(r"(?:^|\s)(?:-u|--user|--proxy-user)[ =]'?\"?[^\s:'\"]{1,64}:(?P<value>[^\s'\"]{4,200})")),
    ("sshpass", re.compile(r"\bsshpass\s+-p\s*['\"]?(?P<value>[^\s'\"]{4,200})")),
    ("-p", re.compile(r"\b(?:mysql|mysqldump|mariadb)\b[^\n]{0,200}?\s-p(?P<value>[^\s'\"-][^\s'\"]{3,200})")),
    ("/user:", re.compile(r"/user:\S{1,64}\s+(?P<value>[^\s/'\"]{6,200})")),
    ("echo", re.compile(r"\becho\s+['\"]?(?P<value>[^\s'\"|]{6,200})['\"]?\s*\|\s*(?:sudo\s+-S|passwd|docker login)")),
    ("://", re.compile(r"://[^\s/:@\"'<>]{0,100}:(?P<value>[^\s/@\"'<>]{3,200})@")),
    ("jdbc:oracle", re.compile(r"\bjdbc:oracle:thin:[^\s/@]{1,64}/(?P<value>[^\s/@]{3,200})@")),
    ('"auth"', re.compile(r"\"auth\"\s*:\s*\"(?P<value>[A-Za-z0-9+/=]{16,400})\"")),
    (".", re.compile(r"\b(?P<value>[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,45})\b")),
    ("Q~", re.compile(r"\b(?P<value>[A-Za-z0-9_~.-]{3,5}Q~[A-Za-z0-9_.~-]{28,40})")),
    ("sig=", re.compile(r"[?&]sig=(?P<value>[^&\s\"']{20,200})")),
    ("NR", re.compile(r"\b(?P<value>NR(?:AK|RA|JS|II)-[A-Za-z0-9]{20,40})\b")),
)
_NO_VALUE = re.compile(
    r"example|sample|your|placeholder|change|replace|insert|dummy|fake|redact|todo|xxx|\*{3}|\.{3}|…|demo|<|^\$|\$\{|\{\{|^%|^\("
    r"|^process\.|^os\.|^env\.|^secrets?[.:/]|^vault:|^arn:|^projects/|^\[|_key$|_token$|^(?:none|null|true|false|undefined)$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[\d.,:%+-]+(?:[a-z]{1,4})?")

_ADDRESS = re.compile(
    r"(?<![\w.+'-])(?P<person>\w(?:[\w.+'-]{0,62}[\w+])?)(?:@|%40)(?P<domain>(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,6}[^\W\d_]{2,24})(?![\w@])"
)
_CLINGING = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_'-]{0,62}@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}")
_NOBODYS_ENDS = {
    *(
        "example",
        "test",
        "invalid",
        "localhost",
        "local",
        "internal",
        "lan",
        "arpa",
        "service",
        "socket",
        "lock",
        "git",
    ),
    *(
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "js",
        "ts",
        "css",
        "py",
        "md",
        "html",
        "json",
        "yaml",
        "yml",
        "txt",
        "zip",
    ),
}
_NOBODYS_NAMES = {
    "example",
    "domain",
    "yourdomain",
    "company",
    "acme",
    "test",
    "contoso",
    "fabrikam",
    "northwind",
    "github",
}
_NOBODYS_PERSONS = {"git", "noreply", "no-reply", "donotreply", "user", "username", "you", "someone", "name"}
_HASH = re.compile(r"[0-9a-f]{6,16}")

_DIGIT = re.compile(r"\d")
_MANY_DIGITS = re.compile(r"\d(?:[ .()/+-]{0,2}\d){8}")
_IBAN_BEGUN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}[ -]?[A-Za-z0-9]{4}[ -]?[A-Za-z0-9]{4}")
_PHONES = (
    re.compile(r"(?<![\w+.])(?P<value>\+[1-9](?:[ .\-/]?\(?\d\)?){7,14})(?![\d-])"),
    re.compile(r"(?<![\w.,/-])(?P<value>[2-9]\d{2}\.[2-9]\d{2}\.\d{4})(?![\w.-])"),
    re.compile(
        r"(?:wa\.me/|msisdn\"?\s*[=:]\s*\"?|tel:|phone\"?\s*[=:]\s*\"?|sms\.to=)(?P<value>\+?[1-9]\d{8,14})(?!\d)"
    ),
)
_FICTION = re.compile(
    r"555-?01\d\d$|^\+?1?555|55501\d\d$|^\+44(?:7700900|1632960|2079460)|^\+?1?\d{3}55501|^\+49(?:3023125|152288)"
)

_TRACK = re.compile(r"%B(?P<value>\d{13,19})\^")
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?(?![A-Za-z0-9])"
)
_IBAN_SIZES = {
    "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24, "FI": 18,
    "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24,
    "TR": 26, "UA": 29,
}  # fmt: skip
# As they stand in documentation everywhere.
_DOCUMENTED = {
    *("DE89370400440532013000", "GB29NWBK60161331926819", "GB82WEST12345698765432", "NL91ABNA0417164300"),
    *("FR1420041010050500013M02606", "CH9300762011623852957", "ES9121000418450200051332", "AT611904300234573201"),
    *("BE68539007547034", "IT60X0542811101000000123456", "FR7630006000011234567890189", "DE91100000000123456789"),
}
_ASSIGNED_IP = re.compile(
    r"(?:\b|_|\.)(?:ip|src|source|client|remote|peer|host|rip|addr(?:ess)?|forwarded(?:[_-]for)?)[\"']?\s?[=:]\s?[\"']?"
    r"(?P<value>[0-9A-Fa-f:.]{7,45})(?![\w])",
    re.IGNORECASE,
)


def wary(text: str) -> Iterator[Found]:
    """In no order, and overlapping where more than one looks."""
    if "@" in text or "%40" in text:
        yield from _addresses(text)
    if _DIGIT.search(text) is None:
        # Everything else has one.
        return
    if any(map(text.lower().__contains__, _NAMED_FIRST)):
        yield from _given(text)
    yield from _on_a_line(text)
    if _MANY_DIGITS.search(text):
        yield from _phones(text)
    if _IBAN_BEGUN.search(text):
        yield from _ibans(text)
    if text.count(".") > 2 or text.count(":") > 2:
        for found in _ASSIGNED_IP.finditer(text):
            if _is_somebodys(found["value"].rstrip(".:")):
                yield Found("ip", *found.span("value"))


def _phones(text: str) -> Iterator[Found]:
    """Of telephones, and of cards as a reader of their stripe tells them."""
    for pattern in _PHONES:
        for found in pattern.finditer(text):
            digits = re.sub(r"[^\d+]", "", found["value"])
            if len(set(digits)) >= 5 and not _FICTION.search(digits):
                yield Found("phone", *found.span("value"))
    for found in _TRACK.finditer(text):
        yield Found("card", *found.span("value"))


def _given(text: str) -> Iterator[Found]:
    for found in _GIVEN.finditer(text):
        value = found["value"].rstrip(".:)]}")
        if _may_be_secret(value):
            start = found.start("value")
            yield Found("secret", start, start + len(value))


def _on_a_line(text: str) -> Iterator[Found]:
    for needle, pattern in _ON_A_LINE:
        if needle not in text:
            continue
        for found in pattern.finditer(text):
            value = found["value"]
            if not _NO_VALUE.search(value) and re.search(r"\d", value) and _HASH.fullmatch(value) is None:
                yield Found("secret", *found.span("value"))


def _may_be_secret(value: str) -> bool:
    """Letters and digits, and not what a program would write there."""
    if len(value) < 6 or _NO_VALUE.search(value) or _NUMBER.fullmatch(value):
        return False
    if not (re.search(r"\d", value) and re.search(r"[^\W\d_]", value)):
        return False
    return re.fullmatch(r"[A-Za-z_]+\d?|[A-Za-z_]+(?:[.(\[/:][A-Za-z_]+)+\d?\W*|v?\d[\d.]*\w{0,3}", value) is None


def _addresses(text: str) -> Iterator[Found]:
    for found in _ADDRESS.finditer(text):
        if _is_a_persons(found["person"], found["domain"]):
            yield Found("email", *found.span())
    for found in _CLINGING.finditer(text):
        # In scripts without blanks, an address clings to the words around it.
        before, after = text[max(0, found.start() - 1) : found.start()], text[found.end() : found.end() + 1]
        if any(ord(letter) > 0x2E80 for letter in before + after):
            person, _, domain = found[0].partition("@")
            if _is_a_persons(person, domain):
                yield Found("email", *found.span())


def _is_a_persons(person: str, domain: str) -> bool:
    parts = domain.lower().split(".")
    if parts[-1] in _NOBODYS_ENDS or not _NOBODYS_NAMES.isdisjoint(parts[:-1]) or person.lower() in _NOBODYS_PERSONS:
        return False
    return _HASH.fullmatch(parts[0]) is None


def _ibans(text: str) -> Iterator[Found]:
    for found in _IBAN.finditer(text):
        number = re.sub(r"[ -]", "", found[0]).upper()
        size = _IBAN_SIZES.get(number[:2])
        if size is None or len(number) < size or number[:size] in _DOCUMENTED:
            continue
        turned = number[4:size] + number[:4]
        if int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1:
            yield Found("iban", *found.span())


def _is_somebodys(address: str) -> bool:
    try:
        told = ipaddress.ip_address(address)
    except ValueError:
        return False
    return told.is_global and address not in {"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "1.2.3.4"}
