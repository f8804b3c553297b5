"""What a request can be told, as RFC 9457 problems: one tree, one translation. docs/errors.md lists every code."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from agents.registry import UnknownAgent
from artifacts.service import TextTooLarge
from llm.errors import BudgetExhausted, ModelError, NoModelAvailable, Overloaded, UnknownModel, UnknownProfile
from observability.logs import get_logger
from storage.artifacts import UnknownArtifact, UnknownVersion
from storage.blobs import BlobLost
from storage.database import StorageFailed
from storage.memories import UnknownMemory
from storage.reviews import UnknownFeedback, UnknownReview
from storage.runs import ThreadBusy, UnknownMessage
from storage.shares import MAX_SHARES, TooManyShares, UnknownShare
from storage.spans import UnknownTrace
from storage.threads import ThreadExists, UnknownCheckpoint, UnknownThread

MEDIA_TYPE = "application/problem+json"

_log = get_logger(__name__)


class Problem(Exception):
    """An answer that is not what was asked for. `more` are members beside the standard ones."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more


class Internal(Problem):
    pass


class InvalidInput(Problem):
    status, code, title = 422, "invalid_input", "Invalid request"

    @classmethod
    def for_fields(cls, *wrong: tuple[str, str]) -> "InvalidInput":
        """Of pairs of a field, as its caller wrote it, and what is wrong with it."""
        errors = [{"field": field, "message": message} for field, message in dict.fromkeys(wrong)]
        return cls(f"The request is not valid: {', '.join(dict.fromkeys(field for field, _ in wrong))}.", errors=errors)


class NotFound(Problem):
    status, code, title = 404, "not_found", "Not found"


class MethodNotAllowed(Problem):
    status, code, title = 405, "method_not_allowed", "Method not allowed"


class AgentNotFound(Problem):
    status, code, title = 404, "agent_not_found", "Agent not found"


class AgentUnavailable(Problem):
    status, code, title = 503, "agent_unavailable", "Agent unavailable"


class ModelNotFound(Problem):
    status, code, title = 422, "model_not_found", "Model not found"


class ProfileNotFound(Problem):
    status, code, title = 422, "profile_not_found", "Profile not found"


class NoModelProblem(Problem):
    status, code, title = 503, "no_model_available", "No model available"


class ThreadNotFound(Problem):
    status, code, title = 404, "thread_not_found", "Thread not found"


class CheckpointNotFound(Problem):
    status, code, title = 404, "checkpoint_not_found", "Checkpoint not found"


class ThreadIdTaken(Problem):
    status, code, title = 409, "thread_exists", "Thread id already in use"


class ThreadBusyProblem(Problem):
    status, code, title = 409, "thread_busy", "Thread busy"


class ThreadAwaitingInput(Problem):
    status, code, title = 409, "thread_awaiting_input", "Thread awaiting input"


class InterruptAnswered(Problem):
    status, code, title = 409, "interrupt_answered", "Interrupt already answered"


class RunIdTaken(Problem):
    status, code, title = 409, "run_exists", "Run id already in use"


class BodyTooLarge(Problem):
    status, code, title = 413, "body_too_large", "Request body too large"


class NotJson(Problem):
    status, code, title = 415, "unsupported_media_type", "Request body is not JSON"


class RunNotFound(Problem):
    status, code, title = 404, "run_not_found", "Run not found"


class ScheduleNotFound(Problem):
    status, code, title = 404, "schedule_not_found", "Schedule not found"


class ArtifactNotFound(Problem):
    status, code, title = 404, "artifact_not_found", "Artifact not found"


class VersionNotFound(Problem):
    status, code, title = 404, "version_not_found", "Version not found"


class ShareNotFound(Problem):
    status, code, title = 404, "share_not_found", "Share link not found"


class ShareLimitReached(Problem):
    status, code, title = 409, "too_many_shares", "Too many share links"


class InvalidName(InvalidInput):
    status, code, title = 422, "invalid_name", "Invalid name"


class ContentLost(Problem):
    status, code, title = 500, "content_lost", "Content lost"


class MemoryNotFound(Problem):
    status, code, title = 404, "memory_not_found", "Memory not found"


class RouteRemoved(Problem):
    status, code, title = 410, "gone", "Endpoint removed"


class ReviewNotFound(Problem):
    status, code, title = 404, "review_not_found", "Review not found"


class FeedbackNotFound(Problem):
    status, code, title = 404, "feedback_not_found", "No feedback for this message"


class MessageNotFound(Problem):
    status, code, title = 404, "message_not_found", "Message not found"


class TraceNotFound(Problem):
    status, code, title = 404, "trace_not_found", "Trace not found"


class ArtifactTooLarge(Problem):
    status, code, title = 413, "artifact_too_large", "Artifact too large"


class VersionStale(Problem):
    status, code, title = 412, "stale_version", "Artifact changed since your version"


class IfMatchRequired(Problem):
    status, code, title = 428, "precondition_required", "If-Match header missing"


class IdempotencyMismatch(Problem):
    status, code, title = 422, "idempotency_mismatch", "Idempotency key used for another request"


class RequestInProgress(Problem):
    status, code, title = (
        409,
        "idempotency_in_flight",
        "First request still in progress",
    )


class EventLogUnavailable(Problem):
    status, code, title = 503, "log_unavailable", "Event log unavailable"


