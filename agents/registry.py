import difflib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from agents.base import (
    AgentRuntime,
    BaseAgent,
    Checkpointer,
    CompiledGraph,
    Graph,
    GraphBuilder,
    allow_nested_without_checkpointer,
)
from agents.canvas import CanvasAgent
from agents.chat import ChatAgent
from agents.exits import guard_exits
from agents.overrides import AgentOverrides, apply_overrides
from agents.quality import QualityAgent
from agents.state_types import allow_state_types
from llm.call_counter import CallCounter

# Ours. An agent of a developer's goes here too, or into an installed package, or comes as a graph from a file.
AGENTS: Sequence[type[BaseAgent]] = (ChatAgent, CanvasAgent, QualityAgent)

_ENTRY_POINTS = "agenkit.agents"
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class UnknownAgent(LookupError):
    def __init__(self, asked: str, known: Sequence[str]) -> None:
        super().__init__(f"Unknown agent {asked!r}")
        self.asked = asked
        self.known = known
        self.near = tuple(difflib.get_close_matches(asked, known, n=3, cutoff=0.5))


class InvalidAgent(ValueError):
    """An agent that the settings or an installed package name, and that cannot be served. Stops the start-up."""


@dataclass(frozen=True, slots=True)
class GraphFile:
    """A compiled LangGraph graph in a file, as in `path/to/module.py:graph`."""

    id: str
    path: Path
    name: str

    # The project that it is of, where a `langgraph.json` names it.
    project: Path | None = None

    @classmethod
    def parse(cls, text: str) -> "Sequence[GraphFile]":
        """Read `id=path/to/module.py:graph`, or a project folder or its `langgraph.json`: all graphs that it names.

        Raises `ValueError`.
        """
        if "=" not in text:
            return cls._parse_project(Path(text.strip()))
        agent_id, _, place = text.partition("=")
        return [cls._parse_parts(agent_id.strip(), place.strip(), text)]

    @classmethod
    def _parse_project(cls, path: Path) -> "Sequence[GraphFile]":
        file = path / "langgraph.json" if path.is_dir() else path
        try:
            named = json.loads(file.read_text())["graphs"].items()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{str(path)!r} is no project: expected id=path/to/module.py:graph, or a folder with a langgraph.json "
                f"that has graphs ({type(error).__name__})"
            ) from None
        folder = file.parent
        return [
            replace(graph, path=folder / graph.path, project=folder)
            for agent_id, place in named
            for graph in [
                cls._parse_parts(agent_id, place["path"] if isinstance(place, dict) else str(place), str(file))
            ]
        ]

    @classmethod
    def _parse_parts(cls, agent_id: str, place: str, text: str) -> "GraphFile":
        path, colon, name = place.rpartition(":")
        if not (colon and path and name.isidentifier() and _ID.fullmatch(agent_id)):
            raise ValueError(f"{text!r} is no graph: expected id=path/to/module.py:graph")
        return cls(agent_id, Path(path.strip()), name)

    @property
    def import_folders(self) -> Sequence[Path]:
        """Where its module finds those beside it."""
        project = [self.project, self.project / "src"] if self.project is not None else []
        return [folder.absolute() for folder in (self.path.parent, *project) if folder.is_dir()]


class FileAgent(BaseAgent):
    """A graph that knows nothing of us."""

    def __init__(self, file: GraphFile) -> None:
        self.id = file.id  # type: ignore[misc]  # one class, many agents
        self.name = file.id.replace("_", " ").replace("-", " ").capitalize()  # type: ignore[misc]
        self.description = f"The graph {file.name!r} of {file.path.name}."  # type: ignore[misc]
        self.version = "0"  # type: ignore[misc]
        self._file = file

    def build(self, checkpointer: Checkpointer) -> Graph:
        graph = _load_graph(self._file)
        allow_state_types(checkpointer, graph, folders=self._file.import_folders, packages=[_module_name(self._file)])
        # Whatever it was compiled with: threads are kept where we keep them.
        return graph.copy(update={"checkpointer": checkpointer})


