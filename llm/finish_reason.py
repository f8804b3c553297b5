"""Why an answer ended, in whichever vendor's words. Pure."""

from collections.abc import Mapping
from typing import Any


def hit_output_limit(metadata: Mapping[str, Any]) -> bool:
    """Whether an answer with this `response_metadata` was ended by a bound on its length."""
    details = metadata.get("incomplete_details")
    return (
        metadata.get("finish_reason") == "length"
        or metadata.get("done_reason") == "length"
        or metadata.get("stop_reason") == "max_tokens"
        or (isinstance(details, Mapping) and details.get("reason") == "max_output_tokens")
    )
