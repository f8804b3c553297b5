import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.tools import ToolException

from graphs.chat.tools import calculate, date_shift, format_number, server_tools


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("0.1 + 0.2", "0.3"),
        ("17.5 / 100 * 349.90", "61.2325"),
        ("1/3 + 1/6", "0.5"),
        ("2/3", "2/3 (about 0.666666666667)"),
        ("-7 // 2", "-4"),
        ("-7 % 3", "2"),
        ("2 ** 100", "1267650600228229401496703205376"),
        ("2 ^ 3", "8"),
        ("(1 + 2) * -(3 - 5)", "6"),
        ("1e3 + 1_000", "2000"),
        ("-1/8", "-0.125"),
        ("2 ** -2", "0.25"),
        ("+5", "5"),
        (" 1 ", "1"),
        ("-2 ** 2", "-4"),
        ("2 ** 3 ** 2", "512"),
        ("8 / 4 / 2", "1"),
        ("2 - 3 - 4", "-5"),
        ("2 + 3 * 4 ** 2 % 5", "5"),
        ("--3", "3"),
        (".5 + 5.", "5.5"),
    ],
)
def test_arithmetic_is_exact(expression: str, result: str) -> None:
    assert calculate.invoke({"expression": expression}) == result


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "1 +",
        "x",
        "__import__('os')",
        "'a' * 3",
        "True + 1",
        "1j",
        "2 ** 0.5",
        "9 ** 9 ** 9",
        "9 ** 300 * 9 ** 300 * 9 ** 300 * 9 ** 300",
        "1/0",
        "0 ** -1",
        "(" * 240 + "1" + ")" * 240,
        "1" * 501,
        "[1]",
        "1 if 1 else 2",
        "abs(-1)",
        "1 < 2",
        "1e999999999",
        "1e-999999999",
        "9" * 400 + "e900",
        "~1",
        "1 2",
        "(1",
        "1)",
        "* 2",
        "2 **",
        "-" * 300 + "1",
        "2**" * 100 + "1",
    ],
)
def test_what_is_no_arithmetic_or_too_large_is_said_to_be(expression: str) -> None:
    with pytest.raises(ToolException):
        calculate.invoke({"expression": expression})


def test_a_fraction_too_large_for_a_decimal_is_a_fraction_still() -> None:
    assert "about" not in calculate.invoke({"expression": "3 ** 900 / 7"})


@pytest.mark.parametrize(
    ("asked", "result"),
    [
        ({"start": "2026-11-20", "days": 100, "zone": "Asia/Tokyo"}, "2027-02-28T00:00:00+09:00 (Sunday, week 8)"),
        # A day over the change of the clocks is the same time of day, 24 hours are not.
        (
            {"start": "2026-03-28T12:00", "days": 1, "zone": "Europe/Berlin"},
            "2026-03-29T12:00:00+02:00 (Sunday, week 13)",
        ),
        (
            {"start": "2026-03-28T12:00", "hours": 24, "zone": "Europe/Berlin"},
            "2026-03-29T13:00:00+02:00 (Sunday, week 13)",
        ),
        ({"start": "2026-01-01T00:00:00Z", "minutes": -1}, "2025-12-31T23:59:00+00:00 (Wednesday, week 1)"),
        ({"start": "2026-01-01", "until": "2026-12-25"}, "358 calendar days; exactly 358 d 0 h 0 min 0 s"),
        ({"start": "2026-01-02", "until": "2026-01-01"}, "-1 calendar days; exactly -1 d 0 h 0 min 0 s"),
    ],
)
def test_dates_move_as_the_calendar_does(asked: dict[str, object], result: str) -> None:
    assert date_shift.invoke(asked) == result


def test_now_is_a_date_too() -> None:
    assert date_shift.invoke({"start": "now", "until": "now"}).startswith("0 calendar days")


@pytest.mark.parametrize(
    "asked",
    [
        {"start": "soon"},
        {"start": "now", "zone": "Mars/Olympus"},
        {"start": "9999-12-31", "days": 1},
        {"start": "0001-01-01T00:00+14:00"},
        {"zone": "UTC"},
    ],
)
def test_what_is_wrong_with_a_call_is_told_to_the_model(asked: dict[str, object]) -> None:
    _, forgiving = server_tools()
    answer = forgiving.invoke({"type": "tool_call", "id": "c", "name": "date_shift", "args": asked})
    assert answer.status == "error"


_SIGNS = ["+", "-", "*", "/", "//", "%"]


@given(
    st.recursive(
        st.integers(0, 99).map(str),
        lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(_SIGNS), inner),
        max_leaves=12,
    )
)
def test_arithmetic_agrees_with_pythons_on_fractions(expression: str) -> None:
    fractions = re.sub(r"\d+", lambda number: f"Fraction({number[0]})", expression)
    try:
        expected = format_number(Fraction(eval(fractions, {"Fraction": Fraction})))
    except ZeroDivisionError:
        with pytest.raises(ToolException):
            calculate.invoke({"expression": expression})
    else:
        assert calculate.invoke({"expression": expression}) == expected
