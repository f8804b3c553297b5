"""Every check over one text."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from artifacts.workers import WorkerFailed, Workers
from graphs.quality.checks.code import code_parses, lints
from graphs.quality.checks.data import data_parses
from graphs.quality.checks.diagram import diagram_well_formed
from graphs.quality.checks.form import format_kept
from graphs.quality.checks.leaks import no_personal_data, no_secret
from graphs.quality.checks.markdown import fences_closed, links_resolve
from graphs.quality.checks.markup import markup_parses
from graphs.quality.checks.quotes import quotes_occur
from graphs.quality.checks.retold import no_prompt_leak
from graphs.quality.checks.speech import language_kept, length_kept
from graphs.quality.checks.table import table_well_formed
from graphs.quality.findings import Effect, Finding
from graphs.quality.review_input import ReviewInput
from observability.logs import get_logger

Check = Callable[[ReviewInput], Iterator[Finding]]

# What a finding does to the text: `report` says it with the verdict; `block` keeps the passage from its reader where
# the review is enforced. What is surely wrong comes first.
CHECKS: Mapping[Check, Effect] = {
    code_parses: "report",
    data_parses: "report",
    markup_parses: "report",
    lints: "report",
    fences_closed: "report",
    links_resolve: "report",
    diagram_well_formed: "report",
    table_well_formed: "report",
    no_secret: "block",
    no_personal_data: "report",
    no_prompt_leak: "block",
    quotes_occur: "report",
    language_kept: "report",
    length_kept: "report",
    format_kept: "report",
}
# What one check finds beyond this is more of the same.
_MAX_FINDINGS_PER_CHECK = 20
# No check reads more.
MAX_TEXT_LENGTH = 1_000_000
# Of CPU time, for one check of one text; and how many checks may use it up before the others are left out.
_CPU_SECONDS = 1.0
_MAX_FAILURES = 2
_SAMPLE = ReviewInput("# Warm\n\n```js\nlet a = 1\n```\n\nA text that is long enough.", prompt="In German, please.")

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was found, and the names of the checks that could not read the text in their time."""

    findings: Sequence[Finding] = ()
    not_checked: Sequence[str] = ()


async def check(workers: Workers, review_input: ReviewInput, effect: Effect | None = None) -> CheckReport:
    """What can be told without a model, each check in a process that has little CPU time for it.

    With an `effect`, only the checks that have it.
    """
    checks = {each: its for each, its in CHECKS.items() if effect in {None, its}}
    if len(review_input.text) > MAX_TEXT_LENGTH:
        return CheckReport(not_checked=[each.__name__ for each in checks])
    found, not_checked = list[Finding](), list[str]()
    for each, its in checks.items():
        # A text that is made to be expensive is not worth the time of all; what blocks is looked for in any case.
        if len(not_checked) >= _MAX_FAILURES and its == "report":
            not_checked.append(each.__name__)
            continue
        try:
            told = await workers.run(run_check, each, review_input, cpu_seconds=_CPU_SECONDS)
            found += [replace(finding, effect=its) for finding in told]
        except WorkerFailed as error:
            _log.warning("check_ended", check=each.__name__, reason=str(error))
            not_checked.append(each.__name__)
        # A check that breaks on a text is a bug of ours, which is told to us; the reader gets what the others find.
        except Exception:  # noqa: BLE001
            _log.exception("check_crashed", check=each.__name__)
            not_checked.append(each.__name__)
    return CheckReport(found, not_checked)


def run_check(each: Check, review_input: ReviewInput) -> list[Finding]:
    return list(islice(each(review_input), _MAX_FINDINGS_PER_CHECK))


def prepare() -> None:
    """Load what the checks load at their first text."""
    run_checks(_SAMPLE)


def run_checks(review_input: ReviewInput) -> list[Finding]:
    """What can be told without a model; a text that no check minds gives nothing. Nothing is told of more than 1 MB."""
    if len(review_input.text) > MAX_TEXT_LENGTH:
        return []
    return [finding for check in CHECKS for finding in _run_one(check, review_input)]


def _run_one(check: Check, review_input: ReviewInput) -> list[Finding]:
    try:
        return run_check(check, review_input)
    except Exception:  # noqa: BLE001  # as in `check`
        _log.exception("check_crashed", check=check.__name__)
        return []
