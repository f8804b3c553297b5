"""The quality workflow: checks, then a judge, a verdict and, where it is enforced, a revision; bounded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import Runnable
from langgraph.constants import TAG_NOSTREAM
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from artifacts.fences import strip_fence
from graphs.context import RunContext
from graphs.prompt import Prompt
from graphs.quality.blocking import block
from graphs.quality.findings import Finding, Judgement, Verdict, verdict, verdict_json
from graphs.quality.review_input import ReviewInput
from graphs.quality.reviewer import Reviewer
from graphs.quality.run_checks import CheckReport, check
from graphs.review_progress import ReviewProgress, Stage
from llm.context import call_context
from llm.errors import ModelError
from llm.finish_reason import hit_output_limit
from llm.meter import CallUsage
from storage.reviews import NewReview

# Times that an author is asked to mend a text.


class ReviewerMissing(RuntimeError):
    """A review was asked for in a run that has no gate."""


@dataclass(frozen=True, slots=True)
class ReviewedText:
    """A text and what was found of it."""

    review_input: ReviewInput
    verdict: Verdict
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class ReviewTarget:
    """What a review is of, by the client's ids."""

    message: str
    agent: str
    artifact: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class AuthorInput:
    """What the author of a text was given: the system prompt, the conversation and the tools."""

    messages: Sequence[BaseMessage] = ()
    tools: Sequence[dict[str, Any]] = ()


class ReviewState(TypedDict, total=False):
    of: ReviewTarget
    author: AuthorInput
    subject: ReviewInput
    attempt: int
    report: CheckReport
    judged: Judgement
    best: ReviewedText
    last: ReviewedText
    goes_on: bool
    # What the meter had when the review began.
    spent: int
    # The ids of the reviews that were kept, by attempt.
    kept: Mapping[int, str]


QualityGraph = CompiledStateGraph[ReviewState, RunContext, ReviewState, ReviewState]


class ReviewNodes:
    def __init__(self, revise: Prompt) -> None:
        self._revise = revise

    async def check(self, state: ReviewState, runtime: Runtime[RunContext]) -> ReviewState:
        attempt = state.get("attempt", 1)
        _report_progress(runtime, state, "checking", attempt)
        report = await check(runtime.context.workspace.workers, state["subject"])
        return {"report": report, "attempt": attempt, "spent": state.get("spent", _calls_so_far())}

    async def judge(self, state: ReviewState, runtime: Runtime[RunContext]) -> ReviewState:
        reviewer, review_input = _reviewer(runtime), state["subject"]
        _report_progress(runtime, state, "judging", state["attempt"])
        rubric = reviewer.rubrics.select(reviewer.rubric, review_input.kind)
        if any(finding.effect == "block" for finding in state["report"].findings):
            # No score would save it; a text that is mended is judged.
            return {"judged": Judgement(not_judged_reason="a check that blocks has failed")}
        return {"judged": await reviewer.judge.judge(reviewer.author_model, rubric, review_input)}

    async def decide(self, state: ReviewState, runtime: Runtime[RunContext]) -> ReviewState:
        """What was found, whether it is better than what was there, and whether it is tried again."""
        reviewer, review_input = _reviewer(runtime), state["subject"]
        rubric = reviewer.rubrics.select(reviewer.rubric, review_input.kind)
        report, attempt = state["report"], state["attempt"]
        reading = ReviewedText(
            review_input, verdict(rubric, report.findings, state["judged"], report.not_checked), attempt
        )
        before = state.get("best")
        rises = before is None or reading.verdict.rank > before.verdict.rank
        best = reading if rises or before is None else before
        goes_on = rises and reading.verdict.outcome == "failed" and _can_revise(reviewer, attempt)
        kept = {**state.get("kept", {}), attempt: await _save_review(runtime, state, reading.verdict)}
        if not goes_on:
            best = await _deliver(runtime, {**state, "kept": kept}, best)
        return {"best": best, "last": reading, "goes_on": goes_on, "kept": kept}

    async def revise(self, state: ReviewState, runtime: Runtime[RunContext]) -> ReviewState:
        """The author mends it, and is told the findings and not the score."""
        reading = state["last"]
        attempt = state["attempt"] + 1
        _report_progress(runtime, state, "revising", attempt, reading.verdict)
        author = state.get("author", AuthorInput())
        try:
            answer = await _author_model(runtime, author).ainvoke(
                self._to_revise(author, reading), {"tags": [TAG_NOSTREAM]}
            )
        except ModelError:
            # What is there is better than nothing.
            return await _give_up(runtime, state)
        if hit_output_limit(answer.response_metadata):
            # Half of a text is no better one.
            return await _give_up(runtime, state)
        text = strip_fence(answer.text) if reading.review_input.kind != "answer" else answer.text.strip()
        if not text or text == reading.review_input.text:
            return await _give_up(runtime, state)
        return {"subject": replace(reading.review_input, text=text), "attempt": attempt}

    def _to_revise(self, author: AuthorInput, reading: ReviewedText) -> list[BaseMessage]:
        """Where it is known what the author was given, its conversation goes on: it is told what is wrong."""
        if not author.messages:
            return [self._revise.message(), HumanMessage(_revision_prompt(reading))]
        order = HumanMessage(f"{self._revise.text}\n\n{_revision_prompt(reading)}")
        return [*author.messages, AIMessage(reading.review_input.text), order]


