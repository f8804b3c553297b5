"""Reading a text outside of any run."""

from collections.abc import Callable
from dataclasses import dataclass

from agents.tracing_callbacks import traced_callbacks
from backend.runs.reviewers import Reviewers
from graphs.quality.findings import Judgement, verdict, verdict_json
from graphs.quality.graph import usage
from graphs.quality.review_input import ReviewInput
from graphs.quality.rubric import Rubric
from graphs.quality.run_checks import check
from graphs.review_progress import Stage
from llm.context import CallContext, use_call_context
from llm.meter import Meter
from observability.tracing import SpanRef, TraceSubject, Tracing, trace_run
from storage.caller import Caller
from storage.reviews import NewReview


@dataclass(frozen=True, slots=True)
class TextReviewRequest:
    """`name` is what its trace and its stream are found by; `samples` how often it is judged, if not as often as usual;
    `above` the span of the request.
    """

    name: str
    review_input: ReviewInput
    rubric: Rubric
    samples: int | None = None
    use_judge: bool = True
    parent_span: SpanRef | None = None


async def review_text(
    reviewers: Reviewers, tracer: Tracing, caller: Caller, request: TextReviewRequest, emit: Callable[[Stage], None]
) -> NewReview:
    """What the checks find and, if it is to be `judged`, the judge. `say` hears how far it is."""
    said, meter = Judgement(not_judged_reason="no judge was asked"), Meter()
    subject = TraceSubject(caller.tenant, caller.user, run=request.name)
    with (
        use_call_context(CallContext(caller.tenant, caller.user, None, meter)),
        trace_run(tracer, subject, "review", "review", request.parent_span) as span,
        traced_callbacks(),
    ):
        emit("checking")
        report = await check(reviewers.workers, request.review_input)
        if request.use_judge:
            emit("judging")
            said = await reviewers.judge_for(request.samples).judge(
                await reviewers.for_text(None), request.rubric, request.review_input
            )
        found = verdict(request.rubric, report.findings, said, report.not_checked)
        span.set_attributes(outcome=found.outcome, score=said.score, findings=len(found.findings))
    return NewReview(
        outcome=found.outcome,
        rubric=request.rubric.name,
        rubric_version=request.rubric.version,
        verdict={**verdict_json(found), "usage": usage(meter.calls)},
        score=said.score,
        judge=said.model,
        run_id=request.name,
    )
