from collections.abc import Sequence
from typing import Any

import jsonpatch
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call, tool_call_chunk

from agents.events import (
    AgentEvent,
    CustomData,
    GraphStopped,
    MessageReceived,
    PendingInterrupt,
    StateChanged,
    StepFinished,
    StepStarted,
)
from backend.runs.translator import Translator, to_agui_interrupt

Told = list[dict[str, Any]]


def _told(*facts: AgentEvent, close: bool = False) -> Told:
    translator = Translator(thread="t", run="r")
    events = [event for fact in facts for event in translator.feed(fact)]
    if close:
        events += list(translator.close())
    return [event.model_dump(mode="json", by_alias=True) for event in events]


def _chunk(content: str | list[Any] = "", *, id: str = "m", scope: str = "s", **more: Any) -> MessageReceived:  # noqa: A002
    return MessageReceived(scope, AIMessageChunk(content=content, id=id, **more), "p", "x")


def _call(args: str | None, *, index: int, name: str | None = None, call: str | None = None) -> MessageReceived:
    return _chunk(tool_call_chunks=[tool_call_chunk(name=name, args=args, id=call, index=index)])


def _types(told: Sequence[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in told]


def test_text_opens_with_its_first_piece_and_closes_with_the_last() -> None:
    assert _told(_chunk(""), _chunk("Hel"), _chunk("lo"), _chunk("", chunk_position="last")) == [
        {"type": "TEXT_MESSAGE_START", "messageId": "m", "role": "assistant"},
        {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": "Hel"},
        {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": "lo"},
        {"type": "TEXT_MESSAGE_END", "messageId": "m"},
    ]


def test_a_message_that_says_nothing_is_never_opened() -> None:
    assert _told(_chunk(""), _chunk("", chunk_position="last")) == []


def test_a_message_left_open_is_closed_with_its_step() -> None:
    told = _told(StepStarted("s", "model"), _chunk("Hi"), StepFinished("s", "model"))
    assert _types(told)[-2:] == ["TEXT_MESSAGE_END", "STEP_FINISHED"]


def test_messages_of_two_steps_at_once_stay_apart() -> None:
    told = _told(_chunk("a", id="1", scope="s1"), _chunk("b", id="2", scope="s2"), StepFinished("s1", "x"), close=True)
    ends = [event["messageId"] for event in told if event["type"] == "TEXT_MESSAGE_END"]
    assert ends == ["1", "2"]


def test_a_whole_message_is_told_whole() -> None:
    message = AIMessage("Done.", id="w", tool_calls=[tool_call(name="f", args={"a": 1}, id="c")])
    assert _types(_told(MessageReceived("s", message))) == [
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TOOL_CALL_START",
        "TOOL_CALL_ARGS",
        "TOOL_CALL_END",
        "TEXT_MESSAGE_END",
    ]


def test_a_person_who_is_echoed_by_a_node_is_not_told_again() -> None:
    assert _told(MessageReceived("s", HumanMessage("Hi", id="u"))) == []


def test_fragments_of_calls_written_in_turns_go_to_their_own_call() -> None:
    told = _told(
        _call("", index=0, name="f", call="c0"),
        _call("", index=1, name="g", call="c1"),
        _call('{"a"', index=0),
        _call('{"b"', index=1),
        _call(":1}", index=0),
        _call(":2}", index=1),
        close=True,
    )
    arguments = {
        call: "".join(e["delta"] for e in told if e["type"] == "TOOL_CALL_ARGS" and e["toolCallId"] == call)
        for call in ("c0", "c1")
    }
    assert arguments == {"c0": '{"a":1}', "c1": '{"b":2}'}
    assert sorted(e["toolCallId"] for e in told if e["type"] == "TOOL_CALL_END") == ["c0", "c1"]


def test_calls_that_share_an_index_are_told_one_after_the_other() -> None:
    told = _told(_call("{}", index=0, name="f", call="c0"), _call("{}", index=0, name="g", call="c1"), close=True)
    assert _types(told) == ["TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END"] * 2


def test_a_call_names_the_message_it_belongs_to() -> None:
    (start, *_) = _told(_call("{}", index=0, name="f", call="c"))
    assert start == {"type": "TOOL_CALL_START", "toolCallId": "c", "toolCallName": "f", "parentMessageId": "m"}


def test_reasoning_ends_before_the_answer_begins() -> None:
    told = _told(_chunk(additional_kwargs={"reasoning_content": "Hm."}), _chunk("Yes."), close=True)
    assert _types(told) == [
        "REASONING_START",
        "REASONING_MESSAGE_START",
        "REASONING_MESSAGE_CONTENT",
        "REASONING_MESSAGE_END",
        "REASONING_END",
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
    ]
    assert told[1]["role"] == "reasoning"


def test_reasoning_in_content_blocks_is_reasoning_too() -> None:
    blocks = [
        {"type": "thinking", "thinking": "A"},
        {"type": "reasoning", "reasoning": "B"},
        {"type": "reasoning", "summary": [{"text": "C"}]},
        {"type": "text", "text": "D"},
    ]
    told = _told(_chunk(blocks))
    thought = [event["delta"] for event in told if event["type"] == "REASONING_MESSAGE_CONTENT"]
    assert (thought, told[-1]["delta"]) == (["ABC"], "D")


def test_a_result_keeps_the_id_that_is_committed() -> None:
    message = ToolMessage("42", tool_call_id="c", id="result-1")
    assert _told(MessageReceived("s", message)) == [
        {"type": "TOOL_CALL_RESULT", "messageId": "result-1", "toolCallId": "c", "content": "42", "role": "tool"}
    ]


def test_a_node_that_runs_twice_at_once_is_one_step() -> None:
    told = _told(
        StepStarted("a", "worker"), StepStarted("b", "worker"), StepFinished("a", "worker"), StepFinished("b", "worker")
    )
    assert _types(told) == ["STEP_STARTED", "STEP_FINISHED"]


def test_state_is_told_whole_and_then_by_its_changes() -> None:
    snapshot, delta = _told(StateChanged({"n": 1}), StateChanged({"n": 1}), StateChanged({"n": 2, "x": [1]}))
    assert snapshot == {"type": "STATE_SNAPSHOT", "snapshot": {"n": 1}}
    assert delta["type"] == "STATE_DELTA"
    assert jsonpatch.apply_patch({"n": 1}, delta["delta"]) == {"n": 2, "x": [1]}


def test_what_a_node_says_by_itself_is_a_custom_event() -> None:
    assert _told(CustomData({"progress": 0.5})) == [{"type": "CUSTOM", "name": "langgraph", "value": {"progress": 0.5}}]


def test_the_end_closes_all_that_is_open_and_counts_what_was_used() -> None:
    used = UsageMetadata(
        input_tokens=5,
        output_tokens=2,
        total_tokens=7,
        input_token_details={"cache_read": 4},
        output_token_details={"reasoning": 1},
    )
    told = _told(
        StepStarted("s", "model"),
        _chunk("Hi", usage_metadata=used),
        _chunk("", id="n", usage_metadata=used),
        GraphStopped([HumanMessage("Yo", id="u"), AIMessage("Hi", id="m")]),
    )
    assert _types(told)[3:] == ["TEXT_MESSAGE_END", "STEP_FINISHED", "MESSAGES_SNAPSHOT", "RUN_FINISHED"]
    assert told[-1] == {
        "type": "RUN_FINISHED",
        "threadId": "t",
        "runId": "r",
        "outcome": {"type": "success"},
        "usage": [
            {
                "provider": "p",
                "model": "x",
                "inputTokens": 10,
                "outputTokens": 4,
                "totalTokens": 14,
                "reasoningTokens": 2,
                "cachedInputTokens": 8,
            }
        ],
    }


def test_calls_that_nobody_has_answered_are_pending() -> None:
    asked = AIMessage(
        "", id="m", tool_calls=[tool_call(name="f", args={}, id="a"), tool_call(name="g", args={}, id="b")]
    )
    told = _told(GraphStopped([asked, ToolMessage("1", tool_call_id="a", id="x")]))
    assert told[-1]["outcome"] == {"type": "success", "pendingToolCallIds": ["b"]}


def test_questions_end_the_run_as_an_interrupt() -> None:
    told = _told(GraphStopped([], [PendingInterrupt("q", "Sure?")]))
    assert told == [
        {
            "type": "RUN_FINISHED",
            "threadId": "t",
            "runId": "r",
            "outcome": {
                "type": "interrupt",
                "interrupts": [
                    {"id": "q", "reason": "input_required", "message": "Sure?", "metadata": {"value": "Sure?"}}
                ],
            },
        }
    ]


def test_a_question_in_the_protocols_own_words_keeps_them() -> None:
    value = {"reason": "tool_call", "message": "Run it?", "toolCallId": "c"}
    told = to_agui_interrupt(PendingInterrupt("q", value, {"type": "boolean"}))
    assert (told.reason, told.message, told.tool_call_id, told.response_schema) == (
        "tool_call",
        "Run it?",
        "c",
        {"type": "boolean"},
    )


def test_a_question_with_fields_of_the_wrong_kind_is_a_question_still() -> None:
    told = to_agui_interrupt(PendingInterrupt("q", {"reason": 5, "message": None}))
    assert (told.reason, told.message) == ("input_required", None)
