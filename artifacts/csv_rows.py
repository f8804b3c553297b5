"""Whether rows of separated values fit one another. Pure."""

import csv
import io
import re
from collections.abc import Iterator

from artifacts.syntax_issue import SyntaxIssue

_EMPTY_LINES = re.compile(r"(?:\r?\n[ \t]*){2,}")
_SPACED_QUOTE = re.compile(r"[,;|] +\"")
_COUNT = re.compile(r"\(\d+ (?:rows?|records?|lines?|zeilen?|lignes?|filas?)[^()]*\)", re.IGNORECASE)
_DELIMITERS = ",;\t|"
# Enough to tell by which sign the fields are kept apart.
_MAX_ROWS = 20_000


def row_issues(text: str) -> Iterator[SyntaxIssue]:
    """The first row that has another number of fields than the first one of its part; an empty line may part tables
    of their own, and a line may be a remark.
    """
    body = text.strip("\ufeff\n\r")
    skipped = text[: text.find(body)].count("\n") if body else 0
    faults = list(_issues(body, skipped))
    if faults and _SPACED_QUOTE.search(body) and not list(_issues(body, skipped, spaced=True)):
        # Who puts a blank behind each comma quotes behind the blank.
        return
    if faults and len(parts := _EMPTY_LINES.split(body)) > 1 and not any(list(_issues(part, 0)) for part in parts):
        return
    yield from faults


def _issues(body: str, skipped: int, *, spaced: bool = False) -> Iterator[SyntaxIssue]:
    rows = csv.reader(io.StringIO(body, newline=""), delimiter=_delimiter(body), strict=True, skipinitialspace=spaced)
    width = 0
    try:
        for row in rows:
            if _is_remark(row):
                continue
            width = width or len(row)
            if len(row) != width:
                yield SyntaxIssue(f"{len(row)} fields, where the first row has {width}", rows.line_num + skipped)
                return
    except csv.Error as error:
        if '\\"' not in body:
            yield SyntaxIssue(str(error), rows.line_num + skipped)


def _is_remark(row: list[str]) -> bool:
    """Whether a row is none: empty, a comment, or what tells Excel the delimiter."""
    return (
        not row
        or (len(row) == 1 and _COUNT.fullmatch(row[0].strip()) is not None)
        or row[0].lstrip().startswith("#")
        or row[0].startswith("sep=")
    )


def width(text: str) -> int:
    """How many fields the first row has."""
    body = text.strip("\ufeff\n\r")
    return _widths(body, _delimiter(body))[0]


def _delimiter(text: str) -> str:
    """The sign that makes the most rows as wide as the first, and the first wider than one."""
    fits = {sign: _matching_delimiter(_widths(text[:_MAX_ROWS], sign)) for sign in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda sign: fits[sign])
    return best if fits[best] > (0.0, 1) else ","


def _matching_delimiter(widths: list[int]) -> tuple[float, int]:
    return (sum(each == widths[0] for each in widths) / len(widths), widths[0]) if widths[0] > 1 else (0.0, 1)


def _widths(text: str, delimiter: str) -> list[int]:
    widths = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            widths += [] if _is_remark(row) else [len(row)]
    except csv.Error:
        pass
    return widths or [1]
