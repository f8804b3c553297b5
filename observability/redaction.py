"""Secrets and data of persons in text, and the text without them. Pure, and made for every log line.

Documented examples, placeholders, addresses reserved for documentation and drama, hashes and versions are no hits.
"""

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from observability.wary import wary

Kind = Literal["secret", "email", "phone", "card", "iban", "ip"]


@dataclass(frozen=True, slots=True)
class Hit:
    """`name` says what it is more closely, such as `AWS access key`."""

    kind: Kind
    start: int
    end: int
    name: str


def _in_brackets(hit: Hit) -> str:
    return f"[{hit.kind}]"


def hits(text: str, *, private_addresses: bool = False) -> Sequence[Hit]:
    """Ordered by place, none overlapping: of two that would, the one that begins first, then the longer one.

    IP addresses of private networks are hits only if they are asked for.
    """
    found = [*_secrets(text), *_personal(text, private_addresses=private_addresses)]
    return _apart(found)


def _apart(found: Sequence[Hit]) -> Sequence[Hit]:
    if len(found) < 2:
        return found
    kept = list[Hit]()
    for hit in sorted(found, key=lambda each: (each.start, -each.end)):
        if not kept or hit.start >= kept[-1].end:
            kept.append(hit)
    return kept


def redacted(text: str, mark: Callable[[Hit], str] = _in_brackets, *, private_addresses: bool = False) -> str:
    """The text with a mark in place of each hit, and of what may be one; the very same object where there is none."""
    sure = hits(text, private_addresses=private_addresses)
    perhaps = [Hit(each.kind, each.start, each.end, "may be one") for each in wary(text)]
    found = _apart([*sure, *perhaps]) if perhaps else sure
    if not found:
        return text
    out, at = list[str](), 0
    for hit in found:
        out += [text[at : hit.start], mark(hit)]
        at = hit.end
    return "".join([*out, text[at:]])


# Secrets. Each form has words that a text must hold before its pattern is tried: that is what keeps it cheap.

_FORMS: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (name, told, re.compile(rf"(?<![A-Za-z0-9_-])(?:{pattern})"))
    for name, told, pattern in (
        ("AWS access key", ("AKIA", "ASIA"), r"A[KS]IA[A-Z2-7]{16}(?![A-Za-z0-9])"),
        ("GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_[A-Za-z0-9]{30,255}"),
        ("GitHub token", ("github_pat_",), r"github_pat_\w{40,255}"),
        ("GitLab token", ("glpat-",), r"glpat-[\w-]{20,}"),
        ("Slack token", ("xox", "xapp-"), r"(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{20,}"),
        ("Slack webhook", ("hooks.slack.com",), r"https://hooks\.slack\.com/(?:services|workflows)/[\w/+-]{30,}"),
        ("Discord webhook", ("/api/webhooks/",), r"https://discord(?:app)?\.com/api/webhooks/\d+/[\w-]{50,}"),
        ("Stripe key", ("k_live_", "k_test_"), r"[srp]k_(?:live|test)_[A-Za-z0-9]{16,}"),
        ("Stripe webhook secret", ("whsec_",), r"whsec_[A-Za-z0-9+/=]{24,}"),
        ("Anthropic key", ("sk-ant-",), r"sk-ant-[\w-]{24,}"),
        ("OpenAI key", ("sk-",), r"sk-(?:proj-|svcacct-|admin-|or-v1-|lf-)?[A-Za-z0-9_-]{20,}"),
        ("Google API key", ("AIza",), r"AIza[\w-]{33,40}(?![\w-])"),
        ("Google client secret", ("GOCSPX-",), r"GOCSPX-[\w-]{20,}"),
        ("Google access token", ("ya29.",), r"ya29\.[\w-]{20,}"),
        ("Hugging Face token", ("hf_",), r"hf_[A-Za-z0-9]{30,}"),
        ("npm token", ("npm_",), r"npm_[A-Za-z0-9]{36}"),
        ("PyPI token", ("pypi-",), r"pypi-[\w-]{50,}"),
        ("SendGrid key", ("SG.",), r"SG\.[\w-]{16,}\.[\w-]{16,}"),
        ("Twilio key", ("SK",), r"SK[0-9a-f]{32}(?![0-9a-zA-Z])"),
        ("Mailgun key", ("key-",), r"key-[0-9a-f]{32}(?![0-9a-zA-Z])"),
        ("DigitalOcean token", ("dop_v1_", "doo_v1_"), r"do[op]_v1_[a-f0-9]{64}"),
        ("Shopify token", ("shpat_", "shpss_", "shpca_"), r"shp(?:at|ss|ca)_[a-fA-F0-9]{32}"),
        ("Docker token", ("dckr_pat_",), r"dckr_pat_[\w-]{20,}"),
        ("Databricks token", ("dapi",), r"dapi[a-f0-9]{32}"),
        ("Grafana token", ("glsa_", "glc_"), r"gl(?:sa|c)_[A-Za-z0-9+/=_]{32,}"),
        ("Groq key", ("gsk_",), r"gsk_[A-Za-z0-9]{40,}"),
        ("xAI key", ("xai-",), r"xai-[A-Za-z0-9]{60,}"),
        ("Perplexity key", ("pplx-",), r"pplx-[A-Za-z0-9]{40,}"),
        ("Replicate token", ("r8_",), r"r8_[A-Za-z0-9]{32,}"),
        ("Linear key", ("lin_api_",), r"lin_api_[A-Za-z0-9]{32,}"),
        ("Notion token", ("ntn_",), r"ntn_[A-Za-z0-9]{40,}"),
        ("Telegram bot token", (":AA",), r"\d{8,10}:AA[\w-]{32,34}(?![\w-])"),
        ("age key", ("AGE-SECRET-KEY-",), r"AGE-SECRET-KEY-1[A-Z0-9]{50,}"),
        ("JSON web token", ("eyJ",), r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{16,}"),
        ("Azure account key", ("AccountKey=",), r"AccountKey=[A-Za-z0-9+/]{60,}={0,2}"),
    )
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----")
_PRIVATE_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----")
_LONGEST_KEY = 8_000
# What documentation shows in its place is shorter.
_SHORTEST_BODY = 100
_BODY = re.compile(r"[A-Za-z0-9+/=]{16,}")
_IN_URL = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}://([^\s/:@\"'<>]{0,100}):([^\s/@\"'<>]{3,200})@([^\s/\"'<>]+)", re.IGNORECASE
)
_BEARER = re.compile(r"\b(?:Bearer|Basic|Token)\s+([A-Za-z0-9+/_=.-]{20,2000})")

