"""What it costs to have each checkpoint written before the next step begins: `make bench`.

A graph of three nodes of 20 ms each, over PostgreSQL behind a proxy that holds each answer back by 0 or 40 ms; runs
with `sync` and with LangGraph's default, `async`, in turn.
"""

import asyncio
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Durability
from sqlalchemy import URL

from storage.checkpoints import open_checkpoints
from storage.settings import StorageSettings
from tests.proxy import proxying
from tests.services import start_postgres

_RUNS, _WARM_UP, _NODES, _NODE_SECONDS = 20, 2, 3, 0.02
_MODES: tuple[Durability, ...] = ("sync", "async")


async def _node(state: MessagesState) -> dict[str, Any]:
    await asyncio.sleep(_NODE_SECONDS)
    return {"messages": [AIMessage("x" * 200)]}


async def _measure(postgres: URL, delay: float, data: Path) -> dict[Durability, float]:
    with proxying(postgres) as proxy:
        settings = StorageSettings.model_validate({"data_dir": data, "database_url": proxy.url, "migrate": "on"})
        async with open_checkpoints(settings) as checkpoints:
            proxy.delay = delay
            graph, before = StateGraph(MessagesState), START
            for name in (f"node-{at}" for at in range(_NODES)):
                graph.add_node(name, _node)
                graph.add_edge(before, name)
                before = name
            compiled = graph.compile(checkpointer=checkpoints.saver)
            seconds: dict[Durability, list[float]] = {mode: [] for mode in _MODES}
            for run in range(_WARM_UP + _RUNS):
                for mode in _MODES:
                    began = time.perf_counter()
                    await compiled.ainvoke(
                        {"messages": [HumanMessage("Hi")]},
                        {"configurable": {"thread_id": f"{delay}-{run}-{mode}"}},
                        durability=mode,
                    )
                    seconds[mode].append(time.perf_counter() - began)
            return {mode: median(times[_WARM_UP:]) for mode, times in seconds.items()}


async def main() -> None:
    with start_postgres() as postgres, TemporaryDirectory() as data:
        for delay in (0.0, 0.04):
            times = await _measure(postgres, delay, Path(data))
            told = ", ".join(f"{mode} {times[mode] * 1000:.0f} ms" for mode in _MODES)
            print(f"{delay * 1000:.0f} ms to PostgreSQL: {told}; sync costs {times['sync'] / times['async'] - 1:+.0%}")


if __name__ == "__main__":
    asyncio.run(main())