def _author_model(runtime: Runtime[RunContext], author: AuthorInput) -> Runnable[LanguageModelInput, BaseMessage]:
    models = runtime.context.models
    if not author.tools or not models.info.tools:
        return models.model
    # They are there for it to know what it called; what mends a text calls none.
    return models.model.bind_tools(list(author.tools), tool_choice="none")


def build_review_graph(prompts: Path) -> QualityGraph:
    """To be mounted in a node of another graph: `best` is what it ends with."""
    nodes = ReviewNodes(Prompt.read(prompts / "revise.md"))
    graph = StateGraph(ReviewState, context_schema=RunContext)
    graph.add_node("check", nodes.check)
    graph.add_node("judge", nodes.judge)
    graph.add_node("decide", nodes.decide)
    graph.add_node("revise", nodes.revise)
    graph.add_edge(START, "check")
    graph.add_edge("check", "judge")
    graph.add_edge("judge", "decide")
    graph.add_conditional_edges("decide", _after_decide, {"revise": "revise", "end": END})
    graph.add_conditional_edges("revise", _after_revise, {"check": "check", "end": END})
    # Within a node that is run again as a whole, there is nothing to come back to.
    return graph.compile(checkpointer=False)


def _after_decide(state: ReviewState) -> Literal["revise", "end"]:
    return "revise" if state["goes_on"] else "end"


def _after_revise(state: ReviewState) -> Literal["check", "end"]:
    return "check" if state["goes_on"] else "end"


def _reviewer(runtime: Runtime[RunContext]) -> Reviewer:
    if runtime.context.reviewer is None:
        raise ReviewerMissing
    return runtime.context.reviewer


def _can_revise(reviewer: Reviewer, attempt: int) -> bool:
    return reviewer.mode == "enforce" and attempt <= reviewer.max_revisions


async def _give_up(runtime: Runtime[RunContext], state: ReviewState) -> ReviewState:
    return {"best": await _deliver(runtime, state, state["best"]), "goes_on": False}


async def _deliver(runtime: Runtime[RunContext], state: ReviewState, best: ReviewedText) -> ReviewedText:
    """What is heard of the best text: where it is enforced, nothing that blocks. Its review is marked."""
    reviewer, workspace = _reviewer(runtime), runtime.context.workspace
    if reviewer.mode == "enforce" and best.verdict.blocking:
        text, delivery = await block(workspace.workers, best.review_input, best.verdict.blocking, reviewer.leak_action)
        best = replace(
            best, review_input=replace(best.review_input, text=text), verdict=replace(best.verdict, delivery=delivery)
        )
    await workspace.mark_delivered(state["kept"][best.attempt], best.verdict.delivery)
    _report_progress(runtime, state, "done", state["attempt"], best.verdict)
    return best


def _report_progress(
    runtime: Runtime[RunContext], state: ReviewState, stage: Stage, attempt: int, found: Verdict | None = None
) -> None:
    said = None if found is None else {**verdict_json(found), "usage": _usage(state.get("spent", _calls_so_far()))}
    runtime.stream_writer(ReviewProgress(state["of"].message, stage, attempt, said))


async def _save_review(runtime: Runtime[RunContext], state: ReviewState, found: Verdict) -> str:
    """The review's id."""
    of, judged = state["of"], found.judgement
    return await runtime.context.workspace.save_review(
        NewReview(
            outcome=found.outcome,
            rubric=found.rubric,
            rubric_version=found.rubric_version,
            verdict={**verdict_json(found), "usage": _usage(state["spent"])},
            score=judged.score,
            judge=judged.model,
            attempt=state["attempt"],
            message_id=of.message,
            agent_id=of.agent,
            artifact_id=of.artifact,
            version=of.version,
        )
    )


def _calls_so_far() -> int:
    meter = call_context().meter
    return len(meter.calls) if meter else 0


def _usage(since: int) -> dict[str, Any]:
    """What reading and mending took, apart from what the answer did."""
    meter = call_context().meter
    return usage(meter.calls[since:] if meter else ())


def usage(spent: Sequence[CallUsage]) -> dict[str, Any]:
    """Dollars as a decimal in words, where all prices are known."""
    cost = sum((each.cost or Decimal(0) for each in spent), Decimal(0))
    return {
        "inputTokens": sum(each.tokens.input for each in spent),
        "outputTokens": sum(each.tokens.output for each in spent),
        "costUsd": str(cost) if all(each.cost is not None for each in spent) else None,
    }


def _revision_prompt(reading: ReviewedText) -> str:
    found = "\n".join(_finding_line(finding) for finding in reading.verdict.findings)
    asked = f"You were asked:\n\n{reading.review_input.prompt}\n\n" if reading.review_input.prompt else ""
    return f"{asked}This is your text:\n\n<text>\n{reading.review_input.text}\n</text>\n\nFound wrong with it:\n{found}"


def _finding_line(finding: Finding) -> str:
    where = f" (line {finding.line})" if finding.line else ""
    quote = f" In: {finding.quote!r}" if finding.quote else ""
    return f"- {finding.message}{where}{quote}"
