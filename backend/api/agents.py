from typing import Annotated, Any

from ag_ui.core import (
    AgentCapabilities,
    HumanInTheLoopCapabilities,
    IdentityCapabilities,
    StateCapabilities,
    Tool,
    ToolsCapabilities,
    TransportCapabilities,
)
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from agents.base import Served
from backend.api.examples import answers, shown
from backend.api.paging import Page, Part, within
from backend.dependencies import Has
from backend.errors import AgentNotFound, InvalidInput
from graphs.quality.gate import Quality

router = APIRouter(prefix="/api/v1", tags=["agents"])


class AgentEntry(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    id: str = Field(examples=["chat"])
    name: str = Field(examples=["Chat"])
    description: str = Field(examples=["Answers questions."])
    version: str = Field(examples=["1.0.0"])
    available: bool
    unavailable_reason: str | None = Field(None, description="Why it cannot answer now.")
    quality: Quality | None = Field(
        None, description="How its answers are read unless a request says otherwise; absent where none can."
    )


class AgentPart(Part):
    available: bool | None = Field(None, description="Only those that can answer now, or only those that cannot.")


class AgentDetail(AgentEntry):
    capabilities: AgentCapabilities
    examples: list[dict[str, Any]] = Field(description="Inputs to begin with, each a whole RunAgentInput.")


_ENTRY = {
    "id": "chat",
    "name": "Chat",
    "description": "Answers questions.",
    "version": "1.0.0",
    "available": True,
    "quality": "off",
}


@router.get(
    "/agents",
    summary="The agents there are",
    response_model_exclude_none=True,
    responses={**shown({"items": [_ENTRY]}), **answers(InvalidInput)},
)
async def list_agents(has: Has, part: Annotated[AgentPart, Query()]) -> Page[AgentEntry]:
    entries = [AgentEntry(**_told(served)) for served in has.agents]
    wanted = [entry for entry in entries if part.available in (None, entry.available)]
    return within(wanted, part, lambda entry: entry.id)


@router.get(
    "/agents/{agent_id}",
    summary="One agent, what it can do and how to begin",
    response_model_exclude_none=True,
    responses={
        **shown(
            {
                **_ENTRY,
                "capabilities": {"transport": {"streaming": True}, "tools": {"supported": True}},
                "examples": [{"threadId": "example-1", "runId": "example-1-run-1", "messages": []}],
            }
        ),
        **answers(AgentNotFound),
    },
)
async def show_agent(agent_id: str, has: Has) -> AgentDetail:
    served = has.agents.get(agent_id)
    return AgentDetail(**_told(served), capabilities=_capabilities(served), examples=_examples(served))


def _told(served: Served) -> dict[str, Any]:
    agent = served.agent
    return {
        "id": agent.id,
        "name": agent.name,
        "description": agent.description,
        "version": agent.version,
        "available": agent.unavailable is None,
        "unavailable_reason": agent.unavailable,
        "quality": None if agent.reads else agent.quality,
    }


def _capabilities(served: Served) -> AgentCapabilities:
    agent = served.agent
    tools = [Tool(name=tool.name, description=tool.description, parameters=tool.parameters) for tool in agent.tools]
    return AgentCapabilities(
        identity=IdentityCapabilities(
            name=agent.name, type="langgraph", description=agent.description, version=agent.version
        ),
        transport=TransportCapabilities(streaming=True, resumable=True),
        # A capability that is left out is one that only the agent's graph knows of.
        tools=ToolsCapabilities(
            supported=bool(tools) or agent.calls_client_tools if served.needs_model else None,
            items=tools or None,
            parallel_calls=agent.parallel_tool_calls,
            client_provided=agent.calls_client_tools,
        ),
        state=StateCapabilities(
            snapshots=True, deltas=served.shows_state, memory=agent.reflects, persistent_state=served.shows_state
        ),
        human_in_the_loop=HumanInTheLoopCapabilities(supported=agent.interrupts, interrupts=agent.interrupts),
    )


def _examples(served: Served) -> list[dict[str, Any]]:
    return [
        {
            "threadId": f"example-{number}",
            "runId": f"example-{number}-run-1",
            "protocolVersion": "1.0",
            "state": {},
            "messages": [{"id": f"example-{number}-1", "role": "user", "content": text}],
            "tools": [],
            "context": [],
            "forwardedProps": {},
        }
        for number, text in enumerate(served.agent.examples, 1)
    ]
