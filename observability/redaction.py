"""Secrets and data of persons in text, and the text without them. Pure, and made for every log line.

Documented examples, placeholders, addresses reserved for documentation and drama, hashes and versions are no hits.
"""

from collections.abc import Callable, Iterator, Sequence

from observability.finders.addresses import addresses
from observability.finders.credentials import credentials
from observability.finders.digits import Digits, digits_in
from observability.finders.hit import Hit, Kind, apart, joined
from observability.finders.issuers import issued
from observability.finders.mailboxes import mailboxes
from observability.finders.payments import payments
from observability.finders.phones import phones
from observability.finders.spelling import with_plain_signs, without_escapes
from observability.wary import wary

__all__ = ["Hit", "Kind", "hits", "redacted"]


def _in_brackets(hit: Hit) -> str:
    return f"[{hit.kind}]"


def hits(text: str, *, private_addresses: bool = False) -> Sequence[Hit]:
    """Ordered by place, none overlapping: of two that would, the one that begins first, then the longer one.

    IP addresses of private networks are hits only if they are asked for.
    """
    return apart(list(_sure(text, digits_in(text), private_addresses=private_addresses)))


def redacted(text: str, mark: Callable[[Hit], str] = _in_brackets, *, private_addresses: bool = False) -> str:
    """The text with a mark in place of each hit, and of what may be one; the very same object where there is none."""
    found = _found(text, private_addresses=private_addresses)
    if not found:
        return text
    out, at = list[str](), 0
    for hit in joined(found):
        out += [text[at : hit.start], mark(hit)]
        at = hit.end
    return "".join([*out, text[at:]])


def _found(text: str, *, private_addresses: bool) -> list[Hit]:
    """In the text as it is written, and as it reads without its escapes."""
    written = with_plain_signs(text)
    read = without_escapes(written)
    found = list[Hit]()
    if read is None or not read.is_enough:
        found += _either(written, private_addresses=private_addresses)
    if read is not None:
        found += read.in_original(_either(read.text, private_addresses=private_addresses))
    return found


def _either(text: str, *, private_addresses: bool) -> list[Hit]:
    digits = digits_in(text)
    return [*_sure(text, digits, private_addresses=private_addresses), *wary(text, digits)]


def _sure(text: str, digits: Digits, *, private_addresses: bool) -> Iterator[Hit]:
    yield from issued(text)
    yield from credentials(text, text.lower())
    yield from mailboxes(text)
    yield from payments(text, digits)
    if digits.many:
        yield from phones(text)
    if digits.some or "::" in text:
        yield from addresses(text, private=private_addresses)
