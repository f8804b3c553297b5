from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.runs.rebuild import closing_events, join_rebuilt, rebuild_events, rebuild_state

Event = dict[str, Any]

STARTED: Event = {"type": "RUN_STARTED", "threadId": "t", "runId": "r", "protocolVersion": "1.0"}
FINISHED: Event = {"type": "RUN_FINISHED", "threadId": "t", "runId": "r", "outcome": {"type": "success"}}
RUN: Sequence[Event] = (
    STARTED,
    {"type": "STATE_SNAPSHOT", "snapshot": {"a": 1}},
    {"type": "STEP_STARTED", "stepName": "model"},
    {"type": "REASONING_START", "messageId": "q"},
    {"type": "REASONING_MESSAGE_START", "messageId": "q", "role": "reasoning"},
    {"type": "REASONING_MESSAGE_CONTENT", "messageId": "q", "delta": "Hm, "},
    {"type": "REASONING_MESSAGE_CONTENT", "messageId": "q", "delta": "well."},
    {"type": "REASONING_MESSAGE_END", "messageId": "q"},
    {"type": "REASONING_END", "messageId": "q"},
    {"type": "TEXT_MESSAGE_START", "messageId": "m", "role": "assistant"},
    {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": "Let me "},
    {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": "see."},
    {"type": "TOOL_CALL_START", "toolCallId": "c", "toolCallName": "add", "parentMessageId": "m"},
    {"type": "TOOL_CALL_ARGS", "toolCallId": "c", "delta": '{"a":'},
    {"type": "TOOL_CALL_ARGS", "toolCallId": "c", "delta": "1}"},
    {"type": "TOOL_CALL_END", "toolCallId": "c"},
    {"type": "TEXT_MESSAGE_END", "messageId": "m"},
    {"type": "STEP_FINISHED", "stepName": "model"},
    {"type": "STATE_DELTA", "delta": [{"op": "replace", "path": "/a", "value": 2}]},
    {"type": "TOOL_CALL_RESULT", "messageId": "o", "toolCallId": "c", "content": "2", "role": "tool"},
    {"type": "TEXT_MESSAGE_START", "messageId": "n", "role": "assistant"},
    {"type": "TEXT_MESSAGE_CONTENT", "messageId": "n", "delta": "It is 2."},
    {"type": "TEXT_MESSAGE_END", "messageId": "n"},
    {"type": "ACTIVITY_SNAPSHOT", "messageId": "n-review", "activityType": "review", "content": {"stage": "checking"}},
    {"type": "ACTIVITY_SNAPSHOT", "messageId": "n-review", "activityType": "review", "content": {"stage": "done"}},
    FINISHED,
)
CALL = {"id": "c", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}


def test_a_run_is_folded_into_what_its_client_holds() -> None:
    state = rebuild_state(RUN)
    assert state.messages == [
        {"id": "q", "role": "reasoning", "content": "Hm, well."},
        {"id": "m", "role": "assistant", "content": "Let me see.", "toolCalls": [CALL]},
        {"id": "o", "role": "tool", "toolCallId": "c", "content": "2"},
        {"id": "n", "role": "assistant", "content": "It is 2."},
    ]
    assert (state.state, state.open, state.terminal) == ({"a": 2}, {}, FINISHED)


def test_of_what_stands_beside_messages_the_newest_word_counts() -> None:
    told = [event["content"] for event in rebuild_events(RUN) if event["type"] == "ACTIVITY_SNAPSHOT"]
    assert told == [{"stage": "done"}]


@pytest.mark.parametrize("cut", range(len(RUN) + 1))
def test_what_stands_for_a_beginning_leads_to_the_same_end(cut: int) -> None:
    stand = rebuild_events(RUN[:cut])
    assert rebuild_state([*stand, *RUN[cut:]]) == rebuild_state(RUN)
    assert rebuild_events([*rebuild_events(stand)]) == stand
    # Everything that is open is opened again, and once.
    opened = [event for event in stand if event["type"].endswith(("_START", "STEP_STARTED"))]
    assert opened == list(rebuild_state(RUN[:cut]).open.values())


@pytest.mark.parametrize("cut", range(len(RUN)))
def test_closing_leaves_nothing_open(cut: int) -> None:
    begun = rebuild_state(RUN[:cut])
    ends = list(closing_events(begun))
    assert len(ends) == len(begun.open)
    assert rebuild_state([*RUN[:cut], *ends]).open == {}


def test_a_snapshot_counts_and_leaves_what_only_a_client_keeps() -> None:
    snapshot = {"type": "MESSAGES_SNAPSHOT", "messages": [{"id": "u", "role": "user", "content": "Hi"}]}
    state = rebuild_state([*RUN[:12], snapshot])
    assert [message["id"] for message in state.messages] == ["u", "q"]


def test_what_was_before_a_run_comes_first_and_what_it_says_counts() -> None:
    before = [{"id": "u", "role": "user", "content": "Hi"}, {"id": "m", "role": "assistant", "content": "Let"}]
    after = [
        {"id": "m", "role": "assistant", "content": "Let me see."},
        {"id": "n", "role": "assistant", "content": ""},
    ]
    assert [message["content"] for message in join_rebuilt(before, after)] == ["Hi", "Let me see.", ""]
    events = list(rebuild_state(RUN[:11]).events(before))
    assert [message["id"] for message in events[1]["messages"]] == ["u", "m", "q"]


@given(st.lists(st.sampled_from(range(len(RUN))), max_size=4).map(sorted))
def test_folding_again_and_again_changes_nothing(cuts: list[int]) -> None:
    events: list[Any] = []
    for start, end in zip([0, *cuts], [*cuts, len(RUN)], strict=True):
        events = [*rebuild_events(events), *RUN[start:end]]
    assert rebuild_state(events) == rebuild_state(RUN)
