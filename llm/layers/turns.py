"""Whose turn it is, among the candidates of a list."""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from langchain_core.language_models import BaseChatModel

from llm.catalog import ModelInfo
from llm.errors import CircuitOpen, ModelError, Overloaded
from llm.layers.pace import Pace
from llm.layers.retry import RetrySettings
from llm.needs import Needs
from observability.logs import get_logger

_log = get_logger(__name__)

# Seconds between two looks whether another call's probe has come back, and what is added to a breaker's own time, so
# that nobody comes a moment too early and takes what is left of it for a probe that failed.
_PROBE_INTERVAL = 0.1
_MARGIN = 0.01
# What happened to a candidate (`passed_over`, `fell_back`, `hedged`), to which, and why: an error's code, or what it
# lacks. Metrics and traces listen.
Noticed = Callable[[str, ModelInfo, str], None]


@dataclass(frozen=True, slots=True)
class Link:
    """One candidate of a list: its layers below this one, what it can do, and what it may write, in tokens."""

    info: ModelInfo
    model: BaseChatModel
    retries: RetrySettings = field(default_factory=RetrySettings)
    output: int | None = None
    pace: Pace = field(default_factory=Pace)

    def given(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call as this one takes them."""
        given = dict(kwargs)
        if not self.info.tools:
            given = {key: value for key, value in given.items() if key not in {"tools", "tool_choice"}}
        bounds = [bound for bound in (self.output, self.info.most_output) if bound is not None]
        if bounds and "max_tokens" not in given:
            given["max_tokens"] = min(bounds)
        return given


@dataclass(slots=True)
class _Attempts:
    """What one answer has had of one candidate. `ready_at`, by the monotonic clock, is when it may be asked next."""

    excluded: bool = False
    # Asked in vain; a probe that failed while this answer waited for it counts as well.
    asked: bool = False
    refused_by_breaker: bool = False
    failures: int = 0
    ready_at: float = -math.inf


class Turns:
    """Whose turn it is: once down the list; for an answer that has begun, round it until `until`.

    A breaker that is open costs no attempt: the others come first, then its probe is waited for.
    """

    def __init__(self, links: Sequence[Link], needs: Needs, noticed: Noticed, until: float) -> None:
        self._links = links
        self._noticed = noticed
        self._until = until
        self._attempts = [_Attempts() for _ in links]
        self._at = -1
        self.begun = False
        for at, link in enumerate(links):
            if lacks := needs.lacks(link.info):
                self._attempts[at].excluded = True
                self._tell("passed_over", link, lacks)
        # Without tools an answer is worth less, and still something: those have their turn when nobody else is left.
        self._without = [needs.tools and not link.info.tools for link in links]

    def next(self) -> int | None:
        """Who is asked next, maybe after a while (`wait`)."""
        now = monotonic()
        open_ = [at for at in self._order() if self._may_answer(at)]
        ready = [at for at in open_ if self._attempts[at].ready_at <= now]
        chosen = min(ready, key=lambda at: self._without[at], default=None)
        if chosen is None:
            chosen = min(open_, key=lambda at: self._attempts[at].ready_at, default=None)
        if chosen is None or max(now, self._attempts[chosen].ready_at) >= self._until:
            return None
        self._at = chosen
        return chosen

    async def wait(self, at: int) -> None:
        """Waits until that one may be asked."""
        if (seconds := self._attempts[at].ready_at - monotonic()) > 0:
            await asyncio.sleep(seconds)
        if self._without[at]:
            self._tell("passed_over", self._links[at], ("tools",), asked_last=True)

    def other(self) -> int | None:
        """Who may be asked beside the one whose turn it is."""
        now = monotonic()
        return next(
            (
                at
                for at in self._order()[:-1]
                if self._may_answer(at) and not self._without[at] and self._attempts[at].ready_at <= now
            ),
            None,
        )

    def failed(self, at: int, error: ModelError) -> bool:
        """Writes a failure down; whether it is any news."""
        attempts, now = self._attempts[at], monotonic()
        if isinstance(error, CircuitOpen):
            again, seconds = attempts.refused_by_breaker, error.retry_after or 0.0
            attempts.refused_by_breaker = True
            attempts.ready_at = now + (seconds + _MARGIN if seconds else _PROBE_INTERVAL)
            # Its time had been waited out: a probe went meanwhile, and failed.
            attempts.asked = attempts.asked or (again and seconds > 0)
            return not again or seconds > 0
        attempts.asked, attempts.refused_by_breaker = True, False
        attempts.failures += 1
        # Whom no patience helps: what it was asked does not suit it.
        attempts.excluded = not (error.passing or error.ill or isinstance(error, Overloaded))
        attempts.ready_at = now + max(error.retry_after or 0.0, self._pause(at))
        return True

    def lacking(self, at: int) -> list[str]:
        return ["tools"] if self._without[at] else []

    def _order(self) -> list[int]:
        """All, from the one after the last that had its turn."""
        count = len(self._links)
        return [(self._at + step) % count for step in range(1, count + 1)]

    def _may_answer(self, at: int) -> bool:
        attempts = self._attempts[at]
        return not attempts.excluded and (self.begun or not attempts.asked)

    def _pause(self, at: int) -> float:
        """Seconds until a candidate that failed is asked by the same answer again: none at first, then ever more."""
        retries, failures = self._links[at].retries, self._attempts[at].failures
        if failures < 2:
            return 0.0
        return min(retries.wait_most, retries.wait_least * 2.0 ** min(failures - 2, 16))

    def _tell(self, what: str, link: Link, lacks: Sequence[str], *, asked_last: bool = False) -> None:
        self._noticed(what, link.info, ", ".join(lacks))
        _log.warning("model_lacks", model=str(link.info.spec), lacks=list(lacks), asked=asked_last)
