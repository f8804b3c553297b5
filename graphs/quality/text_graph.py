"""A reviewer to talk to: what a person sends is read, and what was found is said."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import uuid4

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from artifacts.kinds import Kind
from graphs.context import RunContext
from graphs.quality.findings import Finding, Verdict
from graphs.quality.graph import ReviewTarget
from graphs.quality.review_input import ReviewInput
from graphs.quality.subgraph import ReviewSubgraph

ReviewerGraph = CompiledStateGraph[MessagesState, RunContext, MessagesState, MessagesState]

_NOTHING = "There is nothing to read: send a text, or name an artifact."
_OUTCOMES = {
    "passed": "It passes.",
    "failed": "It does not pass.",
    "not_judged": "It was checked and not judged.",
}


class QualityOptions(BaseModel):
    """What a request says to the quality agent beside its words, in `forwardedProps.review`."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    # What is read, in place of the person's message.
    artifact_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    version: int | None = Field(None, ge=1, le=2**31 - 1)
    kind: Kind | None = None
    language: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    # What the text was to be.
    prompt: Annotated[str, Field(max_length=20_000)] = ""
    rubric: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class ReviewTextNode:
    def __init__(self) -> None:
        self._reviewing = ReviewSubgraph()

    async def __call__(self, state: MessagesState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        options = runtime.context.options if isinstance(runtime.context.options, QualityOptions) else QualityOptions()
        message = f"msg-{uuid4().hex}"
        review_input, of = await self._subject(state, options, runtime, message)
        if not review_input.text.strip():
            return {"messages": [AIMessage(_NOTHING, id=message)]}
        reading = await self._reviewing.review(runtime, review_input, of)
        return {"messages": [AIMessage(format_report(reading.verdict), id=message)]}

    async def _subject(
        self, state: MessagesState, options: QualityOptions, runtime: Runtime[RunContext], message: str
    ) -> tuple[ReviewInput, ReviewTarget]:
        said = next((each.text for each in reversed(state["messages"]) if isinstance(each, HumanMessage)), "")
        if options.artifact_id is None:
            review_input = ReviewInput(
                said, prompt=options.prompt, kind=options.kind or "answer", language=options.language
            )
            # What is sent to be read was in the person's hands: nothing in it is news to them.
            return review_input, ReviewTarget(message, agent="quality")
        version = await runtime.context.workspace.read_artifact(options.artifact_id, options.version)
        artifact = version.artifact
        review_input = ReviewInput(
            version.text, prompt=options.prompt or said, kind=artifact.kind, language=artifact.language
        )
        return review_input, ReviewTarget(
            message, agent="quality", artifact=artifact.id, version=version.version.number
        )


def build_quality_graph(*, checkpointer: BaseCheckpointSaver[str]) -> ReviewerGraph:
    graph = StateGraph(MessagesState, context_schema=RunContext)
    graph.add_node("read", ReviewTextNode())
    graph.add_edge(START, "read")
    graph.add_edge("read", END)
    return graph.compile(checkpointer=checkpointer)


def format_report(verdict: Verdict) -> str:
    """A verdict in words."""
    judged = verdict.judgement
    lines = [f"**{_OUTCOMES[verdict.outcome]}**"]
    if judged.score is not None:
        spread = f", spread {judged.score_std_dev:.2f}" if judged.score_std_dev is not None else ""
        lines[0] += f" {judged.score:.1f} of 5 by the rubric {verdict.rubric!r} ({judged.samples} readings{spread})."
        lines += ["", *(f"- {name}: {level:.1f}" for name, level in judged.dimension_scores.items())]
    elif judged.not_judged_reason:
        lines[0] += f" No judge was heard: {judged.not_judged_reason}."
    if verdict.findings:
        lines += ["", "Found:", "", *_format_findings(verdict.findings)]
    else:
        lines += ["", "Nothing was found wrong with it."]
    return "\n".join(lines)


def _format_findings(findings: Sequence[Finding]) -> list[str]:
    return [
        f"- {'**wrong**' if each.severity == 'error' else 'remark'} ({each.source}"
        + (f", line {each.line}" if each.line else "")
        + f"): {each.message}"
        + (f" “{each.quote}”" if each.quote else "")
        for each in findings
    ]