def _module_name(file: GraphFile) -> str:
    return f"agenkit_graph_{file.id}"


def _load_graph(file: GraphFile) -> Graph:
    spec = spec_from_file_location(_module_name(file), file.path)
    if spec is None or spec.loader is None or not file.path.is_file():
        raise InvalidAgent(f"The agent {file.id!r} has no Python file at {str(file.path)!r}")
    # Behind all that is there: a module of theirs must not take the place of one of ours.
    sys.path.extend(str(folder) for folder in file.import_folders if str(folder) not in sys.path)
    module = module_from_spec(spec)
    # Where dataclasses and annotations look their module up.
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # somebody's module: whatever it raises
        raise InvalidAgent(
            f"The agent {file.id!r} cannot be loaded from {str(file.path)!r}: {type(error).__name__}: {error}"
        ) from error
    graph = getattr(module, file.name, None)
    if isinstance(graph, GraphBuilder):
        graph = graph.compile()
    if not isinstance(graph, CompiledGraph):
        raise InvalidAgent(f"The agent {file.id!r} is no graph: {file.name!r} in {str(file.path)!r}")
    return graph


class AgentRegistry:
    """The agents that are served, each with its graph, built once."""

    def __init__(self, served: Iterable[AgentRuntime]) -> None:
        self._served = {each.agent.id: each for each in served}

    def __iter__(self) -> Iterator[AgentRuntime]:
        return iter(self._served.values())

    def get(self, agent_id: str) -> AgentRuntime:
        try:
            return self._served[agent_id]
        except KeyError:
            raise UnknownAgent(agent_id, tuple(self._served)) from None


def build_registry(
    files: Sequence[GraphFile],
    checkpointer: Checkpointer,
    call_counter: Callable[[], CallCounter] | None = None,
    overrides: Mapping[str, AgentOverrides] | None = None,
) -> AgentRegistry:
    """Ours, those of installed packages, those of files.

    Raises `BadAgent` where two have one id, and `BadOverrides`.
    """
    allow_nested_without_checkpointer()
    agents = [*(kind() for kind in AGENTS), *_installed_agents(), *map(FileAgent, files)]
    for agent_id, count in _check_unique_ids(agents).items():
        if count > 1 or not _ID.fullmatch(agent_id):
            raise InvalidAgent(f"The agent id {agent_id!r} is no id, or is given to {count} agents")
    apply_overrides(agents, overrides or {})
    return AgentRegistry(
        # Ours call no models but the factory's, which count by themselves.
        _build_runtime(agent, checkpointer, None if type(agent) in AGENTS else call_counter)
        for agent in agents
    )


def _build_runtime(
    agent: BaseAgent, checkpointer: Checkpointer, call_counter: Callable[[], CallCounter] | None
) -> AgentRuntime:
    graph = agent.build(checkpointer)
    if graph.checkpointer is not checkpointer:
        raise InvalidAgent(f"The agent {agent.id!r} builds its graph without the checkpointer that it is given")
    if not isinstance(agent, FileAgent):
        modules = (type(agent).__module__, graph.builder.state_schema.__module__)
        allow_state_types(checkpointer, graph, packages=[module.partition(".")[0] for module in modules])
    return AgentRuntime(agent, guard_exits(graph), call_counter)


def _installed_agents() -> Iterator[BaseAgent]:
    for entry in entry_points(group=_ENTRY_POINTS):
        made = entry.load()()
        if not isinstance(made, BaseAgent):
            raise InvalidAgent(f"The entry point {entry.name!r} of {_ENTRY_POINTS} gives no agent")
        yield made


def _check_unique_ids(agents: Iterable[BaseAgent]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for agent in agents:
        counts[agent.id] = counts.get(agent.id, 0) + 1
    return counts
