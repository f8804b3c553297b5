"""An answer that is read: behind whoever hears it or, where that is enforced, before."""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.context import RunContext
from graphs.quality.graph import Of
from graphs.quality.mount import Reviewing, asked_in, given_in
from graphs.quality.subject import Subject


class Draft(TypedDict):
    """An answer that nobody has heard yet. Not as a message: LangGraph streams every one that a node gives."""

    id: str
    text: str
    metadata: dict[str, Any]


def draft(answer: AIMessage) -> Draft:
    return Draft(id=answer.id or "", text=answer.text, metadata=answer.response_metadata)


class AnswersQuality:
    """Reads the last answer of a thread, or a draft of it: then what is said is the best that came of it."""

    def __init__(self, agent: str, system: str, reviewing: Reviewing) -> None:
        self._agent = agent
        self._system = system
        self._reviewing = reviewing

    async def read(
        self, runtime: Runtime[RunContext], messages: Sequence[AnyMessage], draft: Draft | None, *, seen: str = ""
    ) -> dict[str, Any]:
        """`seen` is what the author had before it beside the thread."""
        if draft is None:
            *before, heard = messages
            await self._best(runtime, heard.text, heard.id or "", before, seen)
            return {}
        best = await self._best(runtime, draft["text"], draft["id"], messages, seen)
        return {"messages": [AIMessage(best, id=draft["id"], response_metadata=draft["metadata"])], "draft": None}

    async def _best(
        self, runtime: Runtime[RunContext], text: str, message: str, before: Sequence[AnyMessage], seen: str
    ) -> str:
        given = "\n\n".join(filter(None, [given_in(before), seen]))
        subject = Subject(text, asked=asked_in(before), given=given, system=self._system)
        return (await self._reviewing.best(runtime, subject, Of(message, self._agent))).subject.text


def last_answer(messages: Sequence[AnyMessage]) -> AIMessage:
    return next(message for message in reversed(messages) if isinstance(message, AIMessage))