class ServerOverloaded(Problem):
    status, code, title = 503, "overloaded", "Server overloaded"


class BudgetUsedUp(Problem):
    status, code, title = 429, "budget_exhausted", "Budget exhausted"


class StorageUnavailable(Problem):
    status, code, title = 503, "storage_unavailable", "Database unavailable"


class ShuttingDown(Problem):
    status, code, title = 503, "shutting_down", "Server shutting down"


def render(problem: Problem) -> JSONResponse:
    body = {
        "type": f"urn:agenkit:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        **problem.more,
    }
    return JSONResponse(body, problem.status, problem.headers, MEDIA_TYPE)


def to_problem(error: Exception) -> Problem:  # noqa: C901, PLR0911, PLR0912  # one flat table
    """The problem that an error of a lower floor, or of the framework, is to whoever asked."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            told = ((_field(detail["loc"], error.body), str(detail["msg"])) for detail in error.errors())
            return InvalidInput.for_fields(*told)
        case UnknownAgent():
            return AgentNotFound(f"{error}.", agents=list(error.known), near=list(error.near))
        case UnknownModel():
            return ModelNotFound(f"{error}.", field="forwardedProps.model", near=list(error.near))
        case UnknownProfile():
            return ProfileNotFound(f"{error}.", field="forwardedProps.profile", near=list(error.known))
        case NoModelAvailable():
            return NoModelProblem(f"{error}.", headers={"Retry-After": "30"})
        case Overloaded():
            return ServerOverloaded("Nothing was started. Try again.", headers=_retry_after(error))
        case BudgetExhausted():
            return BudgetUsedUp(str(error), headers=_retry_after(error))
        case UnknownArtifact():
            return ArtifactNotFound(f"{error}.")
        case UnknownVersion():
            return VersionNotFound(f"{error}.")
        case UnknownShare():
            return ShareNotFound(f"{error}.")
        case TooManyShares():
            return ShareLimitReached(f"{error}.", limit=MAX_SHARES)
        case BlobLost():
            return ContentLost("The stored text of this version is missing or damaged.")
        case UnknownReview():
            return ReviewNotFound(f"{error}.")
        case UnknownFeedback():
            return FeedbackNotFound(f"{error}.")
        case UnknownMessage():
            return MessageNotFound(f"{error}.")
        case UnknownTrace():
            return TraceNotFound(f"{error}.")
        case UnknownMemory():
            return MemoryNotFound(f"{error}.")
        case TextTooLarge():
            return ArtifactTooLarge(f"{error}.", limit=error.max_bytes)
        case UnknownThread():
            return ThreadNotFound(f"{error}.")
        case UnknownCheckpoint():
            return CheckpointNotFound(f"{error}. It may have been pruned.")
        case ThreadExists():
            return ThreadIdTaken("There is a thread with this id. Choose another id, or send none.")
        case ThreadBusy():
            return ThreadBusyProblem("The thread has a run. Wait until it has ended, or cancel it.")
        case StorageFailed():
            return StorageUnavailable("Nothing was started. Try again.", headers={"Retry-After": "5"})
        case HTTPException(status_code=405):
            return MethodNotAllowed("Try another method.", headers=error.headers)
        case HTTPException(status_code=400):
            return InvalidInput.for_fields(("body", "cannot be parsed"))
        case HTTPException():
            return NotFound("No route has this address.")
    return Internal("The error was logged under this request's id (X-Request-ID).")


def _retry_after(error: ModelError) -> dict[str, str]:
    return {"Retry-After": str(math.ceil(error.retry_after or 1.0))}


def _field(place: Sequence[str | int], body: Any) -> str:
    """`messages.0.content` as the caller wrote it: without the names of the types that were tried on the way."""
    where, *path = place
    if where != "body":
        return ".".join(map(str, path or place))
    field, value = list[str](), body
    for at, part in enumerate(path):
        known = (isinstance(value, dict) and part in value) or (isinstance(value, list) and isinstance(part, int))
        if known:
            value = value[part]
        if known or at == len(path) - 1:
            field.append(str(part))
    return ".".join(field) or "body"


async def _answer(request: Request, error: Exception) -> JSONResponse:
    return render(to_problem(error))


async def _answer_unforeseen(request: Request, error: Exception) -> JSONResponse:
    # The template: a path may hold the token of a share.
    route = getattr(request.scope.get("route"), "path", "unmatched")
    _log.error("request_failed", endpoint=route, exc_info=error)
    return render(to_problem(error))


_HANDLED: Sequence[type[Exception]] = (
    Problem,
    RequestValidationError,
    HTTPException,
    UnknownAgent,
    UnknownModel,
    UnknownProfile,
    NoModelAvailable,
    Overloaded,
    BudgetExhausted,
    UnknownArtifact,
    UnknownVersion,
    UnknownShare,
    TooManyShares,
    UnknownMemory,
    UnknownReview,
    UnknownFeedback,
    UnknownMessage,
    UnknownTrace,
    TextTooLarge,
    UnknownThread,
    UnknownCheckpoint,
    ThreadExists,
    ThreadBusy,
    StorageFailed,
)


def install_errors(app: FastAPI) -> None:
    for kind in _HANDLED:
        app.add_exception_handler(kind, _answer)
    app.add_exception_handler(Exception, _answer_unforeseen)
