"""What a request brings, as an agent takes it. Pure."""

from collections.abc import Mapping
from typing import Any

from ag_ui.core import ResumeEntry, RunAgentInput
from pydantic import BaseModel

from agents.base import Turn
from agents.interrupts import DISMISSED
from backend.runs.messages import to_langchain
from graphs.context import Background, ClientTool

_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}


def turn_of(asked: RunAgentInput, wishes: BaseModel | None = None, *, recovers: bool = False) -> Turn:
    return Turn(
        wishes=wishes,
        recovers=recovers,
        messages=to_langchain(asked.messages),
        state=asked.state if isinstance(asked.state, dict) else {},
        resume={entry.interrupt_id: _answer(entry) for entry in asked.resume or ()},
        client_tools=[
            ClientTool(tool.name, tool.description, tool.parameters or _NO_PARAMETERS) for tool in asked.tools or ()
        ],
        background=[Background(entry.description, entry.value) for entry in asked.context or ()],
    )


def _answer(entry: ResumeEntry) -> Any:
    return entry.payload if entry.status == "resolved" else dict(DISMISSED)