_NAMES = ("passw", "passphrase", "pwd", "secret", "token", "key", "credential", "kennwort", "auth")
_NAMED = re.compile(
    r"(passwor[dt]|passwd|passphrase|passwort|kennwort|pwd|secret|token|api[_ .-]?key|access[_ .-]?key"
    r"|secret[_ .-]?key(?:[_ .-]?base)?"
    r"|private[_ .-]?key|signing[_ .-]?key|encryption[_ .-]?key|account[_ .-]?key|auth[_ .-]?key"
    r"|master[_ .-]?key|credentials?)"
    r"(?P<plain>[\"'`*]{0,3}\s{0,3}(?:(?::\s?(?:str|string)\s?)?=>?|:=?|\bis\b|\bist\b|\blautet\b)\s{0,3}|\s+"
    r"|[\"'`]\s{0,2},\s{0,2})"
    r"(?P<quote>[\"'`]?)(?P<value>[^\s\"'`<>,;]{8,200})",
    re.IGNORECASE,
)
_NO_VALUE = re.compile(
    r"example|sample|your|placeholder|change|replace|insert|dummy|fake|redact|todo|xxx|\*\*\*|\.\.\.|…|123456"
    r"|abcdef|qwert|"
    r"passwor|secret|hunter2|letmein|correct-?horse|foobar|not-?a-?real|my-|my_|token|deinen?-|dein_|geheim"
    r"|tu-clave|votre-?|"
    r"^(?:https?|file|s3)://|^[./~]|^[$%{<(\[]|\$\{|\$\(|\{\{|^process\.|^os\.|^env\.|^secrets\.|[(){}\[\]]|\\[dws]",
    re.IGNORECASE,
)
_MOST_ALIKE = 2.5


