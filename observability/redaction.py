"""Secrets and data of persons in text, and the text without them. Pure, and made for every log line.

Documented examples, placeholders, addresses reserved for documentation and drama, hashes and versions are no hits.
"""

from collections.abc import Callable, Iterator, Sequence

from observability.finders.addresses import addresses
from observability.finders.credentials import credentials
from observability.finders.detection import Detection, Kind, apart, joined
from observability.finders.digits import Digits, digits_in
from observability.finders.issuers import issued
from observability.finders.mailboxes import mailboxes
from observability.finders.payments import payments
from observability.finders.phones import phones
from observability.finders.spelling import with_plain_signs, without_escapes
from observability.lenient import detect_lenient

__all__ = ["Detection", "Kind", "detect", "redact"]


def _placeholder(hit: Detection) -> str:
    return f"[{hit.kind}]"


def detect(text: str, *, private_addresses: bool = False) -> Sequence[Detection]:
    """Ordered by place, none overlapping: of two that would, the one that begins first, then the longer one.

    IP addresses of private networks are hits only if they are asked for.
    """
    return apart(list(_certain_detections(text, digits_in(text), private_addresses=private_addresses)))


def redact(text: str, mark: Callable[[Detection], str] = _placeholder, *, private_addresses: bool = False) -> str:
    """The text with a mark in place of each hit, and of what may be one; the very same object where there is none."""
    found = _detect_all(text, private_addresses=private_addresses)
    if not found:
        return text
    out, at = list[str](), 0
    for hit in joined(found):
        out += [text[at : hit.start], mark(hit)]
        at = hit.end
    return "".join([*out, text[at:]])


def _detect_all(text: str, *, private_addresses: bool) -> list[Detection]:
    """In the text as it is written, and as it reads without its escapes."""
    written = with_plain_signs(text)
    read = without_escapes(written)
    found = list[Detection]()
    if read is None or not read.is_enough:
        found += _merge_detections(written, private_addresses=private_addresses)
    if read is not None:
        found += read.in_original(_merge_detections(read.text, private_addresses=private_addresses))
    return found


def _merge_detections(text: str, *, private_addresses: bool) -> list[Detection]:
    digits = digits_in(text)
    return [*_certain_detections(text, digits, private_addresses=private_addresses), *detect_lenient(text, digits)]


def _certain_detections(text: str, digits: Digits, *, private_addresses: bool) -> Iterator[Detection]:
    yield from issued(text)
    yield from credentials(text, text.lower())
    yield from mailboxes(text)
    yield from payments(text, digits)
    if digits.many:
        yield from phones(text)
    if digits.some or "::" in text:
        yield from addresses(text, private=private_addresses)
