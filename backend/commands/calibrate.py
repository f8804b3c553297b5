import argparse
import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic.alias_generators import to_camel

from backend.security.callers import LOCAL
from backend.settings import InvalidSettings, Settings, read_settings
from evaluation.agreement import Estimate
from evaluation.calibration import Agreement, InvalidLabels, LabelledText, compare, read_labels
from graphs.quality.findings import Judgement
from graphs.quality.graph import usage
from graphs.quality.judge import Judge
from graphs.quality.review_input import ReviewInput
from graphs.quality.rubric import InvalidRubric, Rubric, Rubrics, UnknownRubric
from llm.context import CallContext, use_call_context
from llm.errors import InvalidScript
from llm.factory import ModelFactory
from llm.meter import Meter

_MAX_CONCURRENT = 4
_WIDTH = 24


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="agenkit calibrate",
        description="Have the judge read texts that people have scored, and tell how far they agree.",
    )
    parser.add_argument(
        "labels", type=Path, help="a CSV: text, asked, given, and a column of levels for each dimension"
    )
    parser.add_argument("--rubric", default="answer")
    parser.add_argument("--samples", type=int, choices=range(1, 10), default=3, metavar="1-9")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    asked = parser.parse_args(arguments)
    try:
        settings = read_settings(dict(os.environ))
        rubric = Rubrics.read(settings.server.rubrics_dir).get(asked.rubric)
        with asked.labels.open(newline="", encoding="utf-8") as file:
            labels = read_labels(file, rubric)
    except (InvalidSettings, InvalidRubric, UnknownRubric, InvalidLabels, OSError, UnicodeDecodeError) as error:
        print(f"{asked.labels}: {error}", file=sys.stderr)
        return 2
    try:
        judgements, cost = asyncio.run(_judge_texts(settings, rubric, labels, Judge.read(samples=asked.samples)))
    except InvalidScript as error:
        print(error, file=sys.stderr)
        return 2
    if judgements is None:
        print("No judge is there: name one in AGENKIT_JUDGE_MODELS.", file=sys.stderr)
        return 3
    if all(judgement.score is None for judgement in judgements):
        reasons = Counter(judgement.not_judged_reason for judgement in judgements)
        print(f"The judge judged none of {len(labels)} texts: {reasons.most_common(1)[0][0]}.", file=sys.stderr)
        return 3
    found = compare(rubric, labels, [judgement.dimension_scores for judgement in judgements])
    unjudged = Counter(judgement.not_judged_reason or "" for judgement in judgements if judgement.score is None)
    report = _as_json if asked.json else _as_table
    print(report(rubric, found, unjudged, cost))
    return 0


async def _judge_texts(
    settings: Settings, rubric: Rubric, labels: Sequence[LabelledText], judge: Judge
) -> tuple[Sequence[Judgement] | None, Mapping[str, Any]]:
    """What the judge says of each text, and what it took; `None` without a judge."""
    models, meter = ModelFactory(settings.models), Meter()
    await models.start()
    try:
        reader = await models.judge_for(None)
        if reader is None:
            return None, {}
        turns = asyncio.Semaphore(_MAX_CONCURRENT)

        async def read(label: LabelledText) -> Judgement:
            async with turns:
                return await judge.judge(reader, rubric, ReviewInput(label.text, label.prompt, label.context))

        with use_call_context(CallContext(LOCAL.tenant, LOCAL.user, None, meter)):
            judgements = await asyncio.gather(*map(read, labels))
        return judgements, usage(meter.calls)
    finally:
        await models.aclose()


def _as_json(rubric: Rubric, found: Sequence[Agreement], unjudged: Mapping[str, int], cost: Mapping[str, Any]) -> str:
    told = {
        "rubric": rubric.name,
        "rubricVersion": rubric.version,
        "dimensions": [_camel(asdict(each)) for each in found],
        "unjudged": dict(unjudged),
        "usage": dict(cost),
    }
    return json.dumps(told, indent=2)


def _camel(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {to_camel(name): value for name, value in fields.items()}


def _as_table(rubric: Rubric, found: Sequence[Agreement], unjudged: Mapping[str, int], cost: Mapping[str, Any]) -> str:
    heads = "".join(f"{name:{_WIDTH}}" for name in ("weighted kappa", "alpha", "within one"))
    lines = [f"rubric {rubric.name} {rubric.version}", f"{'dimension':{_WIDTH}}{'levels':>6}  {heads}people  unjudged"]
    for each in found:
        people = "-" if each.raters is None else f"{each.raters:.2f}"
        figures = "".join(f"{_figure(of):{_WIDTH}}" for of in (each.kappa, each.alpha, each.within_one))
        lines.append(f"{each.dimension:{_WIDTH}}{each.count:>6}  {figures}{people:8}{each.unjudged}")
    lines += [f"not judged: {count} ({why})" for why, count in unjudged.items()]
    dollars = "unknown" if cost["costUsd"] is None else f"${cost['costUsd']}"
    lines.append(f"tokens: {cost['inputTokens']} in, {cost['outputTokens']} out; cost: {dollars}")
    return "\n".join(lines)


def _figure(estimate: Estimate) -> str:
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"
