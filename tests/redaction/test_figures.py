"""How well what is written down is cleaned: figures of the set, said in docs/observability.md."""

from collections.abc import Sequence

import pytest

from observability.redaction import redacted
from tests.redaction.lines import Line, kept_aside, lines


def _figures(of: Sequence[Line]) -> tuple[float, float]:
    """Recall, of lines in which nothing that was planted is left; precision, over lines."""
    seeded = [line for line in of if line.label == "seeded"]
    found = sum(all(planted not in redacted(line.text) for planted in line.planted) for line in seeded)
    alarms = sum(redacted(line.text) != line.text for line in of if line.label == "lookalike")
    return found / len(seeded), found / (found + alarms)


@pytest.mark.parametrize(("aside", "recall", "precision"), [(False, 0.98, 0.97), (True, 0.92, 0.95)])
def test_the_figures_are_what_the_docs_say(*, aside: bool, recall: float, precision: float) -> None:
    told = _figures([line for line in lines() if kept_aside(line) is aside])
    assert told[0] >= recall
    assert told[1] >= precision
