"""How a run ended whose log is kept no more: as much of it as its row and its thread tell."""

from collections.abc import Iterator, Mapping
from typing import Any

from ag_ui.core import (
    PROTOCOL_VERSION,
    BaseEvent,
    MessagesSnapshotEvent,
    RunErrorEvent,
    RunFinishedCancelledOutcome,
    RunFinishedEvent,
    RunStartedEvent,
    StateSnapshotEvent,
)

from agents.events import GraphStopped, ThreadSnapshot
from backend.runs.messages import to_agui
from backend.runs.translator import Translator
from storage.runs import RunRow

_ERROR_MESSAGE = "The run failed."


def ended_run_events(row: RunRow, snapshot: ThreadSnapshot) -> Iterator[Mapping[str, Any]]:
    for event in _events(row, snapshot):
        yield event.model_dump(mode="json", by_alias=True)


def _events(row: RunRow, snapshot: ThreadSnapshot) -> Iterator[BaseEvent]:
    yield RunStartedEvent(thread_id=row.thread, run_id=row.client_run_id, protocol_version=PROTOCOL_VERSION)
    yield StateSnapshotEvent(snapshot=snapshot.state)
    if row.status in {"success", "interrupt"}:
        yield from Translator(thread=row.thread, run=row.client_run_id).feed(
            GraphStopped(snapshot.messages, snapshot.interrupts)
        )
        return
    yield MessagesSnapshotEvent(messages=to_agui(snapshot.messages))
    if row.status == "cancelled":
        yield RunFinishedEvent(thread_id=row.thread, run_id=row.client_run_id, outcome=RunFinishedCancelledOutcome())
    else:
        yield RunErrorEvent(message=_ERROR_MESSAGE, code=row.error_code)
