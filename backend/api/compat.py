"""Inputs of AG-UI clients before 1.0, as inputs of today."""

from collections.abc import Mapping
from typing import Any

# What media a part is of, by the first half of its type; anything else is a document.
_KINDS = {"image": "image", "audio": "audio", "video": "video"}


def upgrade_input(given: Any) -> Any:
    """A run's input with `binary` content parts as the media parts that took their place; the rest is left as it is."""
    if not isinstance(given, dict) or not isinstance(given.get("messages"), list):
        return given
    return {**given, "messages": [_message(message) for message in given["messages"]]}


def _message(message: Any) -> Any:
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        return message
    return {**message, "content": [_part(part) for part in message["content"]]}


def _part(part: Any) -> Any:
    match part:
        case {"type": "binary", "mimeType": str(mime_type)}:
            source = _source(part, mime_type)
            kind = _KINDS.get(mime_type.partition("/")[0], "document")
            # Without a source it stays what it is, and is refused by its name.
            return part if source is None else {"type": kind, "source": source}
    return part


def _source(part: Mapping[str, Any], mime_type: str) -> dict[str, Any] | None:
    for key, kind in (("data", "data"), ("url", "url"), ("id", "file")):
        if isinstance(value := part.get(key), str):
            return {"type": kind, "value": value, "mimeType": mime_type}
    return None
