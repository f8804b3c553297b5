"""A run as it stands and what came of it, as services are told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from backend.runs.rebuild import rebuild_state
from storage.runs import RunRow, Status

_NEW = ("TEXT_MESSAGE_START", "TOOL_CALL_RESULT")


class RunStatus(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    run_id: str = Field(examples=["run-1"])
    thread_id: str = Field(examples=["thread-1"])
    agent_id: str = Field(examples=["chat"])
    status: Status
    model: str | None = Field(None, description="The model that answered, or is to.")
    error: str | None = Field(None, description="The code of a run that failed (docs/errors.md).")
    usage: Sequence[Mapping[str, Any]] = ()
    created_at: datetime
    ended_at: datetime | None = None


class RunResult(RunStatus):
    """A run that has ended, and what it said."""

    messages: Sequence[Mapping[str, Any]] = Field((), description="AG-UI messages that are new since it began.")
    state: Any = None
    message: str | None = Field(None, description="What went wrong, for people.")
    verdict: Mapping[str, Any] | None = Field(None, description="What the review of its answer found.")
    interrupts: Sequence[Mapping[str, Any]] | None = Field(None, description="What it waits for an answer to.")


def status_of(row: RunRow) -> RunStatus:
    return RunStatus(
        run_id=row.client_run_id,
        thread_id=row.thread,
        agent_id=row.agent,
        status=row.status,
        model=row.model,
        error=row.error_code,
        usage=row.usage,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def result_of(row: RunRow, events: Sequence[Mapping[str, Any]]) -> RunResult:
    state = rebuild_state(events)
    new = {event["messageId"] for event in events if event["type"] in _NEW}
    new |= {event["parentMessageId"] for event in events if event["type"] == "TOOL_CALL_START"}
    last = state.terminal or {}
    outcome = last.get("outcome") or {}
    return RunResult(
        **status_of(row).model_dump(),
        messages=[message for message in state.messages if message["id"] in new],
        state=state.state,
        message=last.get("message"),
        verdict=(last.get("result") or {}).get("verdict"),
        interrupts=outcome.get("interrupts"),
    )
