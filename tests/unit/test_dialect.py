from typing import Any

import pytest

from backend.runs.compat import converter_for, downgrade, keep_current

FINISHED = {"type": "RUN_FINISHED", "threadId": "t", "runId": "r"}
USAGE = [{"inputTokens": 1}]


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            {**FINISHED, "outcome": {"type": "cancelled"}, "usage": USAGE},
            {"type": "RUN_ERROR", "message": "The run was cancelled.", "code": "cancelled", "usage": USAGE},
        ),
        (
            {**FINISHED, "outcome": {"type": "success", "pendingToolCallIds": ["c"]}, "usage": USAGE},
            {**FINISHED, "outcome": {"type": "success"}, "usage": USAGE},
        ),
        (
            {**FINISHED, "outcome": {"type": "interrupt", "interrupts": [{"id": "i", "reason": "x"}]}},
            {**FINISHED, "outcome": {"type": "interrupt", "interrupts": [{"id": "i", "reason": "x"}]}},
        ),
        ({"type": "TEXT_MESSAGE_END", "messageId": "m"}, {"type": "TEXT_MESSAGE_END", "messageId": "m"}),
    ],
)
def test_older_clients_are_told_the_same_in_words_they_know(event: dict[str, Any], told: dict[str, Any]) -> None:
    assert downgrade(event) == told
    assert keep_current(event) is event


def test_files_that_older_clients_cannot_name_become_words() -> None:
    picture = {"type": "image", "source": {"type": "file", "value": "f1"}}
    linked = {"type": "image", "source": {"type": "url", "value": "https://example.org/a.png"}}
    message = {"id": "u", "role": "user", "content": [{"type": "text", "text": "Look"}, picture, linked]}
    plain = {"id": "a", "role": "assistant", "content": "I see."}
    told = downgrade({"type": "MESSAGES_SNAPSHOT", "messages": [message, plain]})
    assert told["messages"][0]["content"] == [
        {"type": "text", "text": "Look"},
        {"type": "text", "text": "[image]"},
        linked,
    ]
    assert told["messages"][1] == plain


def test_a_client_that_names_no_version_is_one_of_the_older() -> None:
    assert converter_for(None) is downgrade
    assert converter_for("1.0") is keep_current
