"""Having a text read, and what was found of texts before."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from artifacts.kinds import InvalidText, Kind, check_text
from backend.api.examples import example_response, problem_responses
from backend.api.media_types import prefers_media_type
from backend.api.paging import Page, PageParams, TimeCursor, build_page, decode_cursor
from backend.api.review_stream import review_events
from backend.api.streams import sse_response
from backend.dependencies import CallerDep, MetricsDep, ResourcesDep
from backend.errors import (
    ArtifactTooLarge,
    BudgetUsedUp,
    FeedbackNotFound,
    IdempotencyMismatch,
    InvalidInput,
    MessageNotFound,
    ReviewNotFound,
    StorageUnavailable,
)
from backend.runs.text_reviews import TextReviewRequest, review_text
from graphs.quality.findings import Delivery
from graphs.quality.review_input import ReviewInput
from graphs.quality.rubric import UnknownRubric
from graphs.review_progress import Stage
from llm.context import CallContext
from observability.tracing import TraceSubject as Traced
from observability.tracing import accept_request
from storage.cursor import Cursor
from storage.reviews import FeedbackRecord, NewReview, ReviewFilter, ReviewRecord
from storage.tables import KEY_LENGTH

router = APIRouter(prefix="/api/v1", tags=["quality"])

# Bytes; what is longer is no text that anybody reads.
_MAX_TEXT_LENGTH = 1_000_000
_MAX_PROMPT_LENGTH = 100_000
# Beside the verdict of a request that had an idempotency key.
_REQUEST_DIGEST = "requestDigest"

Key = Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)]
Outcome = Literal["passed", "failed", "not_judged"]


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class _Request(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class ReviewCreate(_Request):
    text: str
    kind: Kind | Literal["answer"] = "answer"
    language: Annotated[str, Field(min_length=1, max_length=40)] | None = Field(None, description="Of code.")
    prompt: str = Field("", max_length=_MAX_PROMPT_LENGTH, description="What the text was to be.")
    context: str = Field(
        "", max_length=_MAX_PROMPT_LENGTH, description="What it was made from: quotes are looked up there."
    )
    system_prompt: str = Field("", max_length=_MAX_PROMPT_LENGTH, description="The prompt it was written under.")
    rubric: Key | None = None
    samples: int | None = Field(None, ge=1, le=9, description="How often it is judged.")
    use_judge: bool = Field(True, description="Whether a model reads it too, or only the checks.")


class Finding(_Camel):
    source: str = Field(description="A check's name, or a dimension's.")
    severity: Literal["error", "warning"]
    effect: Literal["block", "report"] = Field("report", description="What blocks is kept from readers by `enforce`.")
    message: str
    quote: str | None = None
    line: int | None = None


class Usage(_Camel):
    input_tokens: int
    output_tokens: int
    cost_usd: str | None = None


class Verdict(_Camel):
    outcome: Outcome
    score: float | None = Field(description="From 1 to 5, by the rubric's weights; null where nothing was judged.")
    score_std_dev: float | None = Field(description="Standard deviation of the samples' scores.")
    dimension_scores: dict[str, float] = Field(description="Each dimension's mean.")
    samples: int
    judge: str | None
    not_judged_reason: str | None = Field(description="Why no score is there.")
    delivery: Delivery = Field("unchanged", description="How much of the text its reader got.")
    not_checked: list[str] = Field([], description="The checks that took too long, and have told nothing.")
    rubric: str
    rubric_version: str
    findings: list[Finding]
    usage: Usage | None = None


class Review(_Camel):
    review_id: str
    outcome: Outcome
    score: float | None = None
    judge: str | None = None
    rubric: str
    rubric_version: str
    attempt: int
    delivered: bool = Field(False, description="Whether this is the attempt that was heard, of those of one message.")
    agent_id: str | None = None
    run_id: str | None = Field(None, description="The run that wrote the text; null for a text that a service sent.")
    trace_run_id: str | None = Field(
        None,
        description="By this `GET /api/v1/traces?runId=` finds the review's trace: the run's id, or one of its own.",
    )
    message_id: str | None = None
    artifact_id: str | None = None
    version: int | None = None
    created_at: datetime
    verdict: Verdict


class ReviewFilterParams(PageParams):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    outcome: Outcome | None = None
    rubric: Key | None = None
    agent_id: Key | None = None
    run_id: Key | None = None
    message_id: Key | None = None
    artifact_id: Key | None = None


class FeedbackUpdate(_Request):
    """A thumb or a score; a comment may go along."""

    thumb: Literal["up", "down"] | None = None
    score: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    comment: str | None = Field(None, max_length=4000)
    run_id: Key | None = None


class Feedback(_Camel):
    message_id: str
    thumb: Literal["up", "down"] | None = None
    score: float | None = None
    comment: str | None = None
    run_id: str | None = None
    created_at: datetime
    updated_at: datetime


class ReviewCursor(TimeCursor):
    pass


_VERDICT: Mapping[str, Any] = {
    "outcome": "failed",
    "score": 2.5,
    "scoreStdDev": 0.0,
    "dimensionScores": {"correct": 1.0, "answers the question": 4.0},
    "samples": 3,
    "judge": "openai:gpt-5-mini",
    "notJudgedReason": None,
    "notChecked": [],
    "delivery": "unchanged",
    "rubric": "answer",
    "rubricVersion": "22c763137964",
    "findings": [
        {
            "source": "correct",
            "severity": "warning",
            "effect": "report",
            "message": "The capital is Paris.",
            "quote": "Lyon is the capital",
        }
    ],
    "usage": {"inputTokens": 1491, "outputTokens": 123, "costUsd": "0.0012"},
}
_ENTRY: Mapping[str, Any] = {
    "reviewId": "0b8f1f0a5d274e0f9a3c6f6e80025a1f",
    "outcome": "failed",
    "score": 2.5,
    "judge": "openai:gpt-5-mini",
    "rubric": "answer",
    "rubricVersion": "22c763137964",
    "attempt": 1,
    "delivered": True,
    "agentId": "chat",
    "runId": "run-1",
    "messageId": "msg-1",
    "createdAt": "2026-11-20T12:00:00Z",
    "verdict": _VERDICT,
}
_EVENTS = """data: {"type":"RUN_STARTED","threadId":"review-1","runId":"review-1","protocolVersion":"1.0"}

