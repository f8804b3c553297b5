"""What becomes of a text that must not be shown as it is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from artifacts.workers import Workers
from graphs.quality.findings import Delivery, Finding
from graphs.quality.review_input import ReviewInput
from graphs.quality.run_checks import check

# `remove` takes the passages out of the text; `refuse` puts a refusal in place of an answer. Nothing is left of a
# document without its text, so that of one the passages are removed in either case.
LeakAction = Literal["remove", "refuse"]

REMOVED = "[removed]"
REFUSAL = "This answer is withheld, because it contained something that must not be shown."
# What is left of one passage may be found to be another.
_MAX_ROUNDS = 5


async def block(
    workers: Workers, review_input: ReviewInput, findings: Sequence[Finding], action: LeakAction
) -> tuple[str, Delivery]:
    """The text as it may be shown: nothing that blocks is found in it."""
    if action == "refuse" and review_input.kind == "answer":
        return REFUSAL, "refused"
    text = review_input.text
    for _ in range(_MAX_ROUNDS):
        text = _without(text, [span for finding in findings for span in finding.spans])
        report = await check(workers, replace(review_input, text=text), effect="block")
        if report.not_checked:
            break
        if not report.findings:
            return text, "redacted"
        findings = report.findings
    return REFUSAL, "refused"


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    kept, at = list[str](), 0
    for start, end in sorted(spans):
        if start >= at:
            kept += [text[at:start], REMOVED]
        at = max(at, end)
    return "".join([*kept, text[at:]])
