"""Whether diagrams can be drawn."""

from collections.abc import Iterator

from artifacts.diagram import diagram_faults
from graphs.quality.checks.pieces import in_piece, pieces
from graphs.quality.findings import Finding
from graphs.quality.subject import Subject


def diagram_well_formed(subject: Subject) -> Iterator[Finding]:
    for piece in pieces(subject):
        if piece.language == "mermaid":
            for fault in diagram_faults(piece.text):
                yield in_piece("diagram_well_formed", "error", fault, subject, piece)
