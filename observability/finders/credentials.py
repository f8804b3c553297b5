"""Passwords and keys that are known by what stands before them: surely such."""

import re
from collections.abc import Iterator

from observability.finders.detection import Detection
from observability.finders.likeness import entropy, is_documented, mixes

_IN_URL = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}://([^\s/:@\"'<>]{0,100}+):([^\s/@\"'<>]{3,200}+)@([^\s/\"'<>]+)", re.IGNORECASE
)
_BEARER = re.compile(r"\b(?:Bearer|Basic|Token)\s+([A-Za-z0-9+/_=.-]{20,2000})")

_NAMES = ("passw", "passphrase", "pwd", "secret", "token", "key", "credential", "kennwort")
_NAMED = re.compile(
    r"(passwor[dt]|passwd|passphrase|passwort|kennwort|pwd|secret|token|api[_ .-]?key|access[_ .-]?key"
    r"|secret[_ .-]?key(?:[_ .-]?base)?"
    r"|private[_ .-]?key|signing[_ .-]?key|encryption[_ .-]?key|account[_ .-]?key|auth[_ .-]?key"
    r"|master[_ .-]?key|credentials?)"
    r"(?P<plain>[\"'`*]{0,3}\s{0,3}(?:(?::\s?(?:str|string)\s?)?=>?|:=?|\bis\b|\bist\b|\blautet\b)\s{0,3}|\s+"
    r"|[\"'`]\s{0,2},\s{0,2})"
    r"(?P<quote>[\"'`]?)(?P<value>[^\s\"'`<>,;]{8,200})",
)
_NO_VALUE = re.compile(
    r"example|sample|your|placeholder|change|replace|insert|dummy|fake|redact|todo|xxx|\*\*\*|\.\.\.|…|123456"
    r"|abcdef|qwert|demo_|"
    r"passwor|secret|hunter2|letmein|correct-?horse|foobar|not-?a-?real|my-|my_|token|deinen?-|dein_|geheim"
    r"|tu-clave|votre-?|"
    r"^(?:https?|file|s3)://|^[./~]|^[$%{<(\[]|\$\{|\$\(|\{\{|^process\.|^os\.|^env\.|^secrets\.|[(){}\[\]]|\\[dws]",
    re.IGNORECASE,
)
_MOST_ALIKE = 2.5
# What pages of results are turned with opens nothing.
_OF_PAGES = re.compile(r"(?:page|next|sync|continuation|cursor)[_ -]?$", re.IGNORECASE)
_WORDY = re.compile(r"[A-Za-z]+[-_.]?\d{1,4}[!?.]?|[A-Za-z]+(?:[-_./:][A-Za-z0-9]{1,12})+|v?\d[\d.]*\w{0,5}")


def credentials(text: str, lower: str) -> Iterator[Detection]:
    """`lower` is the text in small letters: to look whether it holds what a pattern needs."""
    if "://" in text and "@" in text:
        yield from _in_urls(text)
    if "Bearer " in text or "Basic " in text:
        yield from _in_headers(text)
    if any(map(lower.__contains__, _NAMES)):
        yield from _named(text, lower if len(lower) == len(text) else text)


def _in_headers(text: str) -> Iterator[Detection]:
    for found in _BEARER.finditer(text):
        if _is_random(found[1], shortest=20):
            yield Detection("secret", *found.span(1), "credentials of a request")


def _in_urls(text: str) -> Iterator[Detection]:
    for found in _IN_URL.finditer(text):
        password = found[2]
        weak = re.fullmatch(r"[A-Za-z_-]{1,16}\d{0,3}", password) is not None and not mixes(password)
        if password != found[1] and not weak and not _NO_VALUE.search(password):
            yield Detection("secret", *found.span(2), "password in an address")


def _named(text: str, lower: str) -> Iterator[Detection]:
    for found in _NAMED.finditer(lower):
        value = text[slice(*found.span("value"))].rstrip(".:)]}")
        shortest = 8 if found["quote"] or re.search(r"[=:]", found["plain"]) else 12
        if _is_random(value, shortest=shortest) and not _is_of_something_else(text, found):
            start = found.start("value")
            yield Detection("secret", start, start + len(value), f"value of {found[1]!r}")


def _is_of_something_else(text: str, found: re.Match[str]) -> bool:
    """Whether the name is that of a page's token, or a part of a name such as `arn:…:secret:path`."""
    before = text[max(0, found.start() - 14) : found.start()]
    return (before.endswith(":") and found["plain"] == ":") or _OF_PAGES.search(before) is not None


def _is_random(value: str, *, shortest: int) -> bool:
    """Whether a value looks chosen by chance, or by a person who wanted it hard to guess."""
    if len(value) < shortest or _NO_VALUE.search(value) or is_documented(value):
        return False
    if not (re.search(r"\d", value) and re.search(r"[A-Za-z]", value)):
        return False
    if _WORDY.fullmatch(value) and not mixes(value):
        return False
    return entropy(value) >= _MOST_ALIKE
