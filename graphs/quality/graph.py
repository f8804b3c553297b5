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

from artifacts.fences import whole
from graphs.context import RunContext
from graphs.prompt import Prompt
from graphs.quality.blocking import block
from graphs.quality.checking import CheckReport, check
from graphs.quality.findings import Finding, Judgement, Verdict, told, verdict
from graphs.quality.gate import Gate
from graphs.quality.subject import Subject
from graphs.review import Reviewed, Stage
from llm.context import call_context
from llm.ending import reached_its_limit
from llm.errors import ModelError
from llm.meter import Spent
from storage.reviews import ReviewDraft

# Times that an author is asked to mend a text.


class NoGate(RuntimeError):
    """A review was asked for in a run that has no gate."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A text and what was found of it."""

    subject: Subject
    verdict: Verdict
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Of:
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


class Review(TypedDict, total=False):
    of: Of
    author: AuthorInput
    subject: Subject
    attempt: int
    report: CheckReport
    judged: Judgement
    best: Reading
    last: Reading
    goes_on: bool
    # What the meter had when the review began.
    spent: int
    # The ids of the reviews that were kept, by attempt.
    kept: Mapping[int, str]


QualityGraph = CompiledStateGraph[Review, RunContext, Review, Review]


class Nodes:
    def __init__(self, revise: Prompt) -> None:
        self._revise = revise

    async def check(self, state: Review, runtime: Runtime[RunContext]) -> Review:
        attempt = state.get("attempt", 1)
        _say(runtime, state, "checking", attempt)
        report = await check(runtime.context.desk.workers, state["subject"])
        return {"report": report, "attempt": attempt, "spent": state.get("spent", _spent())}

    async def judge(self, state: Review, runtime: Runtime[RunContext]) -> Review:
        gate, subject = _gate(runtime), state["subject"]
        _say(runtime, state, "judging", state["attempt"])
        rubric = gate.rubrics.meant(gate.rubric, subject.kind)
        if any(finding.effect == "block" for finding in state["report"].findings):
            # No score would save it; a text that is mended is judged.
            return {"judged": Judgement(why="a check that blocks has failed")}
        return {"judged": await gate.judge.judge(gate.reader, rubric, subject)}

    async def decide(self, state: Review, runtime: Runtime[RunContext]) -> Review:
        """What was found, whether it is better than what was there, and whether it is tried again."""
        gate, subject = _gate(runtime), state["subject"]
        rubric = gate.rubrics.meant(gate.rubric, subject.kind)
        report, attempt = state["report"], state["attempt"]
        reading = Reading(subject, verdict(rubric, report.findings, state["judged"], report.not_checked), attempt)
        before = state.get("best")
        rises = before is None or reading.verdict.rank > before.verdict.rank
        best = reading if rises or before is None else before
        goes_on = rises and reading.verdict.outcome == "failed" and _may_revise(gate, attempt)
        kept = {**state.get("kept", {}), attempt: await _keep(runtime, state, reading.verdict)}
        if not goes_on:
            best = await _deliver(runtime, {**state, "kept": kept}, best)
        return {"best": best, "last": reading, "goes_on": goes_on, "kept": kept}

    async def revise(self, state: Review, runtime: Runtime[RunContext]) -> Review:
        """The author mends it, and is told the findings and not the score."""
        reading = state["last"]
        attempt = state["attempt"] + 1
        _say(runtime, state, "revising", attempt, reading.verdict)
        author = state.get("author", AuthorInput())
        try:
            answer = await _author_model(runtime, author).ainvoke(
                self._to_revise(author, reading), {"tags": [TAG_NOSTREAM]}
            )
        except ModelError:
            # What is there is better than nothing.
            return await _give_up(runtime, state)
        if reached_its_limit(answer.response_metadata):
            # Half of a text is no better one.
            return await _give_up(runtime, state)
        text = whole(answer.text) if reading.subject.kind != "answer" else answer.text.strip()
        if not text or text == reading.subject.text:
            return await _give_up(runtime, state)
        return {"subject": replace(reading.subject, text=text), "attempt": attempt}

    def _to_revise(self, author: AuthorInput, reading: Reading) -> list[BaseMessage]:
        """Where it is known what the author was given, its conversation goes on: it is told what is wrong."""
        if not author.messages:
            return [self._revise.message(), HumanMessage(_to_mend(reading))]
        order = HumanMessage(f"{self._revise.text}\n\n{_to_mend(reading)}")
        return [*author.messages, AIMessage(reading.subject.text), order]


