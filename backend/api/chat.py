from typing import Annotated, Any

from ag_ui.core import RunAgentInput
from fastapi import APIRouter, Body, Request
from pydantic import BeforeValidator
from sse_starlette import EventSourceResponse

from backend.api.compat import upgrade_input
from backend.api.examples import STREAM, problem_responses
from backend.api.run_requests import REQUEST_PROBLEMS, build_run_request
from backend.api.runs import parse_last_event_id
from backend.api.streams import run_stream_response
from backend.dependencies import CallerDep, ResourcesDep
from backend.runs.compat import converter_for
from observability.logs import bind

router = APIRouter(prefix="/api/v1", tags=["chat"])


_EXAMPLES: dict[str, Any] = {
    "first message": {
        "summary": "A first message",
        "value": {
            "threadId": "thread-1",
            "runId": "run-1",
            "protocolVersion": "1.0",
            "state": {},
            "messages": [{"id": "m1", "role": "user", "content": "What is the capital of France?"}],
            "tools": [],
            "context": [],
            "forwardedProps": {},
        },
    },
    "a model by name": {
        "summary": "A model by name",
        "value": {
            "threadId": "thread-1",
            "runId": "run-2",
            "messages": [{"id": "m2", "role": "user", "content": "And of Spain?"}],
            "tools": [],
            "context": [],
            "forwardedProps": {"model": "embedded:smollm2"},
        },
    },
    "an answer to a question": {
        "summary": "An answer to a question that interrupted the thread",
        "value": {
            "threadId": "thread-1",
            "runId": "run-3",
            "messages": [],
            "tools": [],
            "context": [],
            "resume": [{"interruptId": "5f0c…", "status": "resolved", "payload": True}],
        },
    },
}


@router.post(
    "/chat/{agent_id}",
    summary="Run an agent and stream its AG-UI events",
    response_class=EventSourceResponse,
    responses={
        **STREAM,
        **problem_responses(*REQUEST_PROBLEMS),
    },
)
async def run_agent(
    agent_id: str,
    run_input: Annotated[RunAgentInput, BeforeValidator(upgrade_input), Body(openapi_examples=_EXAMPLES)],
    request: Request,
    caller: CallerDep,
    resources: ResourcesDep,
) -> EventSourceResponse:
    bind(thread_id=run_input.thread_id, run_id=run_input.run_id)
    after = parse_last_event_id(request.headers.get("Last-Event-ID"))
    request.state.agent_id = resources.agents.get(agent_id).agent.id
    subscriber = await resources.run_service.start_run(await build_run_request(agent_id, run_input, caller, resources))
    if after is not None:
        subscriber.after = after
    return run_stream_response(resources, subscriber, converter_for(run_input.protocol_version))
