"""Whether a text is what its kind says: it parses. Pure."""

from collections.abc import Callable, Iterator

from artifacts.csv_rows import row_issues
from artifacts.data import data_issues, is_data
from artifacts.diagram import diagram_faults
from artifacts.markup import html_issues, svg_issues, xml_issues
from artifacts.syntax import language_named, syntax_issues
from artifacts.syntax_issue import SyntaxIssue

_MARKUP: dict[str, Callable[[str], Iterator[SyntaxIssue]]] = {"html": html_issues, "svg": svg_issues, "xml": xml_issues}
_ROWS: dict[str, Callable[[str], Iterator[SyntaxIssue]]] = {"csv": row_issues, "mermaid": diagram_faults}


def validate(text: str, kind: str, language: str | None = None) -> Iterator[str]:
    """What is wrong with it, for people and models, with the line where that is known. What cannot be told is right."""
    named = language_named(language) if kind == "code" and language else kind
    for issue in _issues(text, named):
        yield f"line {issue.line}: {issue.message}" if issue.line else issue.message


def _issues(text: str, language: str) -> Iterator[SyntaxIssue]:
    if is_data(language):
        return data_issues(text, language)
    check = _MARKUP.get(language) or _ROWS.get(language)
    return check(text) if check is not None else syntax_issues(text, language)
