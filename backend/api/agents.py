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

from agents.base import AgentRuntime
from backend.api.examples import example_response, problem_responses
from backend.api.paging import Page, PageParams, page_by_name
from backend.dependencies import ResourcesDep
from backend.errors import AgentNotFound, InvalidInput
from graphs.quality.reviewer import DefaultReviewMode

router = APIRouter(prefix="/api/v1", tags=["agents"])


class Agent(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    id: str = Field(examples=["chat"])
    name: str = Field(examples=["Chat"])
    description: str = Field(examples=["Answers questions."])
    version: str = Field(examples=["1.0.0"])
    available: bool
    unavailable_reason: str | None = Field(None, description="Why it cannot answer now.")
    review_mode: DefaultReviewMode | None = Field(
        None, description="How its answers are read unless a request says otherwise; absent where none can."
    )


class AgentFilterParams(PageParams):
    available: bool | None = Field(None, description="Only those that can answer now, or only those that cannot.")


class AgentDetail(Agent):
    capabilities: AgentCapabilities
    examples: list[dict[str, Any]] = Field(description="Inputs to begin with, each a whole RunAgentInput.")


_ENTRY = {
    "id": "chat",
    "name": "Chat",
    "description": "Answers questions.",
    "version": "1.0.0",
    "available": True,
    "reviewMode": "off",
}


@router.get(
    "/agents",
    summary="List agents",
    response_model_exclude_none=True,
    responses={**example_response({"items": [_ENTRY]}), **problem_responses(InvalidInput)},
)
async def list_agents(resources: ResourcesDep, params: Annotated[AgentFilterParams, Query()]) -> Page[Agent]:
    entries = [Agent(**_agent_detail(agent)) for agent in resources.agents]
    wanted = [entry for entry in entries if params.available in (None, entry.available)]
    return page_by_name(wanted, params, lambda entry: entry.id)


@router.get(
    "/agents/{agent_id}",
    summary="Get an agent with its capabilities and examples",
    response_model_exclude_none=True,
    responses={
        **example_response(
            {
                **_ENTRY,
                "capabilities": {"transport": {"streaming": True}, "tools": {"supported": True}},
                "examples": [{"threadId": "example-1", "runId": "example-1-run-1", "messages": []}],
            }
        ),
        **problem_responses(AgentNotFound),
    },
)
async def get_agent(agent_id: str, resources: ResourcesDep) -> AgentDetail:
    agent = resources.agents.get(agent_id)
    return AgentDetail(**_agent_detail(agent), capabilities=_capabilities(agent), examples=_examples(agent))


def _agent_detail(runtime: AgentRuntime) -> dict[str, Any]:
    agent = runtime.agent
    return {
        "id": agent.id,
        "name": agent.name,
        "description": agent.description,
        "version": agent.version,
        "available": agent.unavailable_reason is None,
        "unavailable_reason": agent.unavailable_reason,
        "review_mode": None if agent.review_only else agent.review_mode,
    }


def _capabilities(runtime: AgentRuntime) -> AgentCapabilities:
    agent = runtime.agent
    tools = [Tool(name=tool.name, description=tool.description, parameters=tool.parameters) for tool in agent.tools]
    return AgentCapabilities(
        identity=IdentityCapabilities(
            name=agent.name, type="langgraph", description=agent.description, version=agent.version
        ),
        transport=TransportCapabilities(streaming=True, resumable=True),
        # A capability that is left out is one that only the agent's graph knows of.
        tools=ToolsCapabilities(
            supported=bool(tools) or agent.calls_client_tools if runtime.needs_model else None,
            items=tools or None,
            parallel_calls=agent.parallel_tool_calls,
            client_provided=agent.calls_client_tools,
        ),
        state=StateCapabilities(
            snapshots=True,
            deltas=runtime.shows_state,
            memory=agent.extracts_memories,
            persistent_state=runtime.shows_state,
        ),
        human_in_the_loop=HumanInTheLoopCapabilities(supported=agent.interrupts, interrupts=agent.interrupts),
    )


def _examples(agent: AgentRuntime) -> list[dict[str, Any]]:
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
        for number, text in enumerate(agent.agent.examples, 1)
    ]