def _secrets(text: str) -> Iterator[Hit]:
    for name, told, pattern in _FORMS:
        if any(map(text.__contains__, told)):
            found = (each for each in pattern.finditer(text) if not _is_placeholder(each[0]))
            yield from (Hit("secret", *each.span(), name) for each in found)
    if "PRIVATE KEY" in text:
        yield from _private_keys(text)
    if "://" in text and "@" in text:
        yield from _in_urls(text)
    if "Bearer " in text or "Basic " in text:
        yield from _in_headers(text)
    if any(map(text.lower().__contains__, _NAMES)):
        yield from _named(text)


def _in_headers(text: str) -> Iterator[Hit]:
    for found in _BEARER.finditer(text):
        if _is_random(found[1], shortest=20):
            yield Hit("secret", *found.span(1), "credentials of a request")


def _private_keys(text: str) -> Iterator[Hit]:
    """To their end, or, where a text was cut off, as far as a key may reach."""
    at = 0
    while (begin := _PRIVATE_KEY.search(text, at)) is not None:
        at = min(begin.end() + _LONGEST_KEY, len(text))
        end = _PRIVATE_KEY_END.search(text, begin.end(), at)
        body = _BODY.findall(text, begin.end(), end.start() if end else at)
        at = end.end() if end else at
        if sum(map(len, body)) >= _SHORTEST_BODY and not _is_placeholder("".join(body)):
            yield Hit("secret", begin.start(), at, "private key")


def _in_urls(text: str) -> Iterator[Hit]:
    for found in _IN_URL.finditer(text):
        password = found[2]
        weak = re.fullmatch(r"[A-Za-z_-]{1,16}\d{0,3}", password) is not None and not _mixes(password)
        if password != found[1] and not weak and not _NO_VALUE.search(password):
            yield Hit("secret", *found.span(2), "password in an address")


def _named(text: str) -> Iterator[Hit]:
    for found in _NAMED.finditer(text):
        value = found["value"].rstrip(".:)]}")
        shortest = 8 if found["quote"] or re.search(r"[=:]", found["plain"]) else 12
        if _is_random(value, shortest=shortest):
            start = found.start("value")
            yield Hit("secret", start, start + len(value), f"value of {found[1].lower()!r}")


def _is_placeholder(value: str) -> bool:
    """Whether a value in the form of a key is one that anybody sees to be none."""
    body = re.sub(r"^(?:[A-Za-z0-9]{2,12}[_-]){1,3}", "", value) or value
    words = re.search(
        r"example|your|placeholder|changeme|redacted|xxxx|dummy|fake|insert|replace|abcdef|0000|123456789|\.\.\.",
        value,
        re.IGNORECASE,
    )
    return words is not None or len(set(body)) < min(8, len(body)) or not re.search(r"\d", value)


def _is_random(value: str, *, shortest: int) -> bool:
    """Whether a value looks chosen by chance, or by a person who wanted it hard to guess."""
    if len(value) < shortest or _NO_VALUE.search(value):
        return False
    if not (re.search(r"\d", value) and re.search(r"[A-Za-z]", value)):
        return False
    if re.fullmatch(
        r"[A-Za-z]+[-_.]?\d{1,4}[!?.]?|[A-Za-z]+(?:[-_./:][A-Za-z0-9]{1,12})+|v?\d[\d.]*\w{0,5}", value
    ) and not _mixes(value):
        return False
    return _entropy(value) >= _MOST_ALIKE


def _mixes(value: str) -> bool:
    """Whether digits stand among letters, or capitals among small ones, more often than in words."""
    turns = re.findall(r"[A-Za-z]\d|\d[A-Za-z]|[a-z][A-Z]", value)
    return len(turns) >= 4


def _entropy(value: str) -> float:
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values())


# Data of persons.

