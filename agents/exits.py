"""Nodes, and whatever they call, that try to end the process end their run instead."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context, ContextVar
from typing import Any, NoReturn

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel._read import DEFAULT_BOUND, PregelNode

_guards_tasks: ContextVar[bool] = ContextVar("guards_tasks", default=False)


class NodeExited(RuntimeError):
    """A node, or what it calls, called `sys.exit()`, or raised what only a person at a terminal may."""


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
    return graph.copy({"nodes": {name: _wrap_node(name, node) for name, node in graph.nodes.items()}})


def _wrap_node(name: str, node: PregelNode) -> PregelNode:
    if node.bound is DEFAULT_BOUND:
        return node
    if isinstance(node.bound, CompiledStateGraph):
        guarded = guard_exits(node.bound)
        # LangGraph finds nested graphs by this list.
        return node.copy({"bound": guarded, "subgraphs": [guarded]})
    return node.copy({"bound": ExitGuard(node.bound, name)})


class GuardedCoroutine(Coroutine[Any, Any, Any]):
    """Runs a coroutine that is a task of its own: one of a graph, a tool or a function that a node calls.

    Out of a task, an exit goes straight through the event loop; no `except` of those who wait for the task sees it.
    """

    def __init__(self, inner: Coroutine[Any, Any, Any]) -> None:
        self._inner = inner
        self.__name__ = getattr(inner, "__name__", "task")
        self.__qualname__ = getattr(inner, "__qualname__", self.__name__)

    def send(self, value: Any) -> Any:
        try:
            return self._inner.send(value)
        except (SystemExit, KeyboardInterrupt) as error:
            self._refuse(error)

    def throw(self, *error: Any) -> Any:
        try:
            return self._inner.throw(*error)
        except (SystemExit, KeyboardInterrupt) as exit_error:
            self._refuse(exit_error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Any:
        return self._inner.__await__()

    def _refuse(self, error: BaseException) -> NoReturn:
        raise NodeExited(f"{self.__qualname__!r} tried to end the process: {error!r}") from error


def guard_tasks() -> None:
    """Guard every task that is made from here on in this context, and in those that are made of it."""
    loop = asyncio.get_running_loop()
    if loop.get_task_factory() is not _create_task:
        loop.set_task_factory(_create_task)
    _guards_tasks.set(True)


def _create_task(
    loop: asyncio.AbstractEventLoop, coro: Any, *, context: Context | None = None, **more: Any
) -> asyncio.Task[Any]:
    guards = _guards_tasks.get() if context is None else context.get(_guards_tasks, False)
    return asyncio.Task(GuardedCoroutine(coro) if guards else coro, loop=loop, context=context, **more)
