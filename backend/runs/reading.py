"""Reading a text outside of any run."""

from collections.abc import Callable
from dataclasses import dataclass

from agents.spans import heard
from backend.runs.gates import Gates
from graphs.quality.checking import check
from graphs.quality.findings import Judgement, told, verdict
from graphs.quality.graph import usage
from graphs.quality.rubric import Rubric
from graphs.quality.subject import Subject
from graphs.review import Stage
from llm.context import CallContext, calling
from llm.meter import Meter
from observability.tracing import SpanRef, Tracing, Who, tracing
from storage.caller import Caller
from storage.reviews import ReviewDraft


@dataclass(frozen=True, slots=True)
class ReadingAsked:
    """`name` is what its trace and its stream are found by; `samples` how often it is judged, if not as often as usual;
    `above` the span of the request.
    """

    name: str
    subject: Subject
    rubric: Rubric
    samples: int | None = None
    judged: bool = True
    above: SpanRef | None = None


async def read_by(
    gates: Gates, traced: Tracing, caller: Caller, asked: ReadingAsked, say: Callable[[Stage], None]
) -> ReviewDraft:
    """What the checks find and, if it is to be `judged`, the judge. `say` hears how far it is."""
    said, meter = Judgement(why="no judge was asked"), Meter()
    who = Who(caller.tenant, caller.user, run=asked.name)
    with (
        calling(CallContext(caller.tenant, caller.user, None, meter)),
        tracing(traced, who, "review", "review", asked.above) as span,
        heard(),
    ):
        say("checking")
        report = await check(gates.workers, asked.subject)
        if asked.judged:
            say("judging")
            said = await gates.judge_for(asked.samples).judge(await gates.reader(None), asked.rubric, asked.subject)
        found = verdict(asked.rubric, report.findings, said, report.not_checked)
        span.set(outcome=found.outcome, score=said.score, findings=len(found.findings))
    return ReviewDraft(
        outcome=found.outcome,
        rubric=asked.rubric.name,
        rubric_version=asked.rubric.version,
        told={**told(found), "usage": usage(meter.spent)},
        score=said.score,
        judge=said.model,
        run=asked.name,
    )
