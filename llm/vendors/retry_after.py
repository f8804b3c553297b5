from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def parse_retry_after(retry_after: str | None) -> float | None:
    """`Retry-After`, which is a number of seconds or a date; what is neither is nothing."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
