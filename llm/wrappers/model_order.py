"""Whose turn it is, among the candidates of a list."""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from langchain_core.language_models import BaseChatModel

from llm.capabilities import RequiredCapabilities
from llm.catalog import ModelInfo
from llm.errors import CircuitOpen, ModelError, Overloaded
from llm.wrappers.breaker import IS_LAST_RESORT
from llm.wrappers.latency import LatencyTracker
from llm.wrappers.retry import RetrySettings
from observability.logs import get_logger

_log = get_logger(__name__)

# Seconds between two looks whether another call's probe has come back, and what is added to a breaker's own time, so
# that nobody comes a moment too early and takes what is left of it for a probe that failed.
_PROBE_INTERVAL = 0.1
_MARGIN = 0.01
# Seconds after which a failure says nothing of now.
_STALE_SECONDS = 1.0
# Seconds for which the breaker of an only candidate is waited for; an outage is told sooner than its usual time.
_SOON_SECONDS = 5.0
# Letters that a part has to add to an answer to have brought it further.
_PROGRESS = 12
# Failures of a candidate within one answer that are not followed by a pause.
_MAX_IMMEDIATE = 2
# What happened to a candidate (`skipped`, `fallback`, `hedged`, `retried`, `exhausted`), to which, and why: an
# error's reason, or what it lacks. Metrics and traces listen.
OnFallback = Callable[[str, ModelInfo, str], None]


