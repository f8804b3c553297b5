"""Where digits stand in a text, and how: that tells cheaply what need not be looked for."""

import re
from dataclasses import dataclass

_DIGIT = re.compile(r"\d")
_MANY = re.compile(r"\d(?:[^\w\n]{0,4}\d){6}|\d{4}_\d{4}")
_NEAR = re.compile(r"[(+\d][\d .()/\-_:\u00a0\u202f]{6,}")
_FEWEST = 7
# From its check digits on.
IBAN_BEGUN = re.compile(
    r"\d\d(?<=[A-Za-z]{2}\d\d)(?:(?<![A-Za-z0-9].{4})|(?<=(?:iban|IBAN).{4}))[ .\-_/]{0,2}[A-Za-z0-9]{2}"
)


@dataclass(frozen=True, slots=True)
class Digits:
    """Whether there are any, seven near each other, and some as an IBAN begins with."""

    some: bool
    many: bool
    as_in_ibans: bool


_NONE = Digits(some=False, many=False, as_in_ibans=False)


def digits_in(text: str) -> Digits:
    if _DIGIT.search(text) is None:
        return _NONE
    return Digits(some=True, many=_MANY.search(text) is not None, as_in_ibans=IBAN_BEGUN.search(text) is not None)


def near_digits(text: str) -> list[tuple[int, int]]:
    """From where to where; nothing that belongs to a telephone's number stands outside."""
    return [found.span() for found in _NEAR.finditer(text) if len(_DIGIT.findall(found[0])) >= _FEWEST]
