"""Whether diagrams can be drawn."""

import re
from collections.abc import Iterator

from artifacts.diagram import diagram_faults
from graphs.quality.checks.pieces import in_piece, pieces
from graphs.quality.checks.shown import is_subject
from graphs.quality.findings import Finding
from graphs.quality.review_input import ReviewInput

# What is left out of a sketch.
_ELISION = re.compile(r"^\s*(?:\.\.\.|…)\s*$", re.MULTILINE)


def diagram_well_formed(review_input: ReviewInput) -> Iterator[Finding]:
    for piece in pieces(review_input):
        if piece.language == "mermaid" and (piece.whole or not _ELISION.search(piece.text)):
            for issue in diagram_faults(piece.text):
                if is_subject(piece, issue.line, review_input):
                    break
                yield in_piece("diagram_well_formed", "error", issue, review_input, piece)
