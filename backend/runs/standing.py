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

from agents.facts import Halted, Standing
from backend.runs.messages import to_agui
from backend.runs.translate import Translator
from storage.runs import RunRow

_FAILED = "The run failed."


def ended(row: RunRow, standing: Standing) -> Iterator[Mapping[str, Any]]:
    for event in _events(row, standing):
        yield event.model_dump(mode="json", by_alias=True)


def _events(row: RunRow, standing: Standing) -> Iterator[BaseEvent]:
    yield RunStartedEvent(thread_id=row.thread, run_id=row.key, protocol_version=PROTOCOL_VERSION)
    yield StateSnapshotEvent(snapshot=standing.state)
    if row.status in {"success", "interrupt"}:
        yield from Translator(thread=row.thread, run=row.key).feed(Halted(standing.messages, standing.questions))
        return
    yield MessagesSnapshotEvent(messages=to_agui(standing.messages))
    if row.status == "cancelled":
        yield RunFinishedEvent(thread_id=row.thread, run_id=row.key, outcome=RunFinishedCancelledOutcome())
    else:
        yield RunErrorEvent(message=_FAILED, code=row.error_code)
