"""Addresses of e-mail: what surely is one, and what may be, however it is spelled."""

import re
from collections.abc import Iterator

from observability.finders.detection import Detection

_AT = re.compile(
    r"(?<![\w.+@/=-])([A-Za-z0-9](?:[\w.+'-]{0,62}[\w+])?)@((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}"
    r"[A-Za-z0-9])?\.){1,6}([A-Za-z]{2,24}))(?![\w@]|-\w|\.\w*@)"
)
_RESERVED_ENDS = frozenset((
    *("example", "test", "invalid", "localhost", "local", "internal", "lan", "home", "corp", "arpa", "intern"),
    *("service", "socket", "timer", "target", "mount", "lock", "slice", "scope", "device"),
    *("png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico", "css", "js", "ts", "py", "md", "html", "json", "yaml"),
    *("yml", "xml", "txt", "pdf", "zip", "sh", "rb", "go", "rs", "java"),
))  # fmt: skip
_RESERVED_NAMES = frozenset((
    *("example", "domain", "yourdomain", "mydomain", "yourcompany", "mycompany", "company", "acme", "test"),
    *("beispiel", "exemple", "ejemplo", "esempio", "voorbeeld", "deinedomain", "ihredomain", "muster"),
    *("musterfirma", "mustermann", "votredomaine", "tudominio", "tuempresa", "email", "mail", "host", "server"),
    *("foo", "bar", "somewhere", "contoso", "fabrikam", "northwind", "website", "yoursite", "mysite", "site"),
))  # fmt: skip
_NO_PERSON = frozenset((
    *("git", "hg", "svn", "noreply", "no-reply", "donotreply", "do-not-reply", "you", "user", "username", "name"),
    *("your.name", "deine.adresse", "someone"),
))  # fmt: skip
_ROLES = frozenset((
    *("info", "support", "help", "service", "kontakt", "contact", "contacto", "sales", "press", "presse", "office"),
    *("admin", "webmaster", "postmaster", "abuse", "security", "privacy", "datenschutz", "jobs", "careers"),
    *("hello", "hallo", "team", "billing", "buchhaltung", "marketing", "newsletter", "hr", "feedback", "mail"),
    *("post",),
))  # fmt: skip
# Ends of domains that people have: where code could stand as well, only these are believed.
_USUAL_ENDS = frozenset((
    *("com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "name", "pro", "mobi", "app", "dev", "cloud"),
    *("online", "tech", "shop", "store", "xyz", "email", "agency", "studio", "design", "digital", "berlin", "wien"),
    *("hamburg", "bayern", "io", "ai", "co", "me", "eu", "de", "at", "ch", "fr", "es", "it", "pt", "nl", "be"),
    *("lu", "uk", "ie", "dk", "se", "no", "fi", "is", "pl", "cz", "sk", "hu", "ro", "bg", "gr", "hr", "si", "rs"),
    *("ba", "mk", "al", "ee", "lv", "lt", "ua", "by", "ru", "tr", "il", "ae", "sa", "eg", "ma", "za", "ng", "ke"),
    *("in", "pk", "bd", "lk", "cn", "hk", "tw", "jp", "kr", "sg", "my", "th", "vn", "id", "ph", "au", "nz", "us"),
    *("ca", "mx", "br", "ar", "cl", "pe", "uy", "li", "cat", "museum", "social", "life", "world"),
))  # fmt: skip

_DOMAIN = r"(?P<domain>(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,6}(?:xn--[a-z0-9-]{2,20}|[^\W\d_]{2,24}))"
_ADDRESS = re.compile(rf"(?<![\w.+-])(?P<person>\w(?:[\w.+'!#$&*=?^`~-]{{0,62}}[\w+])?)@{_DOMAIN}(?![\w@])")
_QUOTED = re.compile(rf"(?<!\w)\"(?P<person>\w[^\"\n@]{{0,63}})\"@{_DOMAIN}(?![\w@])")
_CLINGING = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_'-]{0,62}@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}")
_LITERAL = re.compile(r"(?<![\w.+-])(?P<person>[\w.+-]{1,64})@\[(?:IPv6:)?[0-9A-Fa-f:.]{7,45}\]")
_AT_WORD = r"(?:at|@|ät|aet|a|arroba|arobase|chiocciola|malpa|małpa|zavináč|собака|snabel-?a|kukac|アット|艾特)"
_DOT_WORD = r"(?:dot|punkt|punto|point|ponto|punt|piste|kropka|tečka|точка|nokta|\.|ドット|点)"
_IN_BRACKETS = rf"\s?[(\[{{<]\s?{_AT_WORD}\s?[)\]}}>]\s?"
_DOT_IN_BRACKETS = rf"\s?(?:[(\[{{<]\s?{_DOT_WORD}\s?[)\]}}>]|\.|(?<=\s){_DOT_WORD}(?=\s))\s?"
_LABEL = r"[^\W_](?:[\w-]{0,40}[^\W_])?"
_PERSON = re.compile(r"(?<![\w.+-])[\w+-][\w.+-]{0,50}\s?$")
_DOMAIN_IN_BRACKETS = re.compile(
    rf"{_LABEL}(?:{_DOT_IN_BRACKETS}{_LABEL}){{0,3}}?{_DOT_IN_BRACKETS}(?P<end>[^\W\d_]{{2,12}})(?!\w)", re.IGNORECASE
)
_DOMAIN_SAID = re.compile(
    rf"{_LABEL}(?: ?(?:\.|\b{_DOT_WORD} ) ?{_LABEL}){{0,2}}? (?:dot|punkt|punto|point"
    rf"|ponto) (?P<end>[^\W\d_]{{2,12}})(?!\w)",
    re.IGNORECASE,
)
_BRACKETED = re.compile(_IN_BRACKETS.removeprefix(r"\s?"), re.IGNORECASE)
_WITH_BLANKS = re.compile(r"(?<=\w\w) @ (?=[A-Za-z][\w-]+\.[A-Za-z])")
_SAID = re.compile(
    r" (?:at|arroba|arobase|chiocciola|ät) (?=[\w.-]{1,60} (?:dot|punkt|punto|point|ponto) )", re.IGNORECASE
)
_NOBODYS_ENDS = frozenset((
    *("example", "test", "invalid", "localhost", "local", "internal", "lan", "arpa", "service", "socket", "lock"),
    *("git", "timer", "target", "mount", "slice", "scope", "device", "path", "swap", "automount", "png", "jpg"),
    *("jpeg", "gif", "svg", "webp", "js", "ts", "css", "py", "md", "html", "json", "yaml", "yml", "txt", "zip"),
))  # fmt: skip
_NOBODYS_NAMES = frozenset(
    ("example", "domain", "yourdomain", "company", "acme", "test", "contoso", "fabrikam", "northwind", "github")
)
_NOBODYS_PERSONS = frozenset(("git", "noreply", "no-reply", "donotreply", "user", "username", "you", "someone", "name"))
_NO_DOMAINS = (
    "the ",
    "a ",
    "this ",
    "that ",
    "some ",
    "any ",
    "one ",
    "every ",
    "no ",
    "which ",
    "der ",
    "die ",
    "das ",
    "el ",
    "la ",
    "le ",
    "il ",
)
_HASH = re.compile(r"[0-9a-f]{6,16}")
_DIGIT = re.compile(r"\d")


def mailboxes(text: str) -> Iterator[Detection]:
    if "@" not in text:
        return
    for found in _AT.finditer(text):
        person, domain, end = found[1].lower(), found[2].lower(), found[3].lower()
        parts = domain.split(".")
        if end in _RESERVED_ENDS or parts[-2] in _RESERVED_NAMES or "example" in parts or person in _NO_PERSON:
            continue
        if _is_code(text, found.end(), domain) or _is_of_a_server(text, found.start()):
            continue
        yield Detection("email", *found.span(), "e-mail address of a role" if person in _ROLES else "e-mail address")


def _is_of_a_server(text: str, start: int) -> bool:
    before = text[max(0, start - 40) : start]
    return before.rstrip("/").endswith(":") and "://" in before


def _is_code(text: str, end: int, domain: str) -> bool:
    """Such as a product of matrices, or an object and the place where it lies."""
    first, _, last = domain.partition(".")
    is_object = _HASH.fullmatch(first) is not None and _DIGIT.search(first) is not None
    is_call = text[end : end + 1] in {"(", "["} and last.rpartition(".")[2] not in _USUAL_ENDS
    return is_object or is_call


def likely_mailboxes(text: str) -> Iterator[Detection]:
    if "@" in text:
        yield from _written(text)
        yield from _without_blanks(text)
        if " @ " in text:
            yield from _in_words(_WITH_BLANKS, _DOMAIN_IN_BRACKETS, text)
    if "(" in text or "[" in text or "{" in text or "<" in text:
        yield from _in_words(_BRACKETED, _DOMAIN_IN_BRACKETS, text)
    if " dot " in text or " DOT " in text or " pun" in text or " poi" in text or " ponto " in text:
        yield from _in_words(_SAID, _DOMAIN_SAID, text)


def _in_words(sign: re.Pattern[str], domain: re.Pattern[str], text: str) -> Iterator[Detection]:
    for at in sign.finditer(text):
        found = domain.match(text, at.end())
        if found is None or found["end"].lower() not in _USUAL_ENDS or found[0].lower().startswith(_NO_DOMAINS):
            continue
        first = max(0, at.start() - 54)
        person = _PERSON.search(text[first : at.start()])
        if person is not None and person[0].strip().lower() not in _NOBODYS_PERSONS:
            yield Detection("email", first + person.start(), found.end(), "e-mail address in words")


def _written(text: str) -> Iterator[Detection]:
    for found in _ADDRESS.finditer(text):
        is_persons = _is_a_persons(found["person"], found["domain"])
        if is_persons and not _is_code(text, found.end(), found["domain"]) and not _is_of_a_server(text, found.start()):
            yield Detection("email", *found.span(), "e-mail address")
    if '"@' in text:
        for found in _QUOTED.finditer(text):
            if _is_a_persons(found["person"], found["domain"]):
                yield Detection("email", *found.span(), "e-mail address")
    if "@[" in text:
        yield from (Detection("email", *found.span(), "e-mail address") for found in _LITERAL.finditer(text))


def _without_blanks(text: str) -> Iterator[Detection]:
    """In scripts without blanks, an address clings to the words around it."""
    if text.isascii():
        return
    for found in _CLINGING.finditer(text):
        before, after = text[max(0, found.start() - 1) : found.start()], text[found.end() : found.end() + 1]
        if any(ord(letter) > 0x2E80 for letter in before + after):
            person, _, domain = found[0].partition("@")
            if _is_a_persons(person, domain):
                yield Detection("email", *found.span(), "e-mail address")


def _is_a_persons(person: str, domain: str) -> bool:
    parts = domain.lower().split(".")
    if parts[-1] in _NOBODYS_ENDS or not _NOBODYS_NAMES.isdisjoint(parts[:-1]) or person.lower() in _NOBODYS_PERSONS:
        return False
    return _HASH.fullmatch(parts[0]) is None or _DIGIT.search(parts[0]) is None
