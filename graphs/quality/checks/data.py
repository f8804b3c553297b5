"""Whether data parses."""

import re
import textwrap
from collections.abc import Iterator

from artifacts.data import data_faults, is_data
from graphs.quality.checks.pieces import Piece, in_piece, pieces
from graphs.quality.findings import Finding
from graphs.quality.subject import Subject

_ELISION = re.compile(r"(?<![\w\"'.])(?:\.\.\.|…)(?![\w\"'.])")
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_TEMPLATE = re.compile(r"\{\{|\{%|<%|^\s*<[\w -]+>\s*$", re.MULTILINE)
_DOCUMENT_END = re.compile(r"^\.\.\.\s*$", re.MULTILINE)


def data_parses(subject: Subject) -> Iterator[Finding]:
    for piece in pieces(subject):
        if not is_data(piece.language) or (not piece.whole and _is_sketch(piece)):
            continue
        text = piece.text if piece.whole else textwrap.dedent(piece.text)
        if not piece.whole and not text.strip():
            continue
        if not piece.whole and piece.language == "json" and not list(data_faults(f"{{{text}}}", "json")):
            # Members of an object, shown without it.
            continue
        for fault in data_faults(text, piece.language):
            yield in_piece("data_parses", "error", fault, subject, piece)


def _is_sketch(piece: Piece) -> bool:
    """Whether a block shows a form and leaves things out, which its reader sees."""
    text = _QUOTED.sub('""', piece.text)
    if piece.language == "yaml":
        text = _DOCUMENT_END.sub("", text)
    return _ELISION.search(text) is not None or (piece.language == "yaml" and _TEMPLATE.search(text) is not None)
