"""An answer that is read: behind whoever hears it or, where that is enforced, before."""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, SystemMessage
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.context import RunContext
from graphs.quality.graph import AuthorInput, ReviewTarget
from graphs.quality.review_input import ReviewInput
from graphs.quality.subgraph import ReviewSubgraph, context_of, prompt_of


class Draft(TypedDict):
    """An answer that nobody has heard yet. Not as a message: LangGraph streams every one that a node gives."""

    id: str
    text: str
    metadata: dict[str, Any]


def make_draft(answer: AIMessage) -> Draft:
    return Draft(id=answer.id or "", text=answer.text, metadata=answer.response_metadata)


class AnswerReview:
    """Reads the last answer of a thread, or a draft of it: then what is said is the best that came of it."""

    def __init__(self, agent: str, system: str, reviewing: ReviewSubgraph) -> None:
        self._agent = agent
        self._system = system
        self._reviewing = reviewing

    async def review(
        self,
        runtime: Runtime[RunContext],
        messages: Sequence[AnyMessage],
        draft: Draft | None,
        *,
        seen: str = "",
        author: AuthorInput | None = None,
    ) -> dict[str, Any]:
        """`seen` is what the author had before it beside the thread, `author` all that it was given where that is more
        than a system prompt and the thread.
        """
        if draft is None:
            *before, heard = messages
            text, message = str(heard.text), heard.id or ""
        else:
            before, text, message = list(messages), draft["text"], draft["id"]
        given = "\n\n".join(filter(None, [context_of(before), seen]))
        review_input = ReviewInput(text, prompt=prompt_of(before), context=given, system_prompt=self._system)
        author = author or AuthorInput([SystemMessage(self._system), *before])
        best = (
            await self._reviewing.review(runtime, review_input, ReviewTarget(message, self._agent), author)
        ).review_input.text
        if draft is None:
            return {}
        return {"messages": [AIMessage(best, id=draft["id"], response_metadata=draft["metadata"])], "draft": None}


def last_answer(messages: Sequence[AnyMessage]) -> AIMessage:
    return next(message for message in reversed(messages) if isinstance(message, AIMessage))
