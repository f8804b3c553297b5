from typing import Annotated, Any

from ag_ui.core import RunAgentInput
from fastapi import APIRouter, Body, Request
from pydantic import BeforeValidator
from sse_starlette import EventSourceResponse

from backend.api.asking import REFUSALS, asked_for
from backend.api.examples import STREAM, answers
from backend.api.older import upgrade_input
from backend.api.runs import position
from backend.api.streams import streamed
from backend.dependencies import Has, Who
from backend.runs.dialect import spoken_by
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
        **answers(*REFUSALS),
    },
)
async def chat(
    agent_id: str,
    asked: Annotated[RunAgentInput, BeforeValidator(upgrade_input), Body(openapi_examples=_EXAMPLES)],
    request: Request,
    who: Who,
    has: Has,
) -> EventSourceResponse:
    bind(thread_id=asked.thread_id, run_id=asked.run_id)
    after = position(request.headers.get("Last-Event-ID"))
    request.state.agent_id = has.agents.get(agent_id).agent.id
    reader = await has.live.open(await asked_for(agent_id, asked, who, has))
    if after is not None:
        reader.after = after
    return streamed(has, reader, spoken_by(asked.protocol_version))
