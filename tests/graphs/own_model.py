"""A graph that knows nothing of us: it calls models of its own, one that says what it took and one that does not."""

from typing import Any

from langchain_core.language_models import FakeListLLM, FakeMessagesListChatModel, LangSmithParams
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langgraph.constants import TAG_NOSTREAM
from langgraph.graph import END, START, MessagesState, StateGraph

_USAGE = UsageMetadata(input_tokens=40, output_tokens=2, total_tokens=42)


class Priced(FakeMessagesListChatModel):
    """One whose price is known."""

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return LangSmithParams(ls_provider="openai", ls_model_name="gpt-5-mini", ls_model_type="chat")


async def answer(state: MessagesState) -> dict[str, Any]:
    model = Priced(responses=[AIMessage("Well said.", usage_metadata=_USAGE)])
    # Told to nobody, and paid for all the same.
    said = await model.ainvoke(state["messages"], {"tags": [TAG_NOSTREAM]})
    await FakeListLLM(responses=["At six."]).ainvoke("When is high tide?")
    return {"messages": [AIMessage(said.text)]}


_graph = StateGraph(MessagesState)
_graph.add_node("answer", answer)
_graph.add_edge(START, "answer")
_graph.add_edge("answer", END)
graph = _graph.compile()
