"""How well what is written down is cleaned: figures of the set, said in docs/observability.md."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from observability.redaction import redact
from tests.redaction.lines import FILE, SECOND, Line, kept_aside, lines


def _figures(of: Sequence[Line]) -> tuple[float, float]:
    """Recall, of lines in which nothing that was planted is left; precision, over lines."""
    seeded = [line for line in of if line.label == "seeded"]
    found = sum(all(planted not in redact(line.text) for planted in line.planted) for line in seeded)
    alarms = sum(redact(line.text) != line.text for line in of if line.label == "lookalike")
    return found / len(seeded), found / (found + alarms)


@pytest.mark.parametrize(
    ("file", "aside", "recall", "precision"),
    [(FILE, False, 0.99, 0.99), (FILE, True, 0.98, 0.97), (SECOND, False, 0.99, 0.99), (SECOND, True, 0.93, 0.97)],
    ids=["first, looked at", "first, kept aside", "second, looked at", "second, kept aside"],
)
def test_the_figures_are_what_the_docs_say(file: Path, *, aside: bool, recall: float, precision: float) -> None:
    told = _figures([line for line in lines(file) if kept_aside(line) is aside])
    assert told[0] >= recall
    assert told[1] >= precision
