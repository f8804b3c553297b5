"""The form of the labelled set: what is wrong here would make every figure wrong."""

import re
from collections import Counter

import pytest

from tests.quality.samples import MARKER, SECOND, Sample, kept_aside, samples

CHECKS = (
    "code_parses",
    "data_parses",
    "diagram_well_formed",
    "fences_closed",
    "format_kept",
    "language_kept",
    "length_kept",
    "links_resolve",
    "lints",
    "markup_parses",
    "no_personal_data",
    "no_prompt_leak",
    "no_secret",
    "quotes_occur",
    "table_well_formed",
)
LABELS = {"defect": "d", "clean": "c"}
KINDS = {"answer", "markdown", "code", "html", "svg", "mermaid", "json", "csv"}

FIRST = samples()
MORE = samples(folder=SECOND)
ALL = [*FIRST, *MORE]


def test_there_is_one_file_for_each_check() -> None:
    assert sorted({sample.check for sample in FIRST}) == sorted({sample.check for sample in MORE}) == sorted(CHECKS)


def test_ids_are_unique() -> None:
    assert [name for name, count in Counter(sample.id for sample in ALL).items() if count > 1] == []


def test_texts_are_unique() -> None:
    asked = Counter((sample.check, sample.asked, sample.given, sample.text) for sample in ALL)
    assert [key for key, count in asked.items() if count > 1] == []


@pytest.mark.parametrize("sample", ALL, ids=lambda sample: sample.id)
def test_a_sample_has_its_form(sample: Sample) -> None:
    assert sample.label in LABELS
    assert re.fullmatch(rf"{sample.check}-{LABELS[sample.label]}1?\d\d", sample.id)
    assert sample.kind in KINDS
    assert (sample.language is not None) == (sample.kind == "code")
    assert all(isinstance(value, str) for value in (sample.asked, sample.given, sample.system, sample.text))
    assert sample.asked
    assert sample.text
    assert sample.why.endswith((".", ")."))
    assert MARKER not in f"{sample.asked}{sample.given}{sample.system}{sample.text}"


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_has_enough_of_both_labels(check: str) -> None:
    counts = Counter(sample.label for sample in samples(check))
    assert min(counts[label] for label in LABELS) >= 7


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_has_both_labels_in_both_parts(check: str) -> None:
    for part in (samples(check), samples(check, folder=SECOND)):
        parts = {(kept_aside(sample), sample.label) for sample in part}
        assert parts == {(aside, label) for aside in (True, False) for label in LABELS}


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_has_twice_as_many_near_misses_of_the_second_writing(check: str) -> None:
    assert Counter(sample.label for sample in samples(check, folder=SECOND)) == {"clean": 10, "defect": 5}
