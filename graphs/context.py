from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from artifacts.workspace import RunWorkspace
from graphs.quality.reviewer import Reviewer
from llm.factory import ModelChain


@dataclass(frozen=True, slots=True)
class ClientTool:
    """A tool that the client runs. `parameters` is a JSON Schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ContextItem:
    """Something that the client wants the model to know, apart from the conversation."""

    description: str
    value: str


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a run hands to the nodes of a graph that declares it as its `context_schema`."""

    models: ModelChain
    workspace: RunWorkspace
    # What the request says to this agent beside its words: an instance of what the agent declares.
    options: BaseModel | None = None
    # What it is read by; `None` where nobody reads it.
    reviewer: Reviewer | None = None
    client_tools: Sequence[ClientTool] = ()
    client_context: Sequence[ContextItem] = ()
