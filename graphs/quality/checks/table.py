"""Whether the rows of tables fit one another, in CSV and in Markdown."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise

from artifacts.csv_rows import row_issues
from artifacts.syntax_issue import SyntaxIssue
from graphs.quality.checks.pieces import at_line, in_piece, is_prose, lines_of, pieces, tokens
from graphs.quality.checks.shown import is_subject
from graphs.quality.findings import Finding
from graphs.quality.review_input import ReviewInput

_LARGEST = 1_000_000
_BARRED = re.compile(r"\s*\|.*\|\s*")
_DELIMITER = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_CONTAINERS = re.compile(r"^(?:\s*>)*\s*(?:(?:[-*+]|\d+[.)])\s+(?=\|))?")
# What is left out of a block, in a line of its own.
_ELISION = re.compile(r"^[ \t]*(?:[.…]+[,;\t ]*)+(?:\n|\Z)", re.MULTILINE)
_PROMPT = re.compile(r"^(?:\$ |> |>>> )", re.MULTILINE)
# Of tables that are no Markdown: Org, ASCII, Jira.
_OTHER_TABLES = re.compile(r"\s*(?:[|+][-=+|]+[|+]|\|\|.*\|\|)\s*")
_LONGEST_SIGN = 4
_PIPE = re.compile(r"(?<!\\)\|")


def table_well_formed(review_input: ReviewInput) -> Iterator[Finding]:
    for piece in pieces(review_input):
        if piece.language in {"csv", "tsv"} and len(piece.text) <= _LARGEST:
            text = piece.text if piece.whole else _ELISION.sub("", textwrap.dedent(piece.text))
            for issue in row_issues(text):
                if is_subject(piece, issue.line, review_input) or (not piece.whole and _PROMPT.search(text)):
                    break
                yield in_piece("table_well_formed", "error", issue, review_input, piece)
    if is_prose(review_input):
        given = f"{review_input.prompt}\n{review_input.context}"
        lines = lines_of(review_input.text)
        for issue in _markdown_faults(review_input.text):
            if issue.line and lines[issue.line - 1].strip() in given:
                # The table of the person, as it was.
                continue
            yield at_line("table_well_formed", "error", issue.message, review_input.text, issue.line)


def _markdown_faults(text: str) -> Iterator[SyntaxIssue]:
    lines = lines_of(text)
    for token in tokens(text):
        if token.map is None:
            continue
        start, end = token.map
        block = [_CONTAINERS.sub("", line, count=1) for line in lines[start:end]]
        if token.type == "table_open":
            yield from _rows(block, start)
        elif token.type == "paragraph_open":
            yield from _no_table(block, start)


def _rows(block: Sequence[str], start: int) -> Iterator[SyntaxIssue]:
    width = len(_cells(block[0]))
    for number, row in enumerate(block, start + 1):
        found = len(_cells(row))
        # Text below a table becomes a row of it, and a single cell may be the heading of the rows below.
        is_text = _BARRED.fullmatch(block[0]) is not None and "|" not in (row.strip()[:1], row.strip()[-1:])
        if not is_text and number != start + 2 and found > 1 and found != width:
            yield SyntaxIssue(f"This row has {found} cells, and the header has {width}.", number)


def _no_table(block: Sequence[str], start: int) -> Iterator[SyntaxIssue]:
    """Lines that were meant as a table: without a delimiter row, or with one of another width."""
    for at, (row, following) in enumerate(pairwise(block)):
        if _is_row(row) and "|" in following and "-" in following and _DELIMITER.fullmatch(following):
            found, width = len(_cells(following)), len(_cells(row))
            yield SyntaxIssue(
                f"The line below the header has {found} cells, and the header has {width}.", start + at + 2
            )
            return
    if any(_OTHER_TABLES.fullmatch(line) and not _DELIMITER.fullmatch(line) for line in block):
        return
    rows = [at for at, line in enumerate(block) if _is_row(line)]
    if all(len(cell.strip()) <= _LONGEST_SIGN for at in rows for cell in _cells(block[at])):
        # The bars of a song, the board of a game.
        return
    if len(rows) >= 2 and rows[-1] - rows[0] == len(rows) - 1 and not _DELIMITER.fullmatch(block[rows[0]]):
        yield SyntaxIssue(
            "These rows have no line of dashes below the header, so they are no table.", start + rows[0] + 1
        )


def _is_row(line: str) -> bool:
    plain = line.strip()
    return len(plain) > 2 and plain.startswith("|") and plain.endswith("|") and len(_PIPE.findall(plain)) > 2


def _cells(row: str) -> list[str]:
    plain = row.strip()
    plain = plain.removeprefix("|")
    if plain.endswith("|") and not plain.endswith("\\|"):
        plain = plain[:-1]
    return _PIPE.split(plain)
