"""What is found in a text, and what follows of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev
from typing import Any, Literal

from graphs.quality.rubric import Rubric

Severity = Literal["error", "warning"]
Outcome = Literal["passed", "failed", "not_judged"]
Effect = Literal["block", "report"]
# What its reader gets of a text: all of it, all but the passages that block, or a refusal in its place.
Delivery = Literal["unchanged", "redacted", "refused"]

# Of a rubric's weight; less than that is no judgement of the text.
_MIN_WEIGHT = 0.6


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, said so that its author can mend it. `by` is a check's name, or a dimension's.

    `quote` are words of the text, `line` counts from 1. What blocks is kept from the text's readers where the review is
    enforced: the characters of `spans`.
    """

    source: str
    severity: Severity
    message: str
    quote: str | None = None
    line: int | None = None
    effect: Effect = "report"
    spans: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """One dimension of one reading. `level` is from 1 to 5, `None` where there was too little to go by; of a text that
    was read in parts it is their mean, and reasons and quotes are those of the worst part.
    """

    dimension: str
    level: float | None
    reasons: str
    quotes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the judge said, over its samples. `levels` are means; `spread` is how far the samples lie apart, as the
    standard deviation of their weighted scores. `None` where nothing was judged, and `why` then says why.
    """

    score: float | None = None
    score_std_dev: float | None = None
    dimension_scores: Mapping[str, float] = field(default_factory=dict)
    scores: Sequence[Score] = ()
    samples: int = 0
    model: str | None = None
    not_judged_reason: str | None = None
    # Passages that speak to the judge.
    appeals: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a text is good enough. A failed check needs no judge to be believed."""

    outcome: Outcome
    findings: Sequence[Finding]
    judgement: Judgement
    rubric: str
    rubric_version: str
    # The names of checks that took too long, and have told nothing.
    not_checked: Sequence[str] = ()
    delivery: Delivery = "unchanged"

    @property
    def score(self) -> float | None:
        return self.judgement.score

    @property
    def failed_checks(self) -> int:
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def blocking(self) -> Sequence[Finding]:
        return [finding for finding in self.findings if finding.effect == "block"]

    @property
    def rank(self) -> tuple[int, int, float]:
        """What makes one text better than another: less that blocks, fewer failed checks, then the score."""
        return -len(self.blocking), -self.failed_checks, self.score if self.score is not None else 0.0


def weighted_score(rubric: Rubric, levels: Mapping[str, float]) -> float | None:
    """The score of what was judged; a dimension without a level counts neither way."""
    told = [(each.weight, levels[each.name]) for each in rubric.dimensions if each.name in levels]
    total = sum(weight for weight, _ in told)
    return sum(weight * level for weight, level in told) / total if total else None


def _judged_weight(rubric: Rubric, scores: Sequence[Score]) -> float:
    """The share of the rubric's weight that has a level."""
    judged = {score.dimension for score in scores if score.level is not None}
    total = sum(dimension.weight for dimension in rubric.dimensions)
    return sum(dimension.weight for dimension in rubric.dimensions if dimension.name in judged) / total


def combine_parts(rubric: Rubric, parts: Sequence[tuple[int, Sequence[Score]]]) -> Sequence[Score]:
    """One reading of a whole text from those of its parts, each with its length: the mean level by length.

    A dimension that is judged on less than `_MIN_WEIGHT` of the text has no level.
    """
    if len(parts) == 1:
        return parts[0][1]
    whole, combined = sum(length for length, _ in parts), list[Score]()
    for dimension in rubric.dimensions:
        of_it = [(length, score) for length, scores in parts for score in scores if score.dimension == dimension.name]
        judged = [(length, score, score.level) for length, score in of_it if score.level is not None]
        length = sum(length for length, _, _ in judged)
        if length >= _MIN_WEIGHT * whole:
            mean = sum(length * level for length, _, level in judged) / length
            _, worst, _ = min(judged, key=lambda each: each[2])
            combined.append(replace(worst, level=mean))
        elif of_it:
            combined.append(replace(of_it[0][1], level=None))
    return combined


def judgement(rubric: Rubric, samples: Sequence[Sequence[Score]], model: str | None, why: str | None) -> Judgement:
    """Of several readings one: each dimension's mean, and how far the readings lie apart.

    A reading that judges less than `_MIN_WEIGHT` of the rubric does not count: what dropped out may be the worst.
    """
    whole = [scores for scores in samples if _judged_weight(rubric, scores) >= _MIN_WEIGHT]
    if samples and not whole:
        share = max(_judged_weight(rubric, scores) for scores in samples)
        return Judgement(
            model=model, not_judged_reason=why or f"the judge showed evidence for {share:.0%} of the rubric only"
        )
    samples = whole
    levels: dict[str, float] = {}
    for dimension in rubric.dimensions:
        said = [each.level for scores in samples for each in scores if each.dimension == dimension.name]
        known = [level for level in said if level is not None]
        if known:
            levels[dimension.name] = fmean(known)
    each = [
        score
        for scores in samples
        if (score := weighted_score(rubric, {s.dimension: s.level for s in scores if s.level is not None})) is not None
    ]
    score = weighted_score(rubric, levels)
    if score is None:
        return Judgement(model=model, not_judged_reason=why or "the judge gave no score with evidence")
    spread = stdev(each) if len(each) > 1 else None
    return Judgement(score, spread, levels, [s for scores in samples for s in scores], len(each), model)


def verdict(rubric: Rubric, checked: Sequence[Finding], judged: Judgement, not_checked: Sequence[str] = ()) -> Verdict:
    """`not_judged` is what remains where no check failed and no judge was heard."""
    remarks = [
        Finding(score.dimension, "warning", score.reasons, score.quotes[0] if score.quotes else None)
        for score in judged.scores
        if score.level is not None and score.level < rubric.passing_score
    ]
    appeals = [
        Finding("addresses_judge", "warning", "This speaks to whoever judges the text, and not to its readers.", quote)
        for quote in judged.appeals
    ]
    findings = [*checked, *_distinct(remarks), *appeals]
    if any(finding.severity == "error" for finding in checked):
        outcome: Outcome = "failed"
    elif judged.score is None:
        outcome = "not_judged"
    else:
        outcome = "passed" if judged.score >= rubric.passing_score else "failed"
    return Verdict(outcome, findings, judged, rubric.name, rubric.version, not_checked)


def _distinct(findings: Sequence[Finding]) -> list[Finding]:
    """Several samples find the same thing: one remark for each dimension is enough."""
    return list({finding.source: finding for finding in reversed(findings)}.values())[::-1]


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """As JSON, for rows and readers."""
    judged = verdict.judgement
    return {
        "outcome": verdict.outcome,
        "score": None if judged.score is None else round(judged.score, 3),
        "scoreStdDev": None if judged.score_std_dev is None else round(judged.score_std_dev, 3),
        "dimensionScores": {name: round(level, 3) for name, level in judged.dimension_scores.items()},
        "samples": judged.samples,
        "judge": judged.model,
        "notJudgedReason": judged.not_judged_reason,
        "notChecked": list(verdict.not_checked),
        "delivery": verdict.delivery,
        "rubric": verdict.rubric,
        "rubricVersion": verdict.rubric_version,
        "findings": [
            {
                "source": each.source,
                "severity": each.severity,
                "effect": each.effect,
                "message": each.message,
                # What must not be shown is not quoted.
                **({"quote": each.quote} if each.quote and each.effect == "report" else {}),
                **({"line": each.line} if each.line else {}),
            }
            for each in verdict.findings
        ],
    }
