"""Going on with a run whose process has died, from its thread's last checkpoint."""

from collections.abc import Mapping, Sequence
from typing import Any

from ag_ui.core import RunAgentInput
from pydantic import BaseModel

from agents.base import Served
from agents.registry import Registry
from backend.runs.execute import Asked, Choice
from backend.runs.fold import Message
from backend.runs.gates import Gates
from backend.runs.messages import to_agui
from backend.runs.turn import turn_of
from llm.factory import ModelFactory
from storage.runs import LostRun


def kept(asked: Asked) -> Mapping[str, Any]:
    """What is stored of a request, as JSON: its exact input, and what was decided of it. It lives with its thread."""
    turn = asked.turn
    return {
        "input": asked.input.model_dump(mode="json", by_alias=True, exclude_none=True),
        "model": asked.choice.model,
        "profile": asked.choice.profile,
        "quality": asked.choice.quality,
        "onDisconnect": asked.on_disconnect,
        "wishes": None if turn.wishes is None else turn.wishes.model_dump(mode="json", by_alias=True),
    }


class NoInput(LookupError):
    """A run whose input is not stored cannot be run again."""


class Heirs:
    """Makes of a lost run one that can be driven here."""

    def __init__(self, agents: Registry, models: ModelFactory, gates: Gates) -> None:
        self._agents = agents
        self._models = models
        self._gates = gates

    async def said(self, agent: str, thread: str) -> Sequence[Message]:
        """The messages of a thread, known by its internal id, as AG-UI's."""
        standing = await self._agents.get(agent).standing(thread)
        return [
            message.model_dump(mode="json", by_alias=True, exclude_none=True) for message in to_agui(standing.messages)
        ]

    async def asked(self, lost: LostRun) -> Asked:
        """Raises what a request for it would: `UnknownAgent`, `UnknownModel`, `NoModel`; `NoInput`."""
        row, told = lost.row, lost.asked
        if "input" not in told:
            raise NoInput("The run was begun by an earlier version, which did not store its input")
        served, given = self._agents.get(row.agent), RunAgentInput.model_validate(told["input"])
        choice = Choice(told["model"], told["profile"], told.get("quality", "off"))
        candidate = None
        if served.needs_model:
            candidate = await self._models.candidate(model=choice.model, profile=choice.profile or served.agent.profile)
        wishes = _wishes(served, told.get("wishes"))
        return Asked(
            caller=lost.caller,
            thread=row.thread,
            run=row.key,
            parent_run=given.parent_run_id,
            served=served,
            turn=turn_of(given, wishes, recovers=True),
            input=given,
            candidate=candidate,
            choice=choice,
            digest=row.request,
            gate=await self._gates.of_run(choice.quality, served, candidate, wishes),
            # Nobody is attached yet, and whoever was will come back.
            on_disconnect="continue",
        )


def _wishes(served: Served, told: Any) -> BaseModel | None:
    """What the request said to the agent; it was found good before."""
    kind = served.agent.wishes
    return None if kind is None or told is None else kind.model_validate(told)
