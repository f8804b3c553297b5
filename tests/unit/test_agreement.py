"""Figures of agreement, beside those that were published."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.agreement import Unit, estimate, krippendorff_alpha, weighted_kappa, within_one
from evaluation.calibration import InvalidLabels, compare, read_labels
from graphs.quality.rubric import Rubric

# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, C: four observers, twelve units.
OBSERVED: list[Unit] = [
    [1, 1, None, 1],
    [2, 2, 3, 2],
    [3, 3, 3, 3],
    [3, 3, 3, 3],
    [2, 2, 2, 2],
    [1, 2, 3, 4],
    [4, 4, 4, 4],
    [1, 1, 2, 1],
    [2, 2, 2, 2],
    [None, 5, 5, 5],
    [None, None, 1, 1],
    [None, None, 3, None],
]
# The data set `anxiety` of R's package irr: the first two of its raters.
ANXIETY = list(
    zip(
        [3, 3, 3, 4, 5, 5, 2, 3, 5, 2, 2, 6, 1, 5, 2, 2, 1, 2, 4, 3],
        [3, 6, 4, 6, 2, 4, 2, 4, 3, 3, 2, 3, 3, 3, 2, 2, 1, 3, 3, 4],
        strict=True,
    )
)
RUBRIC = Rubric.parse(
    'name = "test"\ndescription = "A test."\n'
    '[[dimensions]]\nname = "true"\nweight = 1\nquestion = "?"\nlevels = ["1", "2", "3", "4", "5"]\n'
    '[[dimensions]]\nname = "plain"\nweight = 1\nquestion = "?"\nlevels = ["1", "2", "3", "4", "5"]\n'
)


def test_alpha_is_the_published_one() -> None:
    assert krippendorff_alpha(OBSERVED, "nominal") == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(OBSERVED, "ordinal") == pytest.approx(0.815, abs=5e-4)
    assert krippendorff_alpha(OBSERVED, "interval") == pytest.approx(0.849, abs=5e-4)


def test_quadratic_kappa_is_the_published_one() -> None:
    assert weighted_kappa(ANXIETY) == pytest.approx(0.297, abs=5e-4)


def test_those_who_always_agree_agree_fully_and_one_value_says_nothing() -> None:
    assert weighted_kappa([(1, 1), (5, 5)]) == 1.0
    assert krippendorff_alpha([[1, 1], [5, 5]]) == 1.0
    assert weighted_kappa([(3, 3), (3, 3)]) is None
    assert krippendorff_alpha([[3, 3], [3, 3]]) is None
    assert weighted_kappa([]) is None
    assert krippendorff_alpha([[1, None], [None, 2]]) is None
    assert within_one([(1, 2), (1, 3), (4, 4), (5, 3)]) == 0.5
    assert within_one([]) is None


def test_an_interval_holds_its_figure_and_is_the_same_each_time() -> None:
    texts = [[pair] for pair in ANXIETY]
    told = estimate(texts, weighted_kappa)
    assert told == estimate(texts, weighted_kappa)
    assert told.low is not None
    assert told.high is not None
    assert told.value is not None
    assert -0.2 < told.low < told.value < told.high < 0.8
    assert estimate([[(1, 2)]], weighted_kappa).low is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=30))
def test_figures_stay_within_their_bounds_and_take_no_side(pairs: list[tuple[int, int]]) -> None:
    turned = [(other, one) for one, other in pairs]
    for figure in (weighted_kappa, within_one):
        value = figure(pairs)
        assert value is None or -1.0 - 1e-9 <= value <= 1.0 + 1e-9
        assert value == pytest.approx(figure(turned)) if value is not None else figure(turned) is None


def _read(text: str) -> list[dict[str, list[int | None]]]:
    return [
        {name: list(levels) for name, levels in row.levels.items()} for row in read_labels(io.StringIO(text), RUBRIC)
    ]


def test_labels_are_read_for_each_dimension_and_person() -> None:
    read = _read('text,prompt,true,true#2,plain\n"A, b",Why?,1,2,\nC,,5,,3\n')
    assert read == [{"true": [1, 2], "plain": [None]}, {"true": [5, None], "plain": [3]}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("asked,true\nWhy?,1\n", "no column 'text'"),
        ("text,beauty\nA,1\n", "no column for any dimension"),
        ("text,true\n,1\n", "line 2: the text is empty"),
        ("text,true\nA,1\nB,6\n", "line 3: 'true' is '6'"),
        ("text,true\nA,2.5\n", "a whole number from 1 to 5"),
    ],
)
def test_what_are_no_labels_is_refused_by_its_place(text: str, message: str) -> None:
    with pytest.raises(InvalidLabels, match=message):
        _read(text)


def test_a_judge_is_compared_with_every_person() -> None:
    labels = read_labels(io.StringIO("text,true,true#2\nA,1,2\nB,5,4\nC,3,3\nD,2,1\n"), RUBRIC)
    judged = [{"true": 1.2}, {"true": 4.6}, {"true": 3.0}, {}]
    true, plain = compare(RUBRIC, labels, judged)
    assert (true.count, true.within_one.value, plain.count, plain.kappa.value) == (6, 1.0, 0, None)
    assert true.raters == pytest.approx(krippendorff_alpha([[1, 2], [5, 4], [3, 3], [2, 1]]))


def test_people_who_score_one_text_are_not_several_texts() -> None:
    pairs = [(1, 1), (2, 3), (4, 4), (5, 3), (3, 3), (2, 2)] * 2
    alone = estimate([[pair] for pair in pairs], within_one)
    ten_people = estimate([[pair] * 10 for pair in pairs], within_one)
    assert ten_people == alone
    assert alone.low is not None
    # As ten times as many texts, they would seem to be surer than they are.
    more = estimate([[pair] for pair in pairs * 10], within_one)
    assert more.low is not None
    assert more.low > alone.low


def test_what_the_judge_does_not_judge_is_counted() -> None:
    labels = read_labels(io.StringIO("text,true\nA,1\nB,5\nC,\nD,2\n"), RUBRIC)
    true, _ = compare(RUBRIC, labels, [{"true": 1.0}, {}, {}, {}])
    assert (true.count, true.unjudged) == (1, 2)
