from typing import Any

import pytest
from ag_ui.core import RunAgentInput
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from backend.runs.graph_input import build_graph_input
from backend.runs.messages import to_agui, to_langchain


def _input(messages: list[dict[str, Any]], **more: Any) -> RunAgentInput:
    return RunAgentInput.model_validate({"threadId": "t", "runId": "r", "messages": messages, **more})


def _there_and_back(message: dict[str, Any]) -> list[dict[str, Any]]:
    converted = to_agui(to_langchain(_input([message]).messages))
    return [told.model_dump(mode="json", by_alias=True) for told in converted]


@pytest.mark.parametrize(
    "message",
    [
        {"id": "1", "role": "user", "content": "Hi"},
        {"id": "1", "role": "user", "content": "Hi", "name": "Ann"},
        {
            "id": "1",
            "role": "user",
            "content": [
                {"type": "text", "text": "Look"},
                {"type": "image", "source": {"type": "url", "value": "https://example.org/a.png"}},
                {"type": "image", "source": {"type": "url", "value": "https://example.org/a", "mimeType": "image/png"}},
                {"type": "audio", "source": {"type": "data", "value": "AAAA", "mimeType": "audio/wav"}},
                {"type": "document", "source": {"type": "file", "value": "file-1"}},
            ],
        },
        {"id": "1", "role": "system", "content": "Be brief."},
        {"id": "1", "role": "developer", "content": "Be brief."},
        {
            "id": "1",
            "role": "assistant",
            "content": "Let me see.",
            "toolCalls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}],
        },
        {"id": "1", "role": "tool", "toolCallId": "c", "content": "42"},
        {"id": "1", "role": "tool", "toolCallId": "c", "content": "It failed", "error": "It failed"},
    ],
)
def test_a_message_is_the_same_there_and_back(message: dict[str, Any]) -> None:
    assert _there_and_back(message) == [message]


@pytest.mark.parametrize(
    "message",
    [
        {"id": "1", "role": "activity", "activityType": "note", "content": {}},
        {"id": "1", "role": "reasoning", "content": "Hm."},
    ],
)
def test_what_is_only_shown_is_left_out(message: dict[str, Any]) -> None:
    assert _there_and_back(message) == []


def test_a_claimed_call_whose_arguments_do_not_parse_has_none() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": '}}
    (message,) = to_langchain(_input([{"id": "1", "role": "assistant", "toolCalls": [call]}]).messages)
    assert isinstance(message, AIMessage)
    assert message.tool_calls[0]["args"] == {}


def test_a_result_of_parts_is_text_to_a_model_and_to_a_client() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    (message,) = to_langchain(_input([{"id": "1", "role": "tool", "toolCallId": "c", "content": parts}]).messages)
    assert message.content == "a\nb"
    (told,) = to_agui([ToolMessage([{"type": "text", "text": "ü"}], tool_call_id="c", id="1")])
    assert told.content == '[{"type": "text", "text": "ü"}]'


def test_a_call_that_was_not_understood_is_shown_as_it_was_written() -> None:
    broken = AIMessage(
        "",
        id="1",
        invalid_tool_calls=[{"type": "invalid_tool_call", "name": "f", "args": "{oops", "id": "c", "error": None}],
    )
    (told,) = to_agui([broken])
    assert told.model_dump()["tool_calls"][0]["function"] == {"name": "f", "arguments": "{oops"}


def test_a_message_of_no_role_that_clients_know_is_left_out() -> None:
    unknown = HumanMessage([{"type": "image_url", "image_url": {"url": "x"}}, "plain"], id="1")
    (told,) = to_agui([unknown])
    assert told.model_dump(mode="json", by_alias=True)["content"] == [{"type": "text", "text": "plain"}]


def test_a_turn_holds_everything_that_a_request_brings() -> None:
    graph_input = build_graph_input(
        _input(
            [{"id": "1", "role": "system", "content": "S"}],
            state={"n": 1},
            tools=[
                {"name": "f", "description": "F", "parameters": {"type": "object"}},
                {"name": "g", "description": ""},
            ],
            context=[{"description": "City", "value": "Ulm"}],
            resume=[
                {"interruptId": "a", "status": "resolved", "payload": 5},
                {"interruptId": "b", "status": "cancelled", "payload": 6},
            ],
        )
    )
    assert graph_input.messages == [SystemMessage("S", id="1")]
    assert graph_input.state == {"n": 1}
    assert [tool.name for tool in graph_input.client_tools] == ["f", "g"]
    assert graph_input.client_tools[1].parameters == {"type": "object", "properties": {}}
    assert (graph_input.client_context[0].description, graph_input.client_context[0].value) == ("City", "Ulm")
    assert graph_input.resume == {"a": 5, "b": {"status": "cancelled"}}


def test_a_state_that_is_no_object_is_no_state() -> None:
    assert build_graph_input(_input([], state="x")).state == {}
