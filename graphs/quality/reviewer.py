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
from graphs.quality.graph import Of
from graphs.quality.mount import Reviewing
from graphs.quality.subject import Subject

ReviewerGraph = CompiledStateGraph[MessagesState, RunContext, MessagesState, MessagesState]

_NOTHING = "There is nothing to read: send a text, or name an artifact."
_OUTCOMES = {
    "passed": "It passes.",
    "failed": "It does not pass.",
    "not_judged": "It was checked and not judged.",
}


class QualityWishes(BaseModel):
    """What a request says to the quality agent beside its words, in `forwardedProps.review`."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    # What is read, in place of the person's message.
    artifact_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    version: int | None = Field(None, ge=1, le=2**31 - 1)
    kind: Kind | None = None
    language: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    # What the text was to be.
    asked: Annotated[str, Field(max_length=20_000)] = ""
    rubric: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class Read:
    def __init__(self) -> None:
        self._reviewing = Reviewing()

    async def __call__(self, state: MessagesState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        wishes = runtime.context.wishes if isinstance(runtime.context.wishes, QualityWishes) else QualityWishes()
        message = f"msg-{uuid4().hex}"
        subject, of = await self._subject(state, wishes, runtime, message)
        if not subject.text.strip():
            return {"messages": [AIMessage(_NOTHING, id=message)]}
        reading = await self._reviewing.best(runtime, subject, of)
        return {"messages": [AIMessage(report(reading.verdict), id=message)]}

    async def _subject(
        self, state: MessagesState, wishes: QualityWishes, runtime: Runtime[RunContext], message: str
    ) -> tuple[Subject, Of]:
        said = next((each.text for each in reversed(state["messages"]) if isinstance(each, HumanMessage)), "")
        if wishes.artifact_id is None:
            subject = Subject(said, asked=wishes.asked, kind=wishes.kind or "answer", language=wishes.language)
            # What is sent to be read was in the person's hands: nothing in it is news to them.
            return subject, Of(message, agent="quality")
        held = await runtime.context.desk.read(wishes.artifact_id, wishes.version)
        artifact = held.artifact
        subject = Subject(held.text, asked=wishes.asked or said, kind=artifact.kind, language=artifact.language)
        return subject, Of(message, agent="quality", artifact=artifact.id, version=held.version.number)


def reviewer_graph(*, checkpointer: BaseCheckpointSaver[str]) -> ReviewerGraph:
    graph = StateGraph(MessagesState, context_schema=RunContext)
    graph.add_node("read", Read())
    graph.add_edge(START, "read")
    graph.add_edge("read", END)
    return graph.compile(checkpointer=checkpointer)


def report(verdict: Verdict) -> str:
    """A verdict in words."""
    judged = verdict.judgement
    lines = [f"**{_OUTCOMES[verdict.outcome]}**"]
    if judged.score is not None:
        spread = f", spread {judged.spread:.2f}" if judged.spread is not None else ""
        lines[0] += f" {judged.score:.1f} of 5 by the rubric {verdict.rubric!r} ({judged.samples} readings{spread})."
        lines += ["", *(f"- {name}: {level:.1f}" for name, level in judged.levels.items())]
    elif judged.why:
        lines[0] += f" No judge was heard: {judged.why}."
    if verdict.findings:
        lines += ["", "Found:", "", *_found(verdict.findings)]
    else:
        lines += ["", "Nothing was found wrong with it."]
    return "\n".join(lines)


def _found(findings: Sequence[Finding]) -> list[str]:
    return [
        f"- {'**wrong**' if each.severity == 'error' else 'remark'} ({each.by}"
        + (f", line {each.line}" if each.line else "")
        + f"): {each.message}"
        + (f" “{each.quote}”" if each.quote else "")
        for each in findings
    ]
