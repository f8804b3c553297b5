"""Whether data follow from what was given, or are what was asked for. Pure."""

import re
import unicodedata
from ipaddress import ip_address, ip_network
from itertools import islice

from observability.redaction import Hit

# Figures that an extension may have, and that a number has at least without it.
_EXTENSION, _STEM = 4, 7
# Where no size of a network was given.
_NEAR = 24
_MOST_NETWORKS = 200

_NETWORK = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?:/(\d{1,2}))?(?![\d.]*\d)")
_LOCAL = re.compile(r"[^\W\d_]+")
_REMOTE = re.compile(
    r"\b(?:ssh|scp|sftp|rsync|ssh-copy-id|mosh)\b[^\n]{0,80}$|\b(?:git|svn)\s+clone\s+\S*$", re.IGNORECASE
)
_FORM_OF_NUMBERS = re.compile(
    r"\b(?:how (?:are|is|do|does|long|many digits)|format\w*|written|look like|pattern|regex|valid\w*|structure"
    r"|wie (?:sieht|sehen|schreibt|lang|viele ziffern)|aufgebaut|aufbau|schreibweise|comment (?:s'écri\w+|écrit-on)"
    r"|cómo se escrib\w+|formato)\b",
    re.IGNORECASE,
)
_NUMBERS = re.compile(
    r"\b(?:phone|telephone|mobile)\s+numbers?\b|\btelefonnummern?\b|\brufnummern?\b|numéros? de téléphone"
    r"|números? de teléfono|電話番号|电话号码",
    re.IGNORECASE,
)
_TO_TEST_WITH = re.compile(
    r"\b(?:luhn|test\w*|dummy|fake|sandbox|beispiel\w*|fictive?|ficticio|de prueba)\b", re.IGNORECASE
)
_TO_GIVE_TO = re.compile(
    r"\b(?:donat\w+|charit\w+|spende\w*|spendenkonto|don|dons|faire un don|donaci\w+|donar|donazion\w+|doaç\w+)\b",
    re.IGNORECASE,
)


def derived(hit: Hit, text: str, asked: str, known: str) -> bool:
    told = text[hit.start : hit.end]
    if hit.name.startswith("IP"):
        return text.startswith(".in-addr.arpa", hit.end) or _is_of_network(told, known)
    if hit.kind == "email":
        return _REMOTE.search(text, max(0, hit.start - 100), hit.start) is not None or _is_made_of(told, known)
    if hit.name == "telephone number":
        is_example = _FORM_OF_NUMBERS.search(asked) and _NUMBERS.search(asked)
        return is_example is not None or _is_extension(told, known)
    if hit.name == "card number":
        return _TO_TEST_WITH.search(asked) is not None
    return hit.name == "IBAN" and _TO_GIVE_TO.search(asked) is not None


def _is_of_network(address: str, known: str) -> bool:
    """Whether it lies in a network that was named, or beside an address that was."""
    try:
        told = ip_address(address)
    except ValueError:
        return False
    for found in islice(_NETWORK.finditer(known), _MOST_NETWORKS):
        try:
            given = ip_network(f"{found[1]}/{min(int(found[2] or _NEAR), _NEAR)}", strict=False)
        except ValueError:
            continue
        if told in given:
            return True
    return False


def _is_made_of(address: str, known: str) -> bool:
    """Whether a mailbox is put together from a name and a domain that were given."""
    local, _, domain = address.partition("@")
    if not re.search(rf"(?<![\w-]){re.escape(domain)}(?![\w-])", known, re.IGNORECASE):
        return False
    names = _folded(known.replace(address, " "))
    # Of a first name its letter may be left.
    return all(len(part) < 3 or part in names or part[1:] in names for part in _LOCAL.findall(_folded(local)))


def _folded(text: str) -> str:
    german = text.casefold().translate({ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue", ord("ß"): "ss"})
    plain = unicodedata.normalize("NFKD", german)
    return "".join(each for each in plain if not unicodedata.combining(each))


def _is_extension(number: str, known: str) -> bool:
    """Whether a house's number was given that this one is an extension of."""
    stem, sign, extension = number.rpartition("-")
    figures = re.sub(r"\D", "", stem)
    if not sign or len(figures) < _STEM or len(extension) > _EXTENSION:
        return False
    return figures[-_STEM:] in re.sub(r"(?<=\d)[\s()/.\-]+(?=\d)", "", known)
