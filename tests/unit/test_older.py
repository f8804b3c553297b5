"""Inputs of clients before 1.0."""

from typing import Any

import pytest
from ag_ui.core import RunAgentInput

from backend.api.compat import upgrade_input


def _input(*parts: dict[str, Any]) -> dict[str, Any]:
    messages = [{"id": "1", "role": "user", "content": list(parts)}]
    return {"threadId": "t", "runId": "r", "messages": messages, "tools": [], "context": [], "forwardedProps": {}}


@pytest.mark.parametrize(
    ("part", "upgraded"),
    [
        (
            {"type": "binary", "mimeType": "image/png", "data": "aGk="},
            {"type": "image", "source": {"type": "data", "value": "aGk=", "mimeType": "image/png"}},
        ),
        (
            {"type": "binary", "mimeType": "audio/wav", "url": "https://example.com/a.wav"},
            {"type": "audio", "source": {"type": "url", "value": "https://example.com/a.wav", "mimeType": "audio/wav"}},
        ),
        (
            {"type": "binary", "mimeType": "application/pdf", "id": "file-1"},
            {"type": "document", "source": {"type": "file", "value": "file-1", "mimeType": "application/pdf"}},
        ),
        ({"type": "text", "text": "Hi"}, {"type": "text", "text": "Hi"}),
    ],
)
def test_binary_part_becomes_the_part_of_its_kind(part: dict[str, Any], upgraded: dict[str, Any]) -> None:
    read = RunAgentInput.model_validate(upgrade_input(_input(part)))
    (message,) = read.model_dump(mode="json", by_alias=True, exclude_none=True)["messages"]
    assert message["content"] == [upgraded]


@pytest.mark.parametrize("given", [None, [], {"messages": 5}, {"messages": [None, {"content": [None, 5]}]}])
def test_what_is_no_input_is_left_to_be_refused(given: Any) -> None:
    assert upgrade_input(given) == given
