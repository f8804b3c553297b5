from collections import deque

# Enough to tell a quantile by, and few enough to follow a provider through the day.
_MIN_SAMPLES = 20
_MAX_SAMPLES = 200


class LatencyTracker:
    """How soon a model has begun to answer of late, in seconds."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=_MAX_SAMPLES)

    def record(self, seconds: float) -> None:
        self._seconds.append(seconds)

    def quantile(self, share: float) -> float | None:
        """The time within which that share of answers began; `None` while too few are known."""
        if len(self._seconds) < _MIN_SAMPLES:
            return None
        ordered = sorted(self._seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
