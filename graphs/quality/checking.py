"""Every check over one text."""

from collections.abc import Callable, Iterator

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
from graphs.quality.findings import Finding
from graphs.quality.subject import Subject
from observability.logs import get_logger

Check = Callable[[Subject], Iterator[Finding]]

# What is surely wrong comes first.
CHECKS: tuple[Check, ...] = (
    code_parses,
    data_parses,
    markup_parses,
    lints,
    fences_closed,
    links_resolve,
    diagram_well_formed,
    table_well_formed,
    no_secret,
    no_personal_data,
    no_prompt_leak,
    quotes_occur,
    language_kept,
    length_kept,
    format_kept,
)
# What one check finds beyond this is more of the same.
_MOST_OF_ONE = 20
# No check reads more.
LARGEST = 1_000_000

_log = get_logger(__name__)


def checked(subject: Subject) -> list[Finding]:
    """What can be told without a model; a text that no check minds gives nothing. Nothing is told of more than 1 MB."""
    if len(subject.text) > LARGEST:
        return []
    return [finding for check in CHECKS for finding in _found(check, subject)]


def _found(check: Check, subject: Subject) -> list[Finding]:
    found = list[Finding]()
    try:
        for finding in check(subject):
            found.append(finding)
            if len(found) == _MOST_OF_ONE:
                break
    # A check that breaks on a text is a bug of ours, which is told to us; the reader gets what the others find.
    except Exception:  # noqa: BLE001
        _log.exception("check_broke", check=check.__name__)
    return found
