"""What a run is read by, before or after its reader hears it."""

from dataclasses import dataclass
from typing import Literal

from graphs.quality.blocking import LeakAction
from graphs.quality.judge import Judge
from graphs.quality.rubric import Rubrics
from llm.factory import Candidate

# `advise` says what was found; `enforce` has it mended before anybody sees it.
Mode = Literal["advise", "enforce"]
Quality = Literal["off", "advise", "enforce"]


@dataclass(frozen=True, slots=True)
class Gate:
    """`reader` is the model that judges, `None` where nobody is there who may."""

    mode: Mode
    rubrics: Rubrics
    judge: Judge
    reader: Candidate | None
    # By name; else the one for the kind of text.
    rubric: str | None = None
    leak_action: LeakAction = "remove"
    # How often an answer is revised at most.
    revisions: int = 2
