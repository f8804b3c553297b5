"""A graph that knows nothing of us: it looks for notes, and has a model that completes texts write of them."""

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import FakeListLLM
from langchain_core.messages import AIMessage
from langchain_core.retrievers import BaseRetriever
from langgraph.graph import END, START, MessagesState, StateGraph


class Notes(BaseRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        if "broken" in query:
            raise OSError("the shelf is away")
        return [Document("High tide is at six."), Document(f"Asked before: {query}")]


async def write(state: MessagesState) -> dict[str, Any]:
    found = await Notes().ainvoke(state["messages"][-1].text)
    llm = FakeListLLM(responses=["It is at six."])
    return {"messages": [AIMessage(await llm.ainvoke(f"Of these notes: {[each.page_content for each in found]}"))]}


def write_at_once(state: MessagesState) -> dict[str, Any]:
    found = Notes().invoke(state["messages"][-1].text)
    return {"messages": [AIMessage(FakeListLLM(responses=["At six."]).invoke(str(len(found))))]}


_graph = StateGraph(MessagesState)
_graph.add_node("write", write)
_graph.add_node("write_at_once", write_at_once)
_graph.add_edge(START, "write")
_graph.add_edge("write", "write_at_once")
_graph.add_edge("write_at_once", END)
graph = _graph.compile()
