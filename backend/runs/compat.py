"""The log holds AG-UI 1.0. Readers of the generation before it are told the same in the words that they know. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

Event = Mapping[str, Any]
Converter = Callable[[Event], Event]

CANCELLED = "The run was cancelled."


def keep_current(event: Event) -> Event:
    return event


def downgrade(event: Event) -> Event:
    """For clients of 0.0.59, which die of an outcome, a field or a source that they do not know."""
    match event["type"]:
        case "RUN_FINISHED":
            return _downgrade_finished(event)
        case "MESSAGES_SNAPSHOT":
            return {**event, "messages": [_without_files(message) for message in event["messages"]]}
    return event


def converter_for(protocol_version: str | None) -> Converter:
    """The dialect of a reader: the older clients name no version."""
    return keep_current if protocol_version else downgrade


def _downgrade_finished(event: Event) -> Event:
    match event.get("outcome"):
        case {"type": "cancelled"}:
            kept = {key: event[key] for key in ("timestamp", "usage") if key in event}
            return {"type": "RUN_ERROR", "message": CANCELLED, "code": "cancelled", **kept}
        case {"type": "success"}:
            return {**event, "outcome": {"type": "success"}}
    return event


def _without_files(message: Event) -> Event:
    content = message.get("content")
    if not isinstance(content, list):
        return message
    return {**message, "content": [_known(part) for part in content]}


def _known(part: Event) -> Event:
    if part.get("source", {}).get("type") == "file":
        return {"type": "text", "text": f"[{part['type']}]"}
    return part
