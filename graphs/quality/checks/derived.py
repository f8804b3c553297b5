"""Data that follow from what was given, or that are what was asked for. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from itertools import islice

from observability.redaction import Detection

# Figures of a telephone number without codes, and of an extension at most.
_LOCAL_NUMBER, _EXTENSION = 7, 4
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


class Known:
    """What an author was given, read once however much is looked up in it."""

    def __init__(self, asked: str, given: str, system: str) -> None:
        self.asked = asked
        self._text = f"{asked}\0{given}\0{system}"
        self._domains: dict[str, bool] = {}

    def has(self, told: str) -> bool:
        """Whether it was given, if spelt in another way; a number with or without the codes before it."""
        number = _digits(told)
        is_number = len(number) >= _LOCAL_NUMBER and not re.search(r"[A-Za-z@]", told)
        return _plain(told) in self._plain or (is_number and number[-_LOCAL_NUMBER:] in self._digits)

    def leads_to(self, hit: Detection, text: str) -> bool:
        """Whether what was found in a text follows from it, or is what was asked for."""
        told = text[hit.start : hit.end]
        if hit.name.startswith("IP"):
            return text.startswith(".in-addr.arpa", hit.end) or self._has_network_of(told)
        if hit.kind == "email":
            return _REMOTE.search(text, max(0, hit.start - 100), hit.start) is not None or self._makes_mailbox(told)
        if hit.name == "telephone number":
            is_example = _FORM_OF_NUMBERS.search(self.asked) and _NUMBERS.search(self.asked)
            return is_example is not None or self._is_extended_by(told)
        if hit.name == "card number":
            return _TO_TEST_WITH.search(self.asked) is not None
        return hit.name == "IBAN" and _TO_GIVE_TO.search(self.asked) is not None

    @cached_property
    def _plain(self) -> str:
        return _plain(self._text)

    @cached_property
    def _digits(self) -> str:
        return _digits(self._text)

    @cached_property
    def _lower(self) -> str:
        return self._text.casefold()

    @cached_property
    def _names(self) -> str:
        # What is a name within a mailbox that was given is none by that.
        return _folded(re.sub(r"\S+@\S+", " ", self._text))

    @cached_property
    def _networks(self) -> Sequence[IPv4Network]:
        found = (_network(*each.groups()) for each in islice(_NETWORK.finditer(self._text), _MOST_NETWORKS))
        return list(dict.fromkeys(network for network in found if network is not None))

    def _has_network_of(self, address: str) -> bool:
        """Whether it lies in a network that was named, or beside an address that was."""
        try:
            told = IPv4Address(address)
        except ValueError:
            return False
        return any(told in network for network in self._networks)

    def _makes_mailbox(self, address: str) -> bool:
        """Whether a mailbox is put together from a name and a domain that were given."""
        local, _, domain = address.partition("@")
        if domain not in self._domains:
            self._domains[domain] = _stands_alone(domain.casefold(), self._lower)
        if not self._domains[domain]:
            return False
        # Of a first name its letter may be left.
        parts = _LOCAL.findall(_folded(local))
        return all(len(part) < 3 or part in self._names or part[1:] in self._names for part in parts)

    def _is_extended_by(self, number: str) -> bool:
        """Whether a house's number was given that this one is an extension of."""
        stem, sign, extension = number.rpartition("-")
        figures = re.sub(r"\D", "", stem)
        is_extension = bool(sign) and len(figures) >= _LOCAL_NUMBER and len(extension) <= _EXTENSION
        return is_extension and figures[-_LOCAL_NUMBER:] in self._digits


def _network(address: str, size: str | None) -> IPv4Network | None:
    try:
        return IPv4Network(f"{address}/{min(int(size or _NEAR), _NEAR)}", strict=False)
    except ValueError:
        return None


def _stands_alone(domain: str, text: str) -> bool:
    at = text.find(domain)
    while at >= 0:
        around = text[max(0, at - 1) : at], text[at + len(domain) : at + len(domain) + 1]
        if not any(each.isalnum() or each == "-" for each in around):
            return True
        at = text.find(domain, at + 1)
    return False


def _plain(text: str) -> str:
    return re.sub(r"[\s()/.\-]", "", text).casefold()


def _digits(text: str) -> str:
    return re.sub(r"\(0\)|[\s()/.\-]", "", text) if re.search(r"[^\d\s()/.+\-]", text) else re.sub(r"\D", "", text)


def _folded(text: str) -> str:
    german = text.casefold().translate({ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue", ord("ß"): "ss"})
    plain = unicodedata.normalize("NFKD", german)
    return "".join(each for each in plain if not unicodedata.combining(each))
