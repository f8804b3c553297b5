import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from backend.settings import BadSettings, Settings, read_settings
from evaluation.agreement import Estimate
from evaluation.calibration import Agreement, BadLabels, Labelled, compared, read_labels
from graphs.quality.judge import Judge
from graphs.quality.rubric import BadRubric, Rubric, Rubrics, UnknownRubric
from graphs.quality.subject import Subject
from llm.errors import BadScript
from llm.factory import ModelFactory

_AT_ONCE = 4
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
    asked = parser.parse_args(arguments)
    try:
        settings = read_settings(dict(os.environ))
        rubric = Rubrics.read(settings.server.rubrics).get(asked.rubric)
        with asked.labels.open(newline="", encoding="utf-8") as file:
            labels = read_labels(file, rubric)
    except (BadSettings, BadRubric, UnknownRubric, BadLabels, OSError, UnicodeDecodeError) as error:
        print(f"{asked.labels}: {error}", file=sys.stderr)
        return 2
    try:
        judged = asyncio.run(_judged(settings, rubric, labels, Judge.read(samples=asked.samples)))
    except BadScript as error:
        print(error, file=sys.stderr)
        return 2
    if judged is None:
        print("No judge is there: name one in AGENKIT_JUDGE_MODELS.", file=sys.stderr)
        return 3
    print(_told(rubric, compared(rubric, labels, judged)))
    return 0


async def _judged(
    settings: Settings, rubric: Rubric, labels: Sequence[Labelled], judge: Judge
) -> list[Mapping[str, float]] | None:
    """The judge's levels of each text; `None` without a judge."""
    models = ModelFactory(settings.models)
    await models.start()
    try:
        reader = await models.judge(None)
        if reader is None:
            return None
        turns = asyncio.Semaphore(_AT_ONCE)

        async def read(label: Labelled) -> Mapping[str, float]:
            async with turns:
                said = await judge.judge(reader, rubric, Subject(label.text, label.asked, label.given))
                return said.levels

        return await asyncio.gather(*map(read, labels))
    finally:
        await models.aclose()


def _told(rubric: Rubric, found: Sequence[Agreement]) -> str:
    heads = "".join(f"{name:{_WIDTH}}" for name in ("weighted kappa", "alpha", "within one"))
    lines = [f"rubric {rubric.name} {rubric.version}", f"{'dimension':{_WIDTH}}{'texts':>6}  {heads}people"]
    for each in found:
        people = "-" if each.people is None else f"{each.people:.2f}"
        figures = "".join(f"{_figure(of):{_WIDTH}}" for of in (each.kappa, each.alpha, each.within_one))
        lines.append(f"{each.dimension:{_WIDTH}}{each.count:>6}  {figures}{people}")
    return "\n".join(lines)


def _figure(estimate: Estimate) -> str:
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"
