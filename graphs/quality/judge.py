"""A model reads a text by a rubric. What it says counts as far as it can be shown in the text."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Literal

from langchain_core.messages import HumanMessage
from pydantic import BaseModel, Field

from graphs.prompt import Prompt
from graphs.quality.evidence import find_quotes
from graphs.quality.findings import Judgement, Score, combine_parts, judgement
from graphs.quality.review_input import ReviewInput
from graphs.quality.rubric import LEVELS, Rubric
from graphs.quality.splitting import split_text
from graphs.structured import ask_structured
from llm.errors import ModelError
from llm.factory import NEVER_JUDGES, ModelChain

_PROMPTS = Path(__file__).parent / "prompts"
# Characters of what is judged at once, parts of a text that has more, of which more are not judged, and characters of
# what was asked, of which the beginning is shown.
_MAX_TEXT_LENGTH = 60_000
_MAX_PARTS = 6
_MAX_PROMPT_LENGTH = 8_000
_TIMEOUT_SECONDS = 90.0
_MAX_QUOTES = 10
# What lacks something is not of a higher level.
_MAX_MISSING = 3

Better = Literal["first", "second", "tie"]


class _DimensionReply(BaseModel):
    """One dimension, as the judge writes it: reasons first."""

    dimension: str
    reasons: str
    quotes: list[str]
    # What the text should have and has not: of that nothing can be quoted.
    missing: str | None = None
    # Strict: `true` is no level.
    level: int | None = Field(ge=LEVELS[0], le=LEVELS[-1], strict=True)


class _JudgeReply(BaseModel):
    """Every dimension of the rubric, once, and the passages that speak to whoever judges."""

    addressed: list[str] = []
    dimensions: list[_DimensionReply]


class _Comparison(BaseModel):
    """The reasons, then which of the two is better."""

    reasons: str
    better: Better


@dataclass(frozen=True, slots=True)
class Judge:
    """Reads with one model, `samples` times; `patience` is in seconds, for one reading with its repair."""

    prompt: Prompt
    compare_prompt: Prompt
    samples: int
    timeout_seconds: float = _TIMEOUT_SECONDS

    @classmethod
    def read(cls, *, samples: int, patience: float = _TIMEOUT_SECONDS) -> "Judge":
        """With our prompts, from their files."""
        return cls(Prompt.read(_PROMPTS / "judge.md"), Prompt.read(_PROMPTS / "pairwise.md"), samples, patience)

    async def judge(self, models: ModelChain | None, rubric: Rubric, judged: ReviewInput) -> Judgement:
        """Never raises for what a model does: then nothing is judged, and it is said why."""
        if models is None:
            return Judgement(not_judged_reason="no judge is there")
        if models.info.spec.provider == NEVER_JUDGES:
            return Judgement(not_judged_reason="the embedded model does not judge")
        parts = [part for part in split_text(judged.text, _MAX_TEXT_LENGTH) if part.strip()] or [judged.text]
        if len(parts) > _MAX_PARTS:
            most = f"{_MAX_PARTS} parts of {_MAX_TEXT_LENGTH} characters"
            return Judgement(not_judged_reason=f"the text is longer than the judge reads ({most})")
        readings = await asyncio.gather(*(self._readings(models, rubric, judged, parts) for _ in range(self.samples)))
        # What was not read may be the worst: a sample counts with all of its parts.
        read = [sample for each in readings if (sample := _complete(each)) is not None]
        why = next((part for each in readings for part in each if isinstance(part, str)), None)
        samples = [
            combine_parts(
                rubric,
                [
                    (len(text), supported_score(rubric, part.dimensions, text, part.addressed))
                    for part, text in zip(each, parts, strict=True)
                ],
            )
            for each in read
        ]
        appeals = dict.fromkeys(
            quote
            for each in read
            for part, text in zip(each, parts, strict=True)
            for quote in find_quotes(part.addressed[:_MAX_QUOTES], text)
        )
        return replace(judgement(rubric, samples, str(models.info.spec), why), appeals=list(appeals))

    async def compare(self, models: ModelChain, rubric: Rubric, one: ReviewInput, other: ReviewInput) -> Better | None:
        """Which of two texts is better, asked in both orders: a tie where the order decides. `None`: no answer."""
        first, second = await asyncio.gather(
            self._compare_once(models, rubric, one, other), self._compare_once(models, rubric, other, one)
        )
        if first is None or second is None:
            return None
        turned: Better = {"first": "second", "second": "first", "tie": "tie"}[second]  # type: ignore[assignment]  # a literal by its table
        return first if first == turned else "tie"

    async def _readings(
        self, models: ModelChain, rubric: Rubric, judged: ReviewInput, parts: Sequence[str]
    ) -> Sequence[_JudgeReply | str]:
        """What the judge says of each part of a text, or why it says nothing."""
        asked = (
            _judge_messages(rubric, replace(judged, text=text), at, len(parts))
            for at, text in enumerate(parts, start=1)
        )
        return await asyncio.gather(*(self._judge_once(models, each) for each in asked))

    async def _judge_once(self, models: ModelChain, question: str) -> _JudgeReply | str:
        """What the judge says, or why it says nothing."""
        asked = [self.prompt.message(), HumanMessage(question)]
        try:
            async with asyncio.timeout(self.timeout_seconds):
                reading = await ask_structured(models, asked, _JudgeReply)
        except TimeoutError:
            return "the judge did not answer in time"
        except ModelError as error:
            return f"the judge failed: {error.code}"
        return "the judge gave no reading" if reading is None else reading

    async def _compare_once(
        self, models: ModelChain, rubric: Rubric, one: ReviewInput, other: ReviewInput
    ) -> Better | None:
        asked = [self.compare_prompt.message(), HumanMessage(_comparison_messages(rubric, one, other))]
        try:
            async with asyncio.timeout(self.timeout_seconds):
                comparison = await ask_structured(models, asked, _Comparison)
        except (TimeoutError, ModelError):
            return None
        return comparison.better if comparison else None


def supported_score(
    rubric: Rubric, said: Sequence[_DimensionReply], text: str, addressed: Sequence[str] = ()
) -> Sequence[Score]:
    """Each dimension once, its quotes as far as they occur outside of what is addressed to the judge. A level without
    one is dropped, unless it is low for what is missing.
    """
    by_name = {each.dimension.casefold().strip(): each for each in reversed(said)}
    scores = []
    for dimension in rubric.dimensions:
        if (each := by_name.get(dimension.name.casefold())) is None:
            continue
        quotes = find_quotes(each.quotes[:_MAX_QUOTES], text, addressed[:_MAX_QUOTES])
        is_shown = bool(quotes) or (_is_missing(each.missing) and each.level is not None and each.level <= _MAX_MISSING)
        scores.append(Score(dimension.name, each.level if is_shown else None, each.reasons.strip(), quotes))
    return scores


def _is_missing(missing: str | None) -> bool:
    return bool(missing and missing.strip())


def _complete(readings: Sequence[_JudgeReply | str]) -> Sequence[_JudgeReply] | None:
    read = [each for each in readings if not isinstance(each, str)]
    return read if len(read) == len(readings) else None


def _judge_messages(rubric: Rubric, judged: ReviewInput, part: int, parts: int) -> str:
    said = [_describe_rubric(rubric), *_request(judged), _delimited("text", judged.text)]
    if parts > 1:
        said.append(
            f"This is part {part} of {parts} of a longer text; each is read by itself. Judge it as one of a whole: "
            "what may stand in another part is not missing, and to begin or end in the middle is no fault."
        )
    return "\n\n".join([*said, "Read it by every dimension of the rubric."])


def _comparison_messages(rubric: Rubric, one: ReviewInput, other: ReviewInput) -> str:
    half = _MAX_TEXT_LENGTH // 2
    return "\n\n".join(
        [
            _describe_rubric(rubric),
            *_request(one),
            _delimited("first text", one.text[:half]),
            _delimited("second text", other.text[:half]),
            "Which is better?",
        ]
    )


def _request(judged: ReviewInput) -> list[str]:
    parts = []
    if judged.prompt:
        parts.append(_delimited("request", judged.prompt[:_MAX_PROMPT_LENGTH]))
    if judged.context:
        parts.append(_delimited("given with it", judged.context[:_MAX_PROMPT_LENGTH]))
    return parts


def _delimited(name: str, text: str) -> str:
    """Between marks that the text cannot know."""
    mark = token_hex(6)
    return f"The {name} stands between the marks {mark}:\n[{mark}]\n{text}\n[/{mark}]"


def _describe_rubric(rubric: Rubric) -> str:
    lines = [f"The rubric: {rubric.description}"]
    for dimension in rubric.dimensions:
        lines.append(f"\nDimension {dimension.name!r}: {dimension.question}")
        lines += [f"  {level}: {anchor}" for level, anchor in zip(LEVELS, dimension.levels, strict=True)]
    return "\n".join(lines)
