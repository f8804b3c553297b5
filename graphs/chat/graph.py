"""The chat workflow: the model answers; tools of ours run and it answers again; tools of the client's end the run.

What it answers in the end is read, where that is wished for.
"""

from collections.abc import Sequence

from langchain_core.tools import BaseTool
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph

from graphs.chat.nodes import ChatState, ModelInputs, ModelNode, ReviewNode, ToolsNode, after_model, after_tools
from graphs.context import RunContext
from graphs.prompt import Prompt

ChatGraph = CompiledStateGraph[ChatState, RunContext, MessagesState, MessagesState]


def build_chat_graph(
    *, system: Prompt, with_tools: Prompt, tools: Sequence[BaseTool], checkpointer: BaseCheckpointSaver[str]
) -> ChatGraph:
    names = frozenset(tool.name for tool in tools)
    graph = StateGraph(ChatState, context_schema=RunContext, input_schema=MessagesState, output_schema=MessagesState)
    inputs = ModelInputs(system, with_tools, tools)
    graph.add_node("model", ModelNode(inputs))
    graph.add_node("tools", ToolsNode(tools))
    graph.add_node("quality", ReviewNode(inputs))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", after_model(names), {"tools": "tools", "quality": "quality", "end": END})
    graph.add_edge("quality", END)
    graph.add_conditional_edges("tools", after_tools(names), {"model": "model", "end": END})
    return graph.compile(checkpointer=checkpointer)
