"""Whether HTML, SVG and XML are well-formed."""

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from artifacts.markup import html_issues, svg_issues, xml_issues
from artifacts.syntax_issue import SyntaxIssue
from graphs.quality.checks.pieces import Piece, in_piece, pieces
from graphs.quality.checks.shown import is_subject
from graphs.quality.findings import Finding
from graphs.quality.review_input import ReviewInput

_LARGEST = 1_000_000
_TEMPLATE = re.compile(r"\{%|<%|<\?(?!xml)|\{\{[#/]|^\s*(?:\.\.\.|…)\s*$", re.MULTILINE)
# Of a language that is made into HTML.
_FRAMEWORK = re.compile(
    r"\s(?:\*ng\w|v-[a-z]+|x-[a-z]+|[:@#][\w.-]+\s*=|\[[\w.()]+\]\s*=|\([\w.]+\)\s*=|(?:on|bind|class):\w+\s*=)|\w=\{"
    r"|\{\{|^\s*@(?:if|for|switch|defer|let|foreach|include|extends|section)\b|<script setup|<x-",
    re.MULTILINE,
)
_ALONE = re.compile(r"<([\w:-]+)/> does not close itself")
# Shown without the <svg> around it.
_OF_DRAWING = frozenset(
    [
        "path",
        "circle",
        "rect",
        "line",
        "ellipse",
        "polygon",
        "polyline",
        "use",
        "stop",
        "image",
        "animate",
        "text",
        "g",
        "animatetransform",
        "fegaussianblur",
        "feoffset",
        "feblend",
        "symbol",
        "marker",
        "lineargradient",
        "mspace",
    ]
)
_LEFT_OUT = re.compile(r"<!--[^<>]{0,80}(?:\.\.\.|…)[^<>]{0,80}-->")
_JOINED, _NEAR = 2, 6
_ONE_TAG = re.compile(r"\s*</?[A-Za-z][^<>]*>\s*")
# The end of something that is not shown.
_CLOSES_FIRST = re.compile(r"[^<]*</|[ \t]+\S[^\n]*\n(?:[ \t]+[^\n]*\n)*</")
_OPENED = re.compile(r"<[A-Za-z]")
_READINGS: dict[str, Callable[[str], Iterator[SyntaxIssue]]] = {
    "html": html_issues,
    "svg": svg_issues,
    "xml": xml_issues,
}


def markup_parses(review_input: ReviewInput) -> Iterator[Finding]:
    found = list(pieces(review_input))
    for at, piece in enumerate(found):
        reading = _READINGS.get(piece.language)
        if reading is None or len(piece.text) > _LARGEST or (not piece.whole and _TEMPLATE.search(piece.text)):
            continue
        faults = _part(piece) if not piece.whole else reading(piece.text)
        if issue := next((each for each in faults if not _is_of_framework(each, piece)), None):
            if is_subject(piece, issue.line, review_input):
                continue
            if not piece.whole and (_is_cut(piece, issue) or _goes_on(at, found)):
                continue
            yield in_piece("markup_parses", "error", issue, review_input, piece)


def _is_of_framework(issue: SyntaxIssue, piece: Piece) -> bool:
    """Whether an element closes itself for a compiler that takes it."""
    found = _ALONE.match(issue.message)
    if found is None:
        return False
    return (not piece.whole and found[1] in _OF_DRAWING) or _FRAMEWORK.search(piece.text) is not None


def _is_cut(piece: Piece, issue: SyntaxIssue) -> bool:
    """Whether something is left out, so that what is open may be closed there."""
    return (
        _LEFT_OUT.search(piece.text) is not None and re.search(r"never closed|element found", issue.message) is not None
    )


def _goes_on(at: int, found: Sequence[Piece]) -> bool:
    """Whether a block is right together with those before it or behind it, as the head and the foot of a page are."""
    piece = found[at]
    near = found[max(0, at - _NEAR) : at + _NEAR + 1]
    same = [each for each in near if each.language == piece.language]
    mine = next(index for index, each in enumerate(same) if each is piece)
    chains = (
        "\n".join(each.text for each in same[start : end + 1])
        for start in range(max(0, mine - _JOINED), mine + 1)
        for end in range(mine, min(len(same), mine + _JOINED + 1))
        if end > start
    )
    reading = _READINGS[piece.language]
    return any(not list(islice(reading(chain), 1)) for chain in chains)


def _part(piece: Piece) -> Iterator[SyntaxIssue]:
    """Faults of a block in prose, which may be an element among others or an opening tag shown by itself."""
    text = textwrap.dedent(piece.text)
    if _ONE_TAG.fullmatch(text) or _CLOSES_FIRST.match(text):
        return iter(())
    if piece.language == "html" or not text.strip():
        return html_issues(text)
    if len(_OPENED.findall(text)) == 1 and "</" not in text and "/>" not in text:
        return iter(())
    wrong = list(xml_issues(text))
    if wrong and not text.lstrip().startswith("<?xml") and not list(xml_issues(f"<x>{text}</x>")):
        return iter(())
    return iter(wrong)