@dataclass(frozen=True, slots=True)
class ModelLink:
    """One candidate of a list: its layers below this one, what it can do, and what it may write, in tokens."""

    info: ModelInfo
    model: BaseChatModel
    retries: RetrySettings = field(default_factory=RetrySettings)
    max_output_tokens: int | None = None
    latency: LatencyTracker = field(default_factory=LatencyTracker)

    def call_options(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call as this one takes them."""
        given = dict(kwargs)
        if not self.info.tools:
            given = {key: value for key, value in given.items() if key not in {"tools", "tool_choice"}}
        bounds = [bound for bound in (self.max_output_tokens, self.info.max_output_tokens) if bound is not None]
        if bounds and "max_tokens" not in given:
            given["max_tokens"] = min(bounds)
        return given


@dataclass(slots=True)
class _Attempts:
    """What one answer has had of one candidate. Times are of the monotonic clock."""

    excluded: bool = False
    # Asked in vain; a probe that failed while this answer waited for it counts as well.
    count: bool = False
    retries: bool = False
    refused_by_breaker: bool = False
    is_awaited: bool = False
    failures: int = 0
    # Parts of the answer, one after another, that it began and that brought the answer no further.
    is_hopeless: int = 0
    failed_at: float = -math.inf
    ready_at: float = -math.inf


class ModelOrder:
    """Whose turn it is: once down the list; for an answer that has begun, round it until `until`.

    A breaker that is open costs no attempt: the others come first, then its probe is waited for. That takes time, as
    retries do: whoever failed longer ago than `_STALE` is asked once more before all are said to be down, as they need
    not have been so at the same time. Whoever breaks off again and again at the same place is given up: it is what it
    is asked that ends it, and each time is paid for.
    """

    def __init__(
        self, links: Sequence[ModelLink], required: RequiredCapabilities, on_event: OnFallback, deadline: float
    ) -> None:
        self._links = links
        self._noticed = on_event
        self._until = deadline
        self._attempts = [_Attempts() for _ in links]
        self._at = -1
        self.begun = False
        for at, link in enumerate(links):
            if lacks := required.missing_in(link.info):
                self._attempts[at].excluded = True
                self._report("skipped", link, lacks)
        # Without tools an answer is worth less, and still something: those have their turn when nobody else is left.
        self._without = [required.tools and not link.info.tools for link in links]

    def next(self) -> int | None:
        """Who is asked next, maybe after a while (`wait`)."""
        now = monotonic()
        open_ = self._open() or self._stale(now)
        ready = [at for at in open_ if self._is_ready(at, now)]
        chosen = min(ready, key=lambda at: self._without[at], default=None)
        if chosen is None:
            chosen = min(open_, key=lambda at: self._attempts[at].ready_at, default=None)
        if chosen is None or max(now, self._attempts[chosen].ready_at) >= self._until:
            return None
        self._at = chosen
        if self._attempts[chosen].count:
            self._attempts[chosen].count, self._attempts[chosen].retries = False, True
        return chosen

    async def wait(self, at: int) -> None:
        """Waits until that one may be asked."""
        if (seconds := self._attempts[at].ready_at - monotonic()) > 0:
            await asyncio.sleep(seconds)
        if self._without[at]:
            self._report("skipped", self._links[at], ("tools",), asked_last=True)

    def next_other(self) -> int | None:
        """Who may be asked beside the one whose turn it is."""
        now = monotonic()
        return next(
            (at for at in self._open() if at != self._at and not self._without[at] and self._is_ready(at, now)), None
        )

    def call_options(self, at: int, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call as that one takes them now."""
        last = {IS_LAST_RESORT: True} if self._attempts[at].refused_by_breaker and not self._is_alone else {}
        return self._links[at].call_options(kwargs) | last

    def mark_failed(self, at: int, error: ModelError, *, added: int | None = None) -> bool:
        """Writes a failure down; whether it is any news. `added` is the length of the part that it had begun."""
        attempts, now = self._attempts[at], monotonic()
        attempts.failed_at = now
        if isinstance(error, CircuitOpen):
            return self._refused(attempts, now, error.retry_after or 0.0)
        attempts.count, attempts.refused_by_breaker, attempts.is_awaited = True, False, False
        attempts.failures += 1
        # Whom no patience helps: what it was asked does not suit it.
        attempts.excluded = not (error.is_transient or error.counts_as_failure or isinstance(error, Overloaded))
        if added is not None:
            attempts.is_hopeless = attempts.is_hopeless + 1 if added < _PROGRESS else 0
            attempts.excluded = attempts.excluded or attempts.is_hopeless >= self._links[at].retries.max_attempts
        attempts.ready_at = now + max(error.retry_after or 0.0, self._pause(at))
        return True

    def _refused(self, attempts: _Attempts, now: float, seconds: float) -> bool:
        """Once as any call, which is news; then as the last resort, as often as it takes."""
        first, alone = not attempts.refused_by_breaker, self._is_alone
        attempts.refused_by_breaker = True
        # Its time had been waited out, so that a probe went meanwhile and failed; or the only one is known to be down.
        attempts.count = (attempts.is_awaited and seconds > 0) or (alone and seconds > _SOON_SECONDS)
        if first and not alone:
            attempts.ready_at = now
            return True
        attempts.ready_at = now + (seconds + _MARGIN if seconds else _PROBE_INTERVAL)
        attempts.is_awaited = not attempts.count
        return first or attempts.count

    @property
    def _is_alone(self) -> bool:
        """Whether an answer that has not begun has one candidate only: its breaker knows of the whole outage."""
        return not self.begun and sum(not attempts.excluded for attempts in self._attempts) < 2

    def missing_capabilities(self, at: int) -> list[str]:
        return ["tools"] if self._without[at] else []

    def _order(self) -> list[int]:
        """All, from the one after the last that had its turn."""
        count = len(self._links)
        return [(self._at + step) % count for step in range(1, count + 1)]

    def _open(self) -> list[int]:
        return [at for at in self._order() if self._may_answer(self._attempts[at])]

    def _may_answer(self, attempts: _Attempts) -> bool:
        return not attempts.excluded and (self.begun or not attempts.count)

    def _stale(self, now: float) -> list[int]:
        return [
            at
            for at in self._order()
            if not (self._attempts[at].excluded or self._attempts[at].retries)
            and now - self._attempts[at].failed_at > _STALE_SECONDS
        ]

    def _is_ready(self, at: int, now: float) -> bool:
        attempts = self._attempts[at]
        return attempts.ready_at <= now and not attempts.refused_by_breaker

    def _pause(self, at: int) -> float:
        """Seconds until a candidate that failed is asked by the same answer again: none at first, then ever more."""
        retries, failures = self._links[at].retries, self._attempts[at].failures
        if failures <= _MAX_IMMEDIATE:
            return 0.0
        return min(retries.max_wait_seconds, retries.min_wait_seconds * 2.0 ** min(failures - _MAX_IMMEDIATE - 1, 16))

    def _report(self, what: str, link: ModelLink, lacks: Sequence[str], *, asked_last: bool = False) -> None:
        self._noticed(what, link.info, ", ".join(lacks))
        _log.warning("capability_unsupported", model=str(link.info.spec), lacks=list(lacks), asked=asked_last)
