"""What a node says of a review, on LangGraph's custom stream."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Stage = Literal["checking", "judging", "revising", "done"]


@dataclass(frozen=True, slots=True)
class ReviewProgress:
    """Where the review of a message stands; `told` is its verdict as JSON, once there is one."""

    message: str
    stage: Stage
    attempt: int
    told: Mapping[str, Any] | None = None
