"""Checks of texts that are made to be expensive: each in a process that is ended when its CPU time is used up."""

import time
from collections.abc import AsyncIterator, Iterator

import pytest

from artifacts.workers import Workers
from graphs.quality.findings import Finding
from graphs.quality.review_input import ReviewInput
from graphs.quality.run_checks import CHECKS, MAX_TEXT_LENGTH, check, prepare

KEY = "AKIA" + "Q3EGRVNXO5TBZKDW"


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    made = Workers(prepare)
    yield made
    await made.aclose()


def spin(_: ReviewInput) -> Iterator[Finding]:
    yield Finding("spin", "error", "what was found before it was ended is not told")
    while True:
        pass


def spin_again(review_input: ReviewInput) -> Iterator[Finding]:
    return spin(review_input)


def stumble(_: ReviewInput) -> Iterator[Finding]:
    raise ZeroDivisionError


def _found(found: list[Finding]) -> list[str]:
    return [finding.source for finding in found]


async def test_a_check_of_a_usual_text_is_as_ever(workers: Workers) -> None:
    report = await check(workers, ReviewInput("{", kind="json"))
    assert (_found(list(report.findings)), report.not_checked) == (["data_parses"], [])


@pytest.mark.parametrize(
    ("review_input", "name"),
    [
        (ReviewInput("|-|\n" * 15_000, kind="code", language="javascript"), "code_parses"),
        (ReviewInput("{" * 100_000, kind="yaml"), "data_parses"),
    ],
)
async def test_what_costs_too_much_is_not_checked_and_costs_this_process_nothing(
    workers: Workers, review_input: ReviewInput, name: str
) -> None:
    await check(workers, ReviewInput("warm"))
    before = time.process_time()
    report = await check(workers, review_input)
    assert time.process_time() - before < 0.5
    assert name in report.not_checked


async def test_after_two_that_cost_too_much_only_those_that_block_are_left(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphs.quality.run_checks.CHECKS", {spin: "report", spin_again: "report", **CHECKS})
    report = await check(workers, ReviewInput(f"The key is {KEY}."))
    assert _found(list(report.findings)) == ["no_secret"]
    blocking = {each.__name__ for each, effect in CHECKS.items() if effect == "block"}
    assert set(report.not_checked) == {"spin", "spin_again"} | {each.__name__ for each in CHECKS} - blocking


async def test_a_check_that_breaks_takes_no_other_along(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphs.quality.run_checks.CHECKS", {stumble: "report", **CHECKS})
    report = await check(workers, ReviewInput("{", kind="json"))
    assert (_found(list(report.findings)), report.not_checked) == (["data_parses"], ["stumble"])


async def test_a_text_beyond_the_bound_is_not_checked(workers: Workers) -> None:
    report = await check(workers, ReviewInput("{" * (MAX_TEXT_LENGTH + 1), kind="json"))
    assert (report.findings, report.not_checked) == ((), [each.__name__ for each in CHECKS])
