"""What may be a secret or somebody's data: for what is written down, where one too many is better than one too few.

The checks of an answer do not use it: they would blame an author for what only looks like one. Pure.
"""

from collections.abc import Iterator

from observability.finders.addresses import likely_addresses
from observability.finders.commands import placed
from observability.finders.detection import Detection
from observability.finders.digits import Digits
from observability.finders.mailboxes import likely_mailboxes
from observability.finders.named import named
from observability.finders.payments import likely_payments
from observability.finders.phones import likely_phones


def detect_lenient(text: str, digits: Digits) -> Iterator[Detection]:
    """In no order, and overlapping where more than one looks."""
    lower = text.lower()
    if len(lower) != len(text):
        # Of a few letters the small ones are two.
        lower = text
    yield from likely_mailboxes(text)
    yield from named(text, lower, digits)
    if not digits.some:
        # Everything else has one.
        return
    yield from placed(text, lower)
    yield from likely_addresses(text)
    yield from likely_payments(text, lower, digits)
    if digits.many:
        yield from likely_phones(text, lower)