data: {"type":"ACTIVITY_SNAPSHOT","messageId":"review-1-review","activityType":"review","content":{"stage":"checking","attempt":1},"replace":true}

data: {"type":"RUN_FINISHED","threadId":"review-1","runId":"review-1","outcome":{"type":"success"},"result":{"outcome":"passed"}}

"""  # noqa: E501  # lines of the stream, as they are
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/json": {"example": _ENTRY},
            "text/event-stream": {"schema": {"type": "string"}, "example": _EVENTS},
        }
    }
}
_FEEDBACK: Mapping[str, Any] = {
    "messageId": "msg-1",
    "thumb": "up",
    "comment": "Just what I needed.",
    "runId": "run-1",
    "createdAt": "2026-11-20T12:00:00Z",
    "updatedAt": "2026-11-20T12:00:00Z",
}


@router.post(
    "/reviews",
    summary="Review a text",
    description="By checks, and by a judge where one is there. The review is kept. With `Accept: text/event-stream` it "
    "is told as AG-UI events how far it is (ACTIVITY_SNAPSHOT `review`); `result` of RUN_FINISHED is the review. A "
    "repeated call with the same `Idempotency-Key` is answered with the same review.",
    response_model=Review,
    responses={
        **_ANSWER,
        **problem_responses(InvalidInput, IdempotencyMismatch, ArtifactTooLarge, BudgetUsedUp, StorageUnavailable),
    },
)
async def create_review(  # noqa: PLR0917  # FastAPI hands them over by name
    body: ReviewCreate,
    request: Request,
    caller: CallerDep,
    resources: ResourcesDep,
    metrics: MetricsDep,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=KEY_LENGTH)] = None,
) -> Review | Response:
    review_input = _review_input(body)
    await resources.models.check_budget(CallContext(caller.tenant, caller.user))
    try:
        rubric = resources.reviewers.rubrics.select(body.rubric, review_input.kind)
    except UnknownRubric as error:
        raise InvalidInput.for_fields(("rubric", f"there are: {', '.join(error.known)}")) from None
    name = f"review-{uuid4().hex}"
    above = accept_request(
        resources.tracing, Traced(caller.tenant, caller.user, run=name), "ask review", review_input.text
    )
    wanted = TextReviewRequest(name, review_input, rubric, body.samples, body.use_judge, above)

    request_digest = sha256(body.model_dump_json().encode()).hexdigest()
    known = None if idempotency_key is None else await resources.reviews.find(caller, idempotency_key)
    _check_idempotency(known, request_digest)

    async def reviewed(say: Callable[[Stage], None]) -> Review:
        if known is not None:
            return _review(known)
        draft = await review_text(resources.reviewers, resources.tracing, caller, wanted, say)
        if idempotency_key is None:
            return _review(await resources.reviews.add(caller, draft))
        draft = replace(draft, verdict={**draft.verdict, _REQUEST_DIGEST: request_digest})
        kept = await resources.reviews.add_once(caller, idempotency_key, draft)
        _check_idempotency(kept, request_digest)
        return _review(kept)

    if prefers_media_type(", ".join(request.headers.getlist("Accept")), "text/event-stream", "application/json"):
        events = review_events(
            name, reviewed, resources.run_service.exit, resources.settings.server.shutdown_grace_seconds
        )
        return sse_response(resources, metrics, events)
    return await reviewed(lambda stage: None)


def _check_idempotency(known: ReviewRecord | None, request_digest: str) -> None:
    """Raises `KeyUsed` where the key was another request's."""
    if known is not None and known.draft.verdict.get(_REQUEST_DIGEST) != request_digest:
        raise IdempotencyMismatch("Give this request a key of its own.")


