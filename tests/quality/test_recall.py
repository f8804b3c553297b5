"""How many of the labelled defects the checks find, and that they let the clean texts be. `-s` shows the figures."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pytest

from graphs.quality.review_input import ReviewInput
from graphs.quality.run_checks import CHECKS, run_checks
from tests.quality.samples import FRESH, SECOND, Sample, kept_aside, samples
from tests.quality.test_samples import CHECKS as NAMES

pytestmark = pytest.mark.quality

FIRST, MORE = samples(), samples(folder=SECOND)
TUNED = [sample for sample in (*FIRST, *MORE) if not kept_aside(sample)]


@dataclass(frozen=True)
class Figures:
    """By check: defects that its samples hold, those that it finds, and alarms on clean texts of any check."""

    defects: Counter[str]
    found: Counter[str]
    alarms: Counter[str]
    clean: int

    @property
    def recall(self) -> float:
        return self.found.total() / self.defects.total()

    def shown(self) -> str:
        rows = [f"{name:22} {self.found[name]:3} of {self.defects[name]:3}  {self.alarms[name]:3}" for name in NAMES]
        total = f"{'total':22} {self.found.total():3} of {self.defects.total():3}  {self.alarms.total():3}"
        return "\n".join([f"{'':22} found       alarms on {self.clean} clean texts", *rows, total])


def by(sample: Sample) -> set[str]:
    review_input = ReviewInput(sample.text, sample.asked, sample.given, sample.system, sample.kind, sample.language)
    return {finding.source for finding in run_checks(review_input)}


def figures(of: Iterable[Sample]) -> Figures:
    defects, found, alarms, clean = Counter[str](), Counter[str](), Counter[str](), 0
    for sample in of:
        named = by(sample)
        if sample.label == "clean":
            clean += 1
            alarms.update(named)
        else:
            defects[sample.check] += 1
            found[sample.check] += sample.check in named
    return Figures(defects, found, alarms, clean)


def test_every_check_of_the_set_is_run() -> None:
    assert sorted(check.__name__ for check in CHECKS) == sorted(NAMES)


@pytest.mark.parametrize("sample", [s for s in TUNED if s.label == "clean"], ids=lambda sample: sample.id)
def test_a_clean_text_is_left_alone(sample: Sample) -> None:
    assert by(sample) == set()


@pytest.mark.parametrize("sample", samples(folder=FRESH), ids=lambda sample: sample.id)
def test_a_near_miss_that_was_mended_by_is_left_alone(sample: Sample) -> None:
    assert by(sample) == set()


def test_of_what_was_tuned_on_nearly_all_is_found() -> None:
    told = figures(TUNED)
    print(f"\ntuned on\n{told.shown()}")  # noqa: T201
    assert told.recall >= 0.9


# None was the aim. These are what the one run found after the last change: of the first set 41 of 44 with no alarm on
# 50 clean texts, of the second 28 of 30 with 1 on 59. Fewer would be better, more are a step back.
@pytest.mark.parametrize(("written", "alarms"), [(FIRST, 0), (MORE, 1)], ids=["first", "second"])
def test_of_what_nobody_looked_at_as_much_is_found_as_is_said(written: Sequence[Sample], alarms: int) -> None:
    told = figures(sample for sample in written if kept_aside(sample))
    print(f"\nkept aside\n{told.shown()}")  # noqa: T201
    assert told.recall >= 0.9
    assert told.alarms.total() <= alarms
