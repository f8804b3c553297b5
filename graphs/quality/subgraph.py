"""The quality workflow as a step of another graph's."""

from collections.abc import Sequence
from pathlib import Path

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.runtime import Runtime

from graphs import quality
from graphs.context import RunContext
from graphs.quality.graph import AuthorInput, ReviewedText, ReviewTarget, build_review_graph
from graphs.quality.review_input import ReviewInput
from observability.tracing import keep_span


class ReviewSubgraph:
    def __init__(self) -> None:
        self._graph = build_review_graph(Path(quality.__path__[0]) / "prompts")

    async def review(
        self,
        runtime: Runtime[RunContext],
        review_input: ReviewInput,
        of: ReviewTarget,
        author: AuthorInput | None = None,
    ) -> ReviewedText:
        """The best that came of a text, which without `enforce` is the text itself, and what was found of it."""
        with keep_span():
            done = await self._graph.ainvoke(
                {"subject": review_input, "of": of, "author": author or AuthorInput()}, context=runtime.context
            )
        best: ReviewedText = done["best"]
        return best


def withholds_text(runtime: Runtime[RunContext]) -> bool:
    """Whether what is written is read before anybody sees it."""
    reviewer = runtime.context.reviewer
    return reviewer is not None and reviewer.mode == "enforce"


def prompt_of(messages: Sequence[BaseMessage]) -> str:
    """What the person asked last."""
    return next((message.text for message in reversed(messages) if isinstance(message, HumanMessage)), "")


def context_of(messages: Sequence[AnyMessage]) -> str:
    """Everything else that an answer could have its words from: what was said before, and what tools told."""
    *_, last = [-1, *(at for at, message in enumerate(messages) if isinstance(message, HumanMessage))]
    kept = [
        message.text
        for at, message in enumerate(messages)
        if at != last and isinstance(message, HumanMessage | ToolMessage | SystemMessage | AIMessage)
    ]
    return "\n\n".join(filter(None, kept))
