"""What a run is read by, before or after its reader hears it."""

from dataclasses import dataclass
from typing import Literal

from graphs.quality.blocking import LeakAction
from graphs.quality.judge import Judge
from graphs.quality.rubric import Rubrics
from llm.factory import ModelChain

# `advise` says what was found; `enforce` has it mended before anybody sees it.
ReviewMode = Literal["advise", "enforce"]
DefaultReviewMode = Literal["off", "advise", "enforce"]


@dataclass(frozen=True, slots=True)
class Reviewer:
    """`reader` is the model that judges, `None` where nobody is there who may."""

    mode: ReviewMode
    rubrics: Rubrics
    judge: Judge
    author_model: ModelChain | None
    # By name; else the one for the kind of text.
    rubric: str | None = None
    leak_action: LeakAction = "remove"
    # How often an answer is revised at most.
    max_revisions: int = 2
