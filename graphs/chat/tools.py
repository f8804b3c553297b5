"""Two tools that need no network, for two things that models get wrong: exact arithmetic, and dates in time zones."""

import ast
import operator
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from langchain_core.tools import BaseTool, ToolException, tool

_LONGEST_EXPRESSION = 500
_LARGEST_POWER = 1000
# Python refuses to print integers of more than 4,300 digits.
_LARGEST_BITS = 3_000

_BINARY: Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: lambda left, right: Fraction(left // right),
    ast.Mod: operator.mod,
}


@tool
def calculate(expression: Annotated[str, "such as (2.5 + 1/3) * 7 ** 2"]) -> str:
    """Works out an arithmetic expression exactly: + - * / // % ** and parentheses, decimals without rounding."""
    if len(expression) > _LONGEST_EXPRESSION:
        raise ToolException(f"The expression is longer than {_LONGEST_EXPRESSION} characters.")
    try:
        tree = ast.parse(expression.strip().replace("^", "**"), mode="eval")
        return shown(_value(tree.body, expression.strip().replace("^", "**")))
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        raise ToolException(f"{expression!r} is no arithmetic expression.") from None
    except ZeroDivisionError:
        raise ToolException(f"{expression!r} divides by zero.") from None


def _value(node: ast.expr, source: str) -> Fraction:
    match node:
        case ast.Constant(value=bool() | complex() | str() | bytes()):
            raise ValueError
        case ast.Constant(value=int() | float()):
            # The digits as they were written: as a float, 0.1 would no longer be a tenth.
            return _read((ast.get_source_segment(source, node) or "").replace("_", ""))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, source)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, source)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left, source), _value(right, source))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _bounded(_BINARY[type(op)](_value(left, source), _value(right, source)))
        case _:
            raise ValueError


def _read(digits: str) -> Fraction:
    exponent = digits.lower().partition("e")[2] if not digits.lower().startswith("0x") else ""
    if exponent and abs(int(exponent)) > _LARGEST_POWER:
        raise ToolException("The number is too large, or too small.")
    return _bounded(Fraction(digits))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise ToolException("Only whole exponents are exact.")
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent) > _LARGEST_POWER or size * abs(int(exponent)) > _LARGEST_BITS:
        raise ToolException("The result is too large.")
    return Fraction(base**exponent)


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _LARGEST_BITS:
        raise ToolException("The result is too large.")
    return value


def shown(value: Fraction) -> str:
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
