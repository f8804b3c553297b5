"""Going on with a run whose process has died, from its thread's last checkpoint."""

from collections.abc import Mapping, Sequence
from typing import Any

from ag_ui.core import RunAgentInput
from pydantic import BaseModel

from agents.base import AgentRuntime
from agents.registry import AgentRegistry
from backend.runs.execution import ModelSelection, RunRequest
from backend.runs.graph_input import build_graph_input
from backend.runs.messages import to_agui
from backend.runs.rebuild import Message
from backend.runs.reviewers import Reviewers
from llm.factory import ModelFactory
from storage.runs import LostRun


def stored_request(request: RunRequest) -> Mapping[str, Any]:
    """What is stored of a request, as JSON: its exact input, and what was decided of it. It lives with its thread."""
    graph_input = request.graph_input
    return {
        "input": request.input.model_dump(mode="json", by_alias=True, exclude_none=True),
        "model": request.selection.model,
        "profile": request.selection.profile,
        "reviewMode": request.selection.review_mode,
        "onDisconnect": request.on_disconnect,
        "options": None if graph_input.options is None else graph_input.options.model_dump(mode="json", by_alias=True),
    }


class InputMissing(LookupError):
    """A run whose input is not stored cannot be run again."""


class RecoveredRequests:
    """Makes of a lost run one that can be driven here."""

    def __init__(self, agents: AgentRegistry, models: ModelFactory, reviewers: Reviewers) -> None:
        self._agents = agents
        self._models = models
        self._gates = reviewers

    async def snapshot(self, agent: str, thread: str) -> Sequence[Message]:
        """The messages of a thread, known by its internal id, as AG-UI's."""
        snapshot = await self._agents.get(agent).snapshot(thread)
        return [
            message.model_dump(mode="json", by_alias=True, exclude_none=True) for message in to_agui(snapshot.messages)
        ]

    async def build_run_request(self, lost: LostRun) -> RunRequest:
        """Raises what a request for it would: `UnknownAgent`, `UnknownModel`, `NoModel`; `NoInput`."""
        row, told = lost.row, lost.request_json
        if "input" not in told:
            raise InputMissing("The run was begun by an earlier version, which did not store its input")
        agent, given = self._agents.get(row.agent), RunAgentInput.model_validate(told["input"])
        selection = ModelSelection(told["model"], told["profile"], told.get("reviewMode", "off"))
        models = None
        if agent.needs_model:
            models = await self._models.select(model=selection.model, profile=selection.profile or agent.agent.profile)
        options = _agent_options(agent, told.get("options"))
        return RunRequest(
            caller=lost.caller,
            thread=row.thread,
            run=row.client_run_id,
            parent_run=given.parent_run_id,
            agent=agent,
            graph_input=build_graph_input(given, options, is_recovery=True),
            input=given,
            models=models,
            selection=selection,
            digest=row.request,
            reviewer=await self._gates.for_run(selection.review_mode, agent, models, options),
            # Nobody is attached yet, and whoever was will come back.
            on_disconnect="continue",
        )


def _agent_options(agent: AgentRuntime, told: Any) -> BaseModel | None:
    """What the request said to the agent; it was found good before."""
    kind = agent.agent.options
    return None if kind is None or told is None else kind.model_validate(told)
