"""How far two or more who score the same things agree, beyond chance. Pure."""

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

Pairs = Sequence[tuple[int, int]]
# What each rater said of one thing; `None` where they said nothing.
Unit = Sequence[float | None]
Scale = Literal["nominal", "ordinal", "interval"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and the interval that 95 of 100 samples like this one would give; `None` where it cannot be told."""

    value: float | None
    low: float | None
    high: float | None


def weighted_kappa(pairs: Pairs) -> float | None:
    """Cohen's kappa with quadratic weights. `None` where one of the two always says the same.

    Cohen (1968), Weighted kappa, Psychological Bulletin 70(4).
    """
    if not pairs:
        return None
    ones, others = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    observed = sum((one - other) ** 2 for one, other in pairs) / len(pairs)
    expected = sum(
        count * more * (one - other) ** 2 for one, count in ones.items() for other, more in others.items()
    ) / (len(pairs) ** 2)
    return None if expected == 0 else 1 - observed / expected


def krippendorff_alpha(units: Sequence[Unit], scale: Scale = "ordinal") -> float | None:
    """Krippendorff's alpha for any number of raters, with things that not all have scored. `None` where all that was
    said is one value, or nothing was said twice.

    Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.
    """
    told = [[value for value in unit if value is not None] for unit in units]
    paired = [values for values in told if len(values) > 1]
    counts = Counter(value for values in paired for value in values)
    total = sum(counts.values())
    if len(counts) < 2:
        return None
    apart = _distance(counts, scale)
    observed = sum(
        sum(apart(one, other) for one, other in permutations(values, 2)) / (len(values) - 1) for values in paired
    )
    expected = sum(
        count * more * apart(one, other) for one, count in counts.items() for other, more in counts.items()
    ) / (total - 1)
    return 1 - observed / expected


def within_one(pairs: Pairs) -> float | None:
    """The share of things that both score alike, or one level apart."""
    return sum(abs(one - other) <= 1 for one, other in pairs) / len(pairs) if pairs else None


def estimate(
    texts: Sequence[Pairs], figure: Callable[[Pairs], float | None], *, rounds: int = 2000, seed: int = 20261120
) -> Estimate:
    """A figure with its interval, by drawing the texts anew with replacement (percentile bootstrap).

    A text's pairs stay together: several people who scored one text are not several texts.
    """
    value = figure(_join_units(texts))
    if value is None or len(texts) < 2:
        return Estimate(value, None, None)
    drawing = random.Random(seed)  # nosec B311  # nothing is to be kept secret
    drawn = [figure(_join_units(drawing.choices(texts, k=len(texts)))) for _ in range(rounds)]
    known = sorted(each for each in drawn if each is not None)
    if len(known) < rounds / 2:
        return Estimate(value, None, None)
    return Estimate(value, _percentile(known, 0.025), _percentile(known, 0.975))


def _join_units(texts: Sequence[Pairs]) -> Pairs:
    return [pair for pairs in texts for pair in pairs]


def _percentile(known: Sequence[float], share: float) -> float:
    place = share * (len(known) - 1)
    low = math.floor(place)
    high = min(low + 1, len(known) - 1)
    return known[low] + (known[high] - known[low]) * (place - low)


def _distance(counts: Counter[float], scale: Scale) -> Callable[[float, float], float]:
    """How far two values are apart, squared."""
    if scale == "nominal":
        return lambda one, other: float(one != other)
    if scale == "interval":
        return lambda one, other: (one - other) ** 2
    ranks = {value: _rank(value, counts) for value in counts}
    return lambda one, other: (ranks[one] - ranks[other]) ** 2


def _rank(value: float, counts: Counter[float]) -> float:
    """Where a value stands among all that were said: those below it, and half of its like."""
    return sum(count for other, count in counts.items() if other < value) + counts[value] / 2