def _author_model(runtime: Runtime[RunContext], author: AuthorInput) -> Runnable[LanguageModelInput, BaseMessage]:
    candidate = runtime.context.candidate
    if not author.tools or not candidate.info.tools:
        return candidate.model
    # They are there for it to know what it called; what mends a text calls none.
    return candidate.model.bind_tools(list(author.tools), tool_choice="none")


def quality_graph(prompts: Path) -> QualityGraph:
    """To be mounted in a node of another graph: `best` is what it ends with."""
    nodes = Nodes(Prompt.read(prompts / "revise.md"))
    graph = StateGraph(Review, context_schema=RunContext)
    graph.add_node("check", nodes.check)
    graph.add_node("judge", nodes.judge)
    graph.add_node("decide", nodes.decide)
    graph.add_node("revise", nodes.revise)
    graph.add_edge(START, "check")
    graph.add_edge("check", "judge")
    graph.add_edge("judge", "decide")
    graph.add_conditional_edges("decide", _decided, {"revise": "revise", "end": END})
    graph.add_conditional_edges("revise", _revised, {"check": "check", "end": END})
    # Within a node that is run again as a whole, there is nothing to come back to.
    return graph.compile(checkpointer=False)


def _decided(state: Review) -> Literal["revise", "end"]:
    return "revise" if state["goes_on"] else "end"


def _revised(state: Review) -> Literal["check", "end"]:
    return "check" if state["goes_on"] else "end"


def _gate(runtime: Runtime[RunContext]) -> Gate:
    if runtime.context.gate is None:
        raise NoGate
    return runtime.context.gate


def _may_revise(gate: Gate, attempt: int) -> bool:
    return gate.mode == "enforce" and attempt <= gate.revisions


async def _give_up(runtime: Runtime[RunContext], state: Review) -> Review:
    return {"best": await _deliver(runtime, state, state["best"]), "goes_on": False}


async def _deliver(runtime: Runtime[RunContext], state: Review, best: Reading) -> Reading:
    """What is heard of the best text: where it is enforced, nothing that blocks. Its review is marked."""
    gate, desk = _gate(runtime), runtime.context.desk
    if gate.mode == "enforce" and best.verdict.blocking:
        text, delivery = await block(desk.workers, best.subject, best.verdict.blocking, gate.leak_action)
        best = replace(best, subject=replace(best.subject, text=text), verdict=replace(best.verdict, delivery=delivery))
    await desk.deliver(state["kept"][best.attempt], best.verdict.delivery)
    _say(runtime, state, "done", state["attempt"], best.verdict)
    return best


def _say(runtime: Runtime[RunContext], state: Review, stage: Stage, attempt: int, found: Verdict | None = None) -> None:
    said = None if found is None else {**told(found), "usage": _usage(state.get("spent", _spent()))}
    runtime.stream_writer(Reviewed(state["of"].message, stage, attempt, said))


async def _keep(runtime: Runtime[RunContext], state: Review, found: Verdict) -> str:
    """The review's id."""
    of, judged = state["of"], found.judgement
    return await runtime.context.desk.keep(
        ReviewDraft(
            outcome=found.outcome,
            rubric=found.rubric,
            rubric_version=found.rubric_version,
            told={**told(found), "usage": _usage(state["spent"])},
            score=judged.score,
            judge=judged.model,
            attempt=state["attempt"],
            message=of.message,
            agent=of.agent,
            artifact=of.artifact,
            version=of.version,
        )
    )


def _spent() -> int:
    meter = call_context().meter
    return len(meter.spent) if meter else 0


def _usage(since: int) -> dict[str, Any]:
    """What reading and mending took, apart from what the answer did."""
    meter = call_context().meter
    return usage(meter.spent[since:] if meter else ())


def usage(spent: Sequence[Spent]) -> dict[str, Any]:
    """Dollars as a decimal in words, where all prices are known."""
    cost = sum((each.cost or Decimal(0) for each in spent), Decimal(0))
    return {
        "inputTokens": sum(each.tokens.input for each in spent),
        "outputTokens": sum(each.tokens.output for each in spent),
        "costUsd": str(cost) if all(each.cost is not None for each in spent) else None,
    }


def _to_mend(reading: Reading) -> str:
    found = "\n".join(_line(finding) for finding in reading.verdict.findings)
    asked = f"You were asked:\n\n{reading.subject.asked}\n\n" if reading.subject.asked else ""
    return f"{asked}This is your text:\n\n<text>\n{reading.subject.text}\n</text>\n\nFound wrong with it:\n{found}"


def _line(finding: Finding) -> str:
    where = f" (line {finding.line})" if finding.line else ""
    quote = f" In: {finding.quote!r}" if finding.quote else ""
    return f"- {finding.message}{where}{quote}"
