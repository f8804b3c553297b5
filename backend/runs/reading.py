"""Reading a text outside of any run."""

import asyncio

from backend.runs.gates import Gates
from graphs.quality.checking import checked
from graphs.quality.findings import Judgement, told, verdict
from graphs.quality.graph import usage
from graphs.quality.subject import Subject
from llm.context import CallContext, calling
from llm.meter import Meter
from storage.caller import Caller
from storage.reviews import ReviewDraft


async def read_by(
    gates: Gates, caller: Caller, subject: Subject, rubric: str | None, samples: int | None, *, judged: bool
) -> ReviewDraft:
    """What the checks and, if it is to be `judged`, the judge find. Raises `UnknownRubric`."""
    by = gates.rubrics.get(rubric) if rubric else gates.rubrics.of_kind(subject.kind)
    findings = await asyncio.to_thread(checked, subject)
    said, meter = Judgement(why="no judge was asked"), Meter()
    if judged:
        with calling(CallContext(caller.tenant, caller.user, None, meter)):
            said = await gates.judge_for(samples).judge(await gates.reader(None), by, subject)
    found = verdict(by, findings, said)
    return ReviewDraft(
        outcome=found.outcome,
        rubric=by.name,
        rubric_version=by.version,
        told={**told(found), "usage": usage(meter.spent)},
        score=said.score,
        judge=said.model,
    )