_AT = re.compile(
    r"(?<![\w.+@/=-])([A-Za-z0-9](?:[\w.+'-]{0,62}[\w+])?)@((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}([A-Za-z]{2,24}))(?![\w@]|-\w|\.\w*@)"
)
_RESERVED_ENDS = frozenset(
    [
        "example",
        "test",
        "invalid",
        "localhost",
        "local",
        "internal",
        "lan",
        "home",
        "corp",
        "arpa",
        "intern",
        "service",
        "socket",
        "timer",
        "target",
        "mount",
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "avif",
        "ico",
        "css",
        "js",
        "ts",
        "py",
        "md",
        "html",
        "json",
        "yaml",
        "yml",
        "xml",
        "txt",
        "pdf",
        "zip",
        "sh",
        "rb",
        "go",
        "rs",
        "java",
    ]
)
_RESERVED_NAMES = frozenset(
    [
        "example",
        "domain",
        "yourdomain",
        "mydomain",
        "yourcompany",
        "mycompany",
        "company",
        "acme",
        "test",
        "beispiel",
        "exemple",
        "ejemplo",
        "esempio",
        "voorbeeld",
        "deinedomain",
        "ihredomain",
        "muster",
        "musterfirma",
        "mustermann",
        "votredomaine",
        "tudominio",
        "tuempresa",
        "email",
        "mail",
        "host",
        "server",
        "foo",
        "bar",
        "somewhere",
        "contoso",
        "fabrikam",
        "northwind",
        "website",
        "yoursite",
        "mysite",
        "site",
    ]
)
_NO_PERSON = frozenset(
    {
        "git",
        "hg",
        "svn",
        "noreply",
        "no-reply",
        "donotreply",
        "do-not-reply",
        "you",
        "user",
        "username",
        "name",
        "your.name",
        "deine.adresse",
        "someone",
    }
)
_ROLES = frozenset(
    [
        "info",
        "support",
        "help",
        "service",
        "kontakt",
        "contact",
        "contacto",
        "sales",
        "press",
        "presse",
        "office",
        "admin",
        "webmaster",
        "postmaster",
        "abuse",
        "security",
        "privacy",
        "datenschutz",
        "jobs",
        "careers",
        "hello",
        "hallo",
        "team",
        "billing",
        "buchhaltung",
        "marketing",
        "newsletter",
        "hr",
        "feedback",
        "mail",
        "post",
    ]
)

_DIGITS = re.compile(r"\d(?:[ .()/\-\u00a0\u202f]{0,2}\d){6}")
_CARD = re.compile(r"(?<![\w.+,-])(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{1,7}|3\d{3}([ -]?)\d{6}\2\d{4,5})(?![\w-]|[.,]\d)")
_CARD_BRANDS = re.compile(
    r"4|5[1-5]|2(?:2[2-9]|[3-6]\d|7[01]|720)|3[47]|3(?:0[0-5]|[689])|6(?:011|5|4[4-9])|35|62|50|5[6-8]"
)
_TEST_CARDS = frozenset(
    [
        "4111111111111111",
        "4242424242424242",
        "4012888888881881",
        "4222222222222",
        "4000056655665556",
        "5555555555554444",
        "5105105105105100",
        "2223003122003222",
        "5200828282828210",
        "378282246310005",
        "371449635398431",
        "378734493671000",
        "6011111111111117",
        "6011000990139424",
        "3056930009020004",
        "30569309025904",
        "38520000023237",
        "36227206271667",
        "3530111333300000",
        "3566002020360505",
        "6200000000000005",
        "4000000000000002",
        "4000000000009995",
        "4000002500003155",
        "4000000000003220",
        "5454545454545454",
        "4917610000000000",
        "4484070000000000",
        "4929000000006",
        "4988438843884305",
        "2222400070000005",
        "5577000055770004",
        "6759649826438453",
        "4532015112830366",
        "4539578763621486",
    ]
)
_NUMBERED = re.compile(
    r"(?:order|bestell\w*|commande|pedido|ref\w*|tracking|sendung\w*|invoice|rechnung\w*|isbn|ean|gtin|imei"
    r"|serial|serien\w*|ticket|\bid|"
    r"timestamp|issue|katalog\w*|catalog\w*)\W{0,4}(?:number|nummer|num|nr|no|id)?\W{0,4}$",
    re.IGNORECASE,
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])([A-Z]{2}\d{2})((?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?)(?![A-Za-z0-9])")
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "CH": 21, "CR": 22,  # noqa: E501
    "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22,  # noqa: E501
    "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27, "JO": 30,  # noqa: E501
    "KW": 30, "KZ": 20, "LB": 28, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MT": 31,  # noqa: E501
    "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24,  # noqa: E501
    "SM": 27, "TN": 24, "TR": 26, "UA": 29, "XK": 20,
}  # fmt: skip
# As the registry of IBANs and the encyclopedias print them.
_EXAMPLE_IBANS = frozenset(
    [
        "DE89370400440532013000",
        "DE75512108001245126199",
        "DE02120300000000202051",
        "DE12500105170648489890",
        "GB29NWBK60161331926819",
        "GB82WEST12345698765432",
        "GB33BUKB20201555555555",
        "FR1420041010050500013M02606",
        "FR7630006000011234567890189",
        "FR7630001007941234567890185",
        "ES9121000418450200051332",
        "ES7921000813610123456789",
        "NL91ABNA0417164300",
        "NL02ABNA0123456789",
        "IT60X0542811101000000123456",
        "CH9300762011623852957",
        "CH5604835012345678009",
        "AT611904300234573201",
        "AT483200000012345864",
        "BE68539007547034",
        "BE71096123456769",
        "PL61109010140000071219812874",
        "PT50000201231234567890154",
        "SE4550000000058398257466",
        "DK5000400440116243",
        "NO9386011117947",
        "FI2112345600000785",
        "IE29AIBK93115212345678",
        "LU280019400644750000",
    ]
)

