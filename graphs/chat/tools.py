"""Two tools that need no network, for two things that models get wrong: exact arithmetic, and dates in time zones."""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from langchain_core.tools import BaseTool, ToolException, tool

_MAX_EXPRESSION_LENGTH = 500
_MAX_EXPRESSION_DEPTH = 50
_MAX_POWER = 1000
# Python refuses to print integers of more than 4,300 digits.
_MAX_BITS = 3_000

_TOKEN = re.compile(r"\s*(?:(?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<sign>\*\*|//|[-+*/%^()]))\s*")
# Each with how tightly it binds; a sign before a number binds tighter than these and looser than a power.
_BINARY: Mapping[str, tuple[int, Callable[[Fraction, Fraction], Fraction]]] = {
    "+": (1, operator.add),
    "-": (1, operator.sub),
    "*": (2, operator.mul),
    "/": (2, operator.truediv),
    "//": (2, lambda left, right: Fraction(left // right)),
    "%": (2, operator.mod),
}


class _NoArithmetic(Exception):
    pass


@tool
def calculate(expression: Annotated[str, "such as (2.5 + 1/3) * 7 ** 2"]) -> str:
    """Works out an arithmetic expression exactly: + - * / // % ** and parentheses, decimals without rounding."""
    if len(expression) > _MAX_EXPRESSION_LENGTH:
        raise ToolException(f"The expression is longer than {_MAX_EXPRESSION_LENGTH} characters.")
    try:
        return format_number(_Expression(expression).value())
    except _NoArithmetic:
        raise ToolException(f"{expression!r} is no arithmetic expression.") from None
    except ZeroDivisionError:
        raise ToolException(f"{expression!r} divides by zero.") from None


class _Expression:
    """Reads and works out in one go, as Python would bind the signs.

    Python's own parser is no help here: it is not safe to call from several threads (python/cpython#106905).
    """

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    def value(self) -> Fraction:
        value = self._sum(1, 0)
        if self._at != len(self._tokens):
            raise _NoArithmetic
        return value

    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._next()
        self._at += 1
        return token

    def _sum(self, binding: int, depth: int) -> Fraction:
        """Terms of operators that bind at least so tightly, from left to right."""
        value = self._factor(depth)
        while self._next() in _BINARY and (found := _BINARY[self._next()])[0] >= binding:
            self._take()
            value = _check_bounds(found[1](value, self._sum(found[0] + 1, depth)))
        return value

    def _factor(self, depth: int) -> Fraction:
        if depth > _MAX_EXPRESSION_DEPTH:
            raise ToolException("The expression is nested too deeply.")
        match self._next():
            case "-":
                self._take()
                return -self._factor(depth + 1)
            case "+":
                self._take()
                return self._factor(depth + 1)
        base = self._atom(depth)
        if self._next() in {"**", "^"}:
            self._take()
            return _power(base, self._factor(depth + 1))
        return base

    def _atom(self, depth: int) -> Fraction:
        taken = self._take()
        if taken == "(":
            value = self._sum(1, depth + 1)
            if self._take() != ")":
                raise _NoArithmetic
            return value
        if not taken or taken in _BINARY or taken in {"**", "^", ")"}:
            raise _NoArithmetic
        return _read_number(taken)


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _NoArithmetic
        yield found["number"] or found["sign"]
        at = found.end()


def _read_number(digits: str) -> Fraction:
    exponent = digits.lower().partition("e")[2]
    if exponent and abs(int(exponent)) > _MAX_POWER:
        raise ToolException("The number is too large, or too small.")
    return _check_bounds(Fraction(digits.replace("_", "")))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise ToolException("Only whole exponents are exact.")
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent) > _MAX_POWER or size * abs(int(exponent)) > _MAX_BITS:
        raise ToolException("The result is too large.")
    return Fraction(base**exponent)


def _check_bounds(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MAX_BITS:
        raise ToolException("The result is too large.")
    return value


def format_number(value: Fraction) -> str:
    """An integer, a decimal where it ends, else a fraction with its decimal to twelve digits."""
    if value.denominator == 1:
        return str(value.numerator)
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest == 1:
        return _decimal(value, max(twos, fives))
    fraction = f"{value.numerator}/{value.denominator}"
    try:
        return f"{fraction} (about {float(value):.12g})"
    except OverflowError:
        return fraction


def _decimal(value: Fraction, places: int) -> str:
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"


@tool
def date_shift(  # noqa: PLR0917  # a model names its arguments
    start: Annotated[str, "ISO 8601 date or date and time, or the word now"],
    zone: Annotated[str, "IANA time zone, such as Europe/Berlin or UTC"] = "UTC",
    days: int = 0,
    hours: int = 0,
    minutes: int = 0,
    until: Annotated[str | None, "another date: answers how far it is instead"] = None,
) -> str:
    """Moves a date by days, hours and minutes in a time zone, or tells how far two dates are apart."""
    where = _zone(zone)
    begin = _moment(start, where)
    if until is not None:
        return _distance(begin, _moment(until, where))
    try:
        # Days are the calendar's: a day later is the same time on the clock, even over a change of the clocks.
        on_the_clock = (begin.replace(tzinfo=None) + timedelta(days=days)).replace(tzinfo=where)
        moved = (on_the_clock.astimezone(ZoneInfo("UTC")) + timedelta(hours=hours, minutes=minutes)).astimezone(where)
    except OverflowError:
        raise ToolException("The result is outside the years 1 to 9999.") from None
    return f"{moved.isoformat(timespec='seconds')} ({moved:%A}, week {moved.isocalendar().week})"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ToolException(f"{name!r} is no IANA time zone.") from None


def _moment(text: str, zone: ZoneInfo) -> datetime:
    if text.strip().lower() == "now":
        return datetime.now(zone)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ToolException(f"{text!r} is no ISO 8601 date.") from None
    try:
        return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    except OverflowError:
        raise ToolException(f"{text!r} is outside the years 1 to 9999.") from None


def _distance(begin: datetime, end: datetime) -> str:
    seconds = round((end - begin).total_seconds())
    calendar = (end.date() - begin.date()).days
    days, rest = divmod(abs(seconds), 86_400)
    hours, rest = divmod(rest, 3_600)
    sign = "-" if seconds < 0 else ""
    return f"{calendar} calendar days; exactly {sign}{days} d {hours} h {rest // 60} min {rest % 60} s"


def server_tools() -> tuple[BaseTool, ...]:
    # What a tool says of its arguments goes to the model, which can mend them.
    forgiving = {"handle_tool_error": True, "handle_validation_error": True}
    return tuple(made.model_copy(update=forgiving) for made in (calculate, date_shift))
