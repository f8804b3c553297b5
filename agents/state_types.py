"""Which types the states of served graphs may hold."""

import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from langchain_core import agents, documents, messages, outputs, prompt_values
from langgraph import types
from langgraph._internal._serde import collect_allowlist_from_schemas
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph

from storage.serializer import Serializer, find_modules

# LangChain's and LangGraph's own, whose types are data.
_PACKAGES = tuple(module.__name__ for module in (agents, documents, messages, outputs, prompt_values, types))
_INSTALLED = {"site-packages", "dist-packages"}


def allow_state_types(
    checkpointer: BaseCheckpointSaver[str],
    graph: CompiledStateGraph[Any, Any, Any, Any],
    *,
    folders: Collection[Path] = (),
    packages: Collection[str] = (),
) -> None:
    """Let a saver keep what a graph's state declares, and data classes of LangChain, of folders and of packages."""
    if not isinstance(checkpointer.serde, Serializer):
        return
    checkpointer.serde.allow_modules({*find_modules((*_PACKAGES, *packages)), *_modules_in(folders)})
    for each in (graph, *(nested for _, nested in graph.get_subgraphs(recurse=True))):
        schemas = list(each.builder.schemas) if isinstance(each, CompiledStateGraph) else []
        channels = dict(each.channels) if isinstance(each, CompiledStateGraph) else {}
        checkpointer.serde.with_msgpack_allowlist(collect_allowlist_from_schemas(schemas=schemas, channels=channels))


def _modules_in(folders: Collection[Path]) -> Iterator[str]:
    """The loaded modules of files in folders, but for the standard library and packages that are installed there."""
    roots = [folder.resolve() for folder in folders]
    for name, module in tuple(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or name.partition(".")[0] in sys.stdlib_module_names:
            continue
        path = Path(file).resolve()
        if any(path.is_relative_to(root) and _INSTALLED.isdisjoint(path.relative_to(root).parts) for root in roots):
            yield name