_PHONE = re.compile(
    r"(?<![\w.,/:=+#&?-])(?<!\d[ /])(?:"
    r"(?:\+|00)[1-9]\d{0,2}(?:[ .\-/\u00a0\u202f]?\(?\d{1,5}\)?){2,6}"
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
_NOBODYS_PHONE = re.compile(
    r"^(?:\+?1)?[2-9]?\d{0,2}55501\d\d$|^(?:\+?1)?555\d{7}$|^(?:\+?1|)\d{3}555\d{4}$"
    r"|^(?:\+44|0044|0)(?:7700900\d{3}|1632960\d{3}|20794600\d\d|2079460\d{3}|1\d{2}496\d{4}|8081570\d{3}"
    r"|9098790\d{3}|3069990\d{3}|2890180\d{3}|2920180\d{3})"
    r"|^(?:\+49|0049|0)(?:3023125\d{3}|6990009\d{3}|4066969\d{3}|2214710\d{3}|8999998\d{3}|1710?3920\d{3}"
    r"|17040?69\d{2,5}|176040690\d\d|152288\d+)"
    r"|^(?:\+33|0033|0)(?:19900|26191|35301|46571|53649|63998)\d{4}$"
    r"|^(?:\+?1|0)?8(?:00|88|77|66|55|44|33)\d{7}$|^(?:\+49|0049|0)(?:800|180|900|190|137|138)\d|^00?800"
    r"|^\+?800|^(?:\+33|0)80\d{7}$|^(?:\+34)?9[0]0\d{6}$"
)

_IPV4 = re.compile(r"(?<![\w.+-])(?<![\w]/)(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:.])")
_VERSIONED = re.compile(
    r"(?:(?<![A-Za-z])(?:v|ver)|version|versions|release|build|firmware|driver|oid|kapitel|chapter|section|abschnitt"
    r"|§|from \d+(?:\.\d+){2,3} to|[=<>~^!]=?)[\s.:=\"'`(]*$",
    re.IGNORECASE,
)
# Of services that everybody uses.
_PUBLIC_SERVERS = frozenset(
    [
        "8.8.8.8",
        "8.8.4.4",
        "1.1.1.1",
        "1.0.0.1",
        "1.1.1.2",
        "1.1.1.3",
        "9.9.9.9",
        "149.112.112.112",
        "208.67.222.222",
        "208.67.220.220",
        "4.2.2.2",
        "4.2.2.1",
        "94.140.14.14",
        "94.140.15.15",
        "76.76.2.0",
        "2606:4700:4700::1111",
        "2606:4700:4700::1001",
        "2001:4860:4860::8888",
        "2001:4860:4860::8844",
        "2620:fe::fe",
        "1.2.3.4",
        "5.6.7.8",
        "1.3.6.1",
        "255.255.255.255",
    ]
)


def _personal(text: str, *, private_addresses: bool) -> Iterator[Hit]:
    if "@" in text:
        yield from _emails(text)
    if _DIGITS.search(text):
        yield from _cards(text)
        yield from _ibans(text)
        yield from _phones(text)
    if text.count(".") >= 3:
        yield from _addresses(text, _IPV4, private_addresses=private_addresses)
    if "::" in text or text.count(":") >= 7:
        yield from _addresses(text, _IPV6, private_addresses=private_addresses)


def _emails(text: str) -> Iterator[Hit]:
    for found in _AT.finditer(text):
        person, domain, end = found[1].lower(), found[2].lower(), found[3].lower()
        parts = domain.split(".")
        if end in _RESERVED_ENDS or parts[-2] in _RESERVED_NAMES or "example" in parts or person in _NO_PERSON:
            continue
        if (
            text[max(0, found.start() - 40) : found.start()].rstrip("/").endswith(":")
            and "://" in text[max(0, found.start() - 40) : found.start()]
        ):
            continue
        yield Hit("email", *found.span(), "e-mail address of a role" if person in _ROLES else "e-mail address")


def _plain(number: str) -> str:
    return re.sub(r"[^0-9A-Za-z+]", "", number)


def _cards(text: str) -> Iterator[Hit]:
    for found in _CARD.finditer(text):
        digits = _plain(found[0])
        grouped = len(digits) != len(found[0])
        if not 13 <= len(digits) <= 19 or digits in _TEST_CARDS or not _CARD_BRANDS.match(digits) or not _luhn(digits):
            continue
        if len(set(digits)) < 4 or _is_counted(digits):
            continue
        if not grouped and (
            len(digits) not in {15, 16} or _NUMBERED.search(text[max(0, found.start() - 40) : found.start()])
        ):
            continue
        yield Hit("card", *found.span(), "card number")


def _luhn(digits: str) -> bool:
    doubled = [int(each) * (1 + at % 2) for at, each in enumerate(reversed(digits))]
    return sum(each - 9 * (each > 9) for each in doubled) % 10 == 0


def _is_counted(digits: str) -> bool:
    return digits in "01234567890123456789" or digits in "98765432109876543210" or "12345678" in digits


def _ibans(text: str) -> Iterator[Hit]:
    for found in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(found[1][:2])
        number = _plain(found[0])
        if length is None or len(number) < length:
            continue
        end = _end_of(text, found.start(), length)
        number = number[:length]
        if text[end : end + 1].isalnum() or number in _EXAMPLE_IBANS or not _mod97(number):
            continue
        if "12345678" in number or len(set(number[4:])) < 4:
            continue
        yield Hit("iban", found.start(), end, "IBAN")


def _end_of(text: str, start: int, letters: int) -> int:
    at = start
    while letters:
        letters -= text[at].isalnum()
        at += 1
    return at


def _mod97(number: str) -> bool:
    turned = number[4:] + number[:4]
    return int("".join(str(int(each, 36)) for each in turned)) % 97 == 1


def _phones(text: str) -> Iterator[Hit]:
    for found in _PHONE.finditer(text):
        if _is_phone(_plain(found[0])) and not _NUMBERED.search(text[max(0, found.start() - 40) : found.start()]):
            yield Hit("phone", *found.span(), "telephone number")
    if _MANY_DIGITS.search(text) is None:
        return
    for found in _BARE_PHONE.finditer(text):
        if _is_phone(found[1]) and found[1][0] in "+0":
            yield Hit("phone", *found.span(1), "telephone number")


def _is_phone(number: str) -> bool:
    digits = number.lstrip("+")
    if not 8 <= len(digits) <= 15 or len(set(digits)) < 4:
        return False
    # Counting up, zeros, and one digit again and again are how people write that any number may stand here.
    made_up = re.search(r"0{5}|1{5}|9{6}|(\d)\1{5}|123456|234567|345678|456789|987654|(?:0?123){2}", digits)
    return made_up is None and not _NOBODYS_PHONE.match(number)


def _addresses(text: str, pattern: re.Pattern[str], *, private_addresses: bool) -> Iterator[Hit]:
    for found in pattern.finditer(text):
        try:
            address = ipaddress.ip_address(found[0])
        except ValueError:
            continue
        if found[0] in _PUBLIC_SERVERS or _VERSIONED.search(text[max(0, found.start() - 24) : found.start()]):
            continue
        is_network = re.match(r"/\d{1,3}\b", text[found.end() : found.end() + 4]) is not None
        is_private = address.is_private and not (
            address.is_loopback or address.is_unspecified or _is_documented(address)
        )
        if (address.is_global and not address.is_multicast and not is_network) or (private_addresses and is_private):
            yield Hit("ip", *found.span(), f"IPv{address.version} address")


_DOCUMENTED = tuple(
    ipaddress.ip_network(each)
    for each in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
)


def _is_documented(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(address in network for network in _DOCUMENTED if network.version == address.version)
