"""Whether diagrams can be drawn."""

import re
from collections.abc import Iterator

from artifacts.diagram import diagram_faults
from graphs.quality.checks.pieces import in_piece, pieces
from graphs.quality.checks.shown import is_subject
from graphs.quality.findings import Finding
from graphs.quality.subject import Subject

# What is left out of a sketch.
_ELISION = re.compile(r"^\s*(?:\.\.\.|…)\s*$", re.MULTILINE)


def diagram_well_formed(subject: Subject) -> Iterator[Finding]:
    for piece in pieces(subject):
        if piece.language == "mermaid" and (piece.whole or not _ELISION.search(piece.text)):
            for fault in diagram_faults(piece.text):
                if is_subject(piece, fault.line, subject):
                    break
                yield in_piece("diagram_well_formed", "error", fault, subject, piece)
