"""The refusals that providers really send, with their wording."""

from datetime import datetime
from email.utils import format_datetime

from tests.loopback.fault import Problem, Status


def too_many_requests(retry_after: int | datetime | None = None) -> Status:
    """429; `retry_after` in seconds, or a moment (in UTC) that becomes an HTTP date."""
    problem = Problem("Rate limit reached for requests. Please try again later.", "requests", "rate_limit_exceeded")
    match retry_after:
        case None:
            return Status(429, problem)
        case datetime():
            value = format_datetime(retry_after, usegmt=True)
        case seconds:
            value = str(seconds)
    return Status(429, problem, (("Retry-After", value),))


def out_of_quota() -> Status:
    """429 of the other kind, which no retry heals."""
    message = "You exceeded your current quota, please check your plan and billing details."
    return Status(429, Problem(message, "insufficient_quota", "insufficient_quota"))


def server_error() -> Status:
    return Status(500)


def overloaded() -> Status:
    message = "That model is currently overloaded with other requests."
    busy = "server busy, please try again. maximum pending requests exceeded"
    return Status(503, Problem(message, ollama=busy))


def unauthorized() -> Status:
    problem = Problem("Incorrect API key provided.", "invalid_request_error", "invalid_api_key", ollama="unauthorized")
    return Status(401, problem)


def model_gone(model: str) -> Status:
    message = f"The model `{model}` does not exist or you do not have access to it."
    gone = f"model '{model}' not found"
    return Status(404, Problem(message, "invalid_request_error", "model_not_found", ollama=gone))


def context_overflow(limit: int = 8192, given: int = 9001) -> Status:
    message = (
        f"This model's maximum context length is {limit} tokens. However, your messages resulted in {given} tokens. "
        "Please reduce the length of the messages."
    )
    too_long = "the input length exceeds the context length"
    kind, code = "invalid_request_error", "context_length_exceeded"
    return Status(400, Problem(message, kind, code, param="messages", ollama=too_long))
