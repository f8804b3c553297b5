"""How OpenAPI describes what a route answers, and what it answers when it does not do what was asked."""

from typing import Any

from pydantic import BaseModel, Field

from backend.errors import MEDIA_TYPE, Problem


class FieldError(BaseModel):
    field: str = Field(examples=["messages.0.content"])
    message: str = Field(examples=["Input should be a valid string"])


class ProblemBody(BaseModel):
    """RFC 9457. `code` is stable; docs/errors.md says what to do about each."""

    type: str = Field(examples=["urn:agenkit:problem:agent_not_found"])
    title: str = Field(examples=["Agent not found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["Unknown agent 'chatt'."])
    code: str = Field(examples=["agent_not_found"])
    errors: list[FieldError] | None = None


def example_response(example: Any, *, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for a route whose answer looks like this."""
    return {status: {"content": {"application/json": {"example": example}}}}


def problem_responses(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for a route that may answer these."""
    told: dict[int | str, dict[str, Any]] = {}
    for problem in problems:
        entry = told.setdefault(
            problem.status, {"description": "", "content": {MEDIA_TYPE: {"examples": {}}}, "model": ProblemBody}
        )
        entry["description"] = "; ".join(filter(None, [entry["description"], problem.title]))
        entry["content"][MEDIA_TYPE]["examples"][problem.code] = {
            "value": {
                "type": f"urn:agenkit:problem:{problem.code}",
                "title": problem.title,
                "status": problem.status,
                "detail": problem.title + ".",
                "code": problem.code,
            }
        }
    return told


_STREAM = """id: 1f6c2a90-1
data: {"type":"RUN_STARTED","threadId":"thread-1","runId":"run-1","protocolVersion":"1.0"}

id: 1f6c2a90-2
data: {"type":"STATE_SNAPSHOT","snapshot":{}}

id: 1f6c2a90-3
data: {"type":"TEXT_MESSAGE_START","messageId":"msg-1","role":"assistant"}

id: 1f6c2a90-4
data: {"type":"TEXT_MESSAGE_CONTENT","messageId":"msg-1","delta":"Paris."}

id: 1f6c2a90-5
data: {"type":"TEXT_MESSAGE_END","messageId":"msg-1"}

id: 1f6c2a90-6
data: {"type":"RUN_FINISHED","threadId":"thread-1","runId":"run-1","outcome":{"type":"success"}}

"""
# What a route answers that streams a run.
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "AG-UI events, one per server-sent event; `id` is the event's position in the run's log.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _STREAM}},
    }
}
