"""The quality workflow as a step of another graph's."""

from collections.abc import Sequence
from pathlib import Path

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.runtime import Runtime

from graphs import quality
from graphs.context import RunContext
from graphs.quality.graph import AuthorInput, Of, Reading, quality_graph
from graphs.quality.subject import Subject
from observability.tracing import staying


class Reviewing:
    def __init__(self) -> None:
        self._graph = quality_graph(Path(quality.__path__[0]) / "prompts")

    async def best(
        self, runtime: Runtime[RunContext], subject: Subject, of: Of, author: AuthorInput | None = None
    ) -> Reading:
        """The best that came of a text, which without `enforce` is the text itself, and what was found of it."""
        with staying():
            done = await self._graph.ainvoke(
                {"subject": subject, "of": of, "author": author or AuthorInput()}, context=runtime.context
            )
        best: Reading = done["best"]
        return best


def is_held(runtime: Runtime[RunContext]) -> bool:
    """Whether what is written is read before anybody sees it."""
    gate = runtime.context.gate
    return gate is not None and gate.mode == "enforce"


def asked_in(messages: Sequence[BaseMessage]) -> str:
    """What the person asked last."""
    return next((message.text for message in reversed(messages) if isinstance(message, HumanMessage)), "")


def given_in(messages: Sequence[AnyMessage]) -> str:
    """Everything else that an answer could have its words from: what was said before, and what tools told."""
    *_, last = [-1, *(at for at, message in enumerate(messages) if isinstance(message, HumanMessage))]
    kept = [
        message.text
        for at, message in enumerate(messages)
        if at != last and isinstance(message, HumanMessage | ToolMessage | SystemMessage | AIMessage)
    ]
    return "\n\n".join(filter(None, kept))
