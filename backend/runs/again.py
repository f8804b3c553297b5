"""Going on with a run whose process has died, from its thread's last checkpoint."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from agents.base import Served, Turn
from agents.registry import Registry
from backend.runs.execute import Asked, Choice
from backend.runs.fold import Message
from backend.runs.gates import Gates
from backend.runs.messages import to_agui
from graphs.context import Background, ClientTool
from llm.factory import ModelFactory
from storage.runs import LostRun


def kept(asked: Asked) -> Mapping[str, Any]:
    """What another process needs of a request, beside its row and the thread, as JSON."""
    turn = asked.turn
    return {
        "model": asked.choice.model,
        "profile": asked.choice.profile,
        "quality": asked.choice.quality,
        "parentRun": asked.parent_run,
        "onDisconnect": asked.on_disconnect,
        "tools": [[tool.name, tool.description, dict(tool.parameters)] for tool in turn.client_tools],
        "wishes": None if turn.wishes is None else turn.wishes.model_dump(mode="json", by_alias=True),
        "context": [[entry.description, entry.value] for entry in turn.background],
    }


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

    async def asked(self, lost: LostRun) -> Asked | None:
        """`None` where the thread has nothing of the run yet: what it was to answer died with its process.

        Raises what a request for it would: `UnknownAgent`, `UnknownModel`, `NoModel`.
        """
        row, told = lost.row, lost.asked
        served = self._agents.get(row.agent)
        newest = await served.history(row.thread_id, before=None, limit=1)
        if not newest or datetime.fromisoformat(newest[0].made_at) < row.created_at:
            return None
        choice = Choice(told["model"], told["profile"], told.get("quality", "off"))
        candidate = None
        if served.needs_model:
            candidate = await self._models.candidate(model=choice.model, profile=choice.profile or served.agent.profile)
        turn = Turn(
            client_tools=[ClientTool(*tool) for tool in told["tools"]],
            background=[Background(*entry) for entry in told["context"]],
            wishes=_wishes(served, told.get("wishes")),
            goes_on=True,
        )
        return Asked(
            caller=lost.caller,
            thread=row.thread,
            run=row.key,
            parent_run=told["parentRun"],
            served=served,
            turn=turn,
            candidate=candidate,
            choice=choice,
            digest=row.request,
            gate=await self._gates.of_run(choice.quality, served, candidate, turn.wishes),
            # Nobody is attached yet, and whoever was will come back.
            on_disconnect="continue",
        )


def _wishes(served: Served, told: Any) -> BaseModel | None:
    """What the request said to the agent; it was found good before."""
    kind = served.agent.wishes
    return None if kind is None or told is None else kind.model_validate(told)
