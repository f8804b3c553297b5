"""Nodes that try to end the process end their run instead."""

from typing import Any, NoReturn

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel._read import DEFAULT_BOUND, PregelNode


class NodeExited(RuntimeError):
    """A node called `sys.exit()`, or raised what only a person at a terminal may."""


class ExitGuard(Runnable[Any, Any]):
    """Runs what a node runs. An exit would pass through every task and end the event loop of the whole server."""

    def __init__(self, bound: Runnable[Any, Any], node: str) -> None:
        self.bound = bound
        self.node = node

    def invoke(self, input: Any, config: RunnableConfig | None = None, **more: Any) -> Any:  # noqa: A002  # LangChain's
        try:
            return self.bound.invoke(input, config, **more)
        except (SystemExit, KeyboardInterrupt) as error:
            self._refuse(error)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **more: Any) -> Any:  # noqa: A002  # LangChain's
        try:
            return await self.bound.ainvoke(input, config, **more)
        except (SystemExit, KeyboardInterrupt) as error:
            self._refuse(error)

    def _refuse(self, error: BaseException) -> NoReturn:
        raise NodeExited(f"The node {self.node!r} tried to end the process: {error!r}") from error


def guard_exits(graph: CompiledStateGraph[Any, Any, Any, Any]) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The same graph, with its nodes guarded, and those of graphs that are nodes of it."""
    return graph.copy({"nodes": {name: _guarded(name, node) for name, node in graph.nodes.items()}})


def _guarded(name: str, node: PregelNode) -> PregelNode:
    if node.bound is DEFAULT_BOUND:
        return node
    if isinstance(node.bound, CompiledStateGraph):
        guarded = guard_exits(node.bound)
        # LangGraph finds nested graphs by this list.
        return node.copy({"bound": guarded, "subgraphs": [guarded]})
    return node.copy({"bound": ExitGuard(node.bound, name)})