@router.get(
    "/reviews",
    summary="List reviews, newest first",
    responses={**example_response({"items": [_ENTRY]}), **problem_responses(InvalidInput, StorageUnavailable)},
)
async def list_reviews(
    caller: CallerDep, resources: ResourcesDep, params: Annotated[ReviewFilterParams, Query()]
) -> Page[Review]:
    page_cursor = decode_cursor(params.cursor, ReviewCursor) if params.cursor is not None else None
    query = ReviewFilter(
        limit=params.limit + 1,
        after=Cursor(page_cursor.moment, page_cursor.id) if page_cursor else None,
        outcome=params.outcome,
        rubric=params.rubric,
        agent_id=params.agent_id,
        run_id=params.run_id,
        message_id=params.message_id,
        artifact_id=params.artifact_id,
    )
    found = await resources.reviews.list_reviews(caller, query)
    return build_page(
        found, params.limit, shown=_review, mark=lambda record: ReviewCursor(moment=record.created_at, id=record.id)
    )


@router.get(
    "/reviews/{review_id}",
    summary="Get a review",
    responses={**example_response(_ENTRY), **problem_responses(ReviewNotFound, StorageUnavailable)},
)
async def get_review(review_id: str, caller: CallerDep, resources: ResourcesDep) -> Review:
    return _review(await resources.reviews.get(caller, review_id))


@router.put(
    "/messages/{message_id:path}/feedback",
    summary="Rate a message",
    description="One for each user and message; said again, it takes the place of what was said before. Without a "
    "`runId` it is of the run that answered with the message, which must have ended.",
    response_model_exclude_none=True,
    responses={**example_response(_FEEDBACK), **problem_responses(InvalidInput, MessageNotFound, StorageUnavailable)},
)
async def update_feedback(
    message_id: str, body: FeedbackUpdate, caller: CallerDep, resources: ResourcesDep
) -> Feedback:
    if not 0 < len(message_id) <= KEY_LENGTH or not message_id.isprintable():
        raise InvalidInput.for_fields(
            ("messageId", f"an id has 1 to {KEY_LENGTH} characters, none a control character")
        )
    if (body.thumb is None) == (body.score is None):
        raise InvalidInput.for_fields(("thumb", "say a thumb or a score, and one of the two"))
    answered = await resources.runs.find_by_message(caller, message_id, body.run_id)
    said = await resources.reviews.set_feedback(
        caller,
        message_id,
        thumb=None if body.thumb is None else 1 if body.thumb == "up" else -1,
        score=body.score,
        comment=body.comment,
        run=answered.client_run_id,
    )
    return _feedback(said)


@router.get(
    "/messages/{message_id:path}/feedback",
    summary="Get your feedback on a message",
    response_model_exclude_none=True,
    responses={**example_response(_FEEDBACK), **problem_responses(FeedbackNotFound, StorageUnavailable)},
)
async def get_feedback(message_id: str, caller: CallerDep, resources: ResourcesDep) -> Feedback:
    return _feedback(await resources.reviews.get_feedback(caller, message_id))


@router.delete(
    "/messages/{message_id:path}/feedback",
    summary="Delete your feedback on a message",
    status_code=204,
    responses=problem_responses(FeedbackNotFound, StorageUnavailable),
)
async def delete_feedback(message_id: str, caller: CallerDep, resources: ResourcesDep) -> None:
    await resources.reviews.delete_feedback(caller, message_id)


def _review_input(body: ReviewCreate) -> ReviewInput:
    if not body.text.strip():
        raise InvalidInput.for_fields(("text", "there is nothing to read"))
    try:
        size = len(check_text(body.text).encode())
    except InvalidText as error:
        raise InvalidInput.for_fields(("text", str(error))) from None
    if size > _MAX_TEXT_LENGTH:
        raise ArtifactTooLarge(f"The text has {size} bytes; {_MAX_TEXT_LENGTH} are read.", limit=_MAX_TEXT_LENGTH)
    return ReviewInput(body.text, body.prompt, body.context, body.system_prompt, body.kind, body.language)


def _review(record: ReviewRecord) -> Review:
    draft: NewReview = record.draft
    return Review(
        review_id=record.id,
        outcome=draft.outcome,
        score=draft.score,
        judge=draft.judge,
        rubric=draft.rubric,
        rubric_version=draft.rubric_version,
        attempt=draft.attempt,
        delivered=bool(draft.verdict.get("delivered")),
        agent_id=draft.agent_id,
        run_id=draft.run_id if draft.message_id is not None else None,
        trace_run_id=draft.run_id,
        message_id=draft.message_id,
        artifact_id=draft.artifact_id,
        version=draft.version,
        created_at=record.created_at,
        verdict=Verdict.model_validate(draft.verdict),
    )


def _feedback(record: FeedbackRecord) -> Feedback:
    thumbs: dict[int | None, Literal["up", "down"] | None] = {1: "up", -1: "down"}
    return Feedback(
        message_id=record.message_id,
        thumb=thumbs.get(record.thumb),
        score=record.score,
        comment=record.comment,
        run_id=record.run_id,
        created_at=record.created_at,
        updated_at=record.updated_at,
    )
