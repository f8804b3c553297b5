"""What a request brings, as an agent takes it. Pure."""

from collections.abc import Mapping
from typing import Any

from ag_ui.core import ResumeEntry, RunAgentInput
from pydantic import BaseModel

from agents.base import GraphInput
from agents.interrupts import DISMISSED
from backend.runs.messages import to_langchain
from graphs.context import ClientTool, ContextItem

_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}


def build_graph_input(
    run_input: RunAgentInput, options: BaseModel | None = None, *, is_recovery: bool = False
) -> GraphInput:
    return GraphInput(
        options=options,
        is_recovery=is_recovery,
        messages=to_langchain(run_input.messages),
        state=run_input.state if isinstance(run_input.state, dict) else {},
        resume={entry.interrupt_id: _resume_entry(entry) for entry in run_input.resume or ()},
        client_tools=[
            ClientTool(tool.name, tool.description, tool.parameters or _NO_PARAMETERS) for tool in run_input.tools or ()
        ],
        client_context=[ContextItem(entry.description, entry.value) for entry in run_input.context or ()],
    )


def _resume_entry(entry: ResumeEntry) -> Any:
    return entry.payload if entry.status == "resolved" else dict(DISMISSED)
