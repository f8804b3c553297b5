"""Whether HTML, SVG and XML are well-formed."""

import re
import textwrap
from collections.abc import Callable, Iterator

from artifacts.fault import Fault
from artifacts.markup import html_faults, svg_faults, xml_faults
from graphs.quality.checks.pieces import Piece, in_piece, pieces
from graphs.quality.checks.shown import is_subject
from graphs.quality.findings import Finding
from graphs.quality.subject import Subject

_LARGEST = 1_000_000
_TEMPLATE = re.compile(r"\{%|<%|<\?(?!xml)|\{\{[#/]|^\s*(?:\.\.\.|…)\s*$", re.MULTILINE)
_ONE_TAG = re.compile(r"\s*</?[A-Za-z][^<>]*>\s*")
# The end of something that is not shown.
_CLOSES_FIRST = re.compile(r"[^<]*</|[ \t]+\S[^\n]*\n(?:[ \t]+[^\n]*\n)*</")
_OPENED = re.compile(r"<[A-Za-z]")
_READINGS: dict[str, Callable[[str], Iterator[Fault]]] = {"html": html_faults, "svg": svg_faults, "xml": xml_faults}


def markup_parses(subject: Subject) -> Iterator[Finding]:
    for piece in pieces(subject):
        reading = _READINGS.get(piece.language)
        if reading is None or len(piece.text) > _LARGEST or (not piece.whole and _TEMPLATE.search(piece.text)):
            continue
        if fault := next(_part(piece) if not piece.whole else reading(piece.text), None):
            if is_subject(piece, fault.line, subject):
                continue
            yield in_piece("markup_parses", "error", fault, subject, piece)


def _part(piece: Piece) -> Iterator[Fault]:
    """Faults of a block in prose, which may be an element among others or an opening tag shown by itself."""
    text = textwrap.dedent(piece.text)
    if _ONE_TAG.fullmatch(text) or _CLOSES_FIRST.match(text):
        return iter(())
    if piece.language == "html" or not text.strip():
        return html_faults(text)
    if len(_OPENED.findall(text)) == 1 and "</" not in text and "/>" not in text:
        return iter(())
    wrong = list(xml_faults(text))
    if wrong and not text.lstrip().startswith("<?xml") and not list(xml_faults(f"<x>{text}</x>")):
        return iter(())
    return iter(wrong)
