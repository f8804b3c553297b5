"""A judge beside people who have scored the same texts. Pure."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from evaluation.agreement import Estimate, Pairs, Unit, estimate, krippendorff_alpha, weighted_kappa, within_one
from graphs.quality.rubric import LEVELS, Rubric

_MAX_ROWS = 10_000
# `correct`, or `correct#2` for a second person's.
_RATER = "#"


class InvalidLabels(ValueError):
    """A file that holds no labels; the message says where and why."""


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text and the levels that people gave it, by dimension; each person's in turn, `None` where one gave none."""

    text: str
    prompt: str
    context: str
    levels: Mapping[str, Sequence[int | None]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of one dimension: how many levels of people stand beside one of the judge's, of how many texts that people have
    scored the judge has given none, and how far both agree. `people` is the alpha among people alone, `None` where only
    one has scored.
    """

    dimension: str
    count: int
    unjudged: int
    kappa: Estimate
    alpha: Estimate
    within_one: Estimate
    raters: float | None


def read_labels(file: TextIO, rubric: Rubric) -> list[LabelledText]:
    """A CSV with a column `text`, `asked` and `given` if there are such, and one for each dimension and person.

    Raises `BadLabels`.
    """
    reader = csv.DictReader(file)
    columns = reader.fieldnames or ()
    if "text" not in columns:
        raise InvalidLabels("there is no column 'text'")
    raters = _raters(columns, rubric)
    if not any(raters.values()):
        known = ", ".join(repr(each.name) for each in rubric.dimensions)
        raise InvalidLabels(f"there is no column for any dimension of the rubric: {known}")
    try:
        return [_labelled_text(row, raters, line) for line, row in enumerate(_rows(reader), 2)]
    except csv.Error as error:
        raise InvalidLabels(f"line {reader.line_num}: {error}") from None


def compare(rubric: Rubric, labels: Sequence[LabelledText], judged: Sequence[Mapping[str, float]]) -> list[Agreement]:
    """`judged` are the judge's levels of each text, rounded to whole ones here."""
    return [_agreement(dimension.name, labels, judged) for dimension in rubric.dimensions]


def _agreement(name: str, labels: Sequence[LabelledText], judged: Sequence[Mapping[str, float]]) -> Agreement:
    texts = list[list[tuple[int, int]]]()
    units = list[Unit]()
    unjudged = 0
    for label, levels in zip(labels, judged, strict=True):
        people = label.levels.get(name, ())
        units.append(people)
        level, known = levels.get(name), [person for person in people if person is not None]
        if known and level is None:
            unjudged += 1
        elif known and level is not None:
            texts.append([(person, round(level)) for person in known])
    several = max((len(unit) for unit in units), default=0) > 1
    return Agreement(
        name,
        sum(map(len, texts)),
        unjudged,
        estimate(texts, weighted_kappa),
        estimate(texts, _alpha),
        estimate(texts, within_one),
        krippendorff_alpha(units) if several else None,
    )


def _alpha(pairs: Pairs) -> float | None:
    return krippendorff_alpha([list(pair) for pair in pairs])


def _raters(columns: Sequence[str], rubric: Rubric) -> Mapping[str, Sequence[str]]:
    return {
        dimension.name: [column for column in columns if column.partition(_RATER)[0].strip() == dimension.name]
        for dimension in rubric.dimensions
    }


def _rows(reader: "csv.DictReader[str]") -> Iterator[Mapping[str, str | None]]:
    for at, row in enumerate(reader):
        if at >= _MAX_ROWS:
            raise InvalidLabels(f"there are more than {_MAX_ROWS} rows")
        yield row


def _labelled_text(row: Mapping[str, str | None], raters: Mapping[str, Sequence[str]], line: int) -> LabelledText:
    text = row.get("text") or ""
    if not text.strip():
        raise InvalidLabels(f"line {line}: the text is empty")
    levels = {name: [_level(row.get(column), column, line) for column in columns] for name, columns in raters.items()}
    return LabelledText(text, row.get("prompt") or "", row.get("context") or "", levels)


def _level(told: str | None, column: str, line: int) -> int | None:
    if told is None or not told.strip():
        return None
    if told.strip() not in map(str, LEVELS):
        raise InvalidLabels(f"line {line}: {column!r} is {told!r}, and a level is a whole number from 1 to 5")
    return int(told)
