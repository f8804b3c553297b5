from typing import Any

from tests.server import Event, Server, kinds, last, said, transcript, user

PAINT = {"name": "paint", "description": "Paints the wall.", "parameters": {"type": "object", "properties": {}}}


def _of(events: list[Event], kind: str, call: str) -> list[Event]:
    return [event for event in events if event["type"] == kind and event["toolCallId"] == call]


async def test_a_tool_of_ours_runs_and_the_model_answers_with_its_result(server: Server) -> None:
    events = await server.run(text="Work out 0.1 + 0.2")
    assert kinds(events) == [
        "RUN_STARTED",
        "STATE_SNAPSHOT",
        "STEP_STARTED",
        "TOOL_CALL_START",
        "TOOL_CALL_ARGS",
        "TOOL_CALL_END",
        "STEP_FINISHED",
        "STEP_STARTED",
        "TOOL_CALL_RESULT",
        "STEP_FINISHED",
        "STEP_STARTED",
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
        "STEP_FINISHED",
        "MESSAGES_SNAPSHOT",
        "RUN_FINISHED",
    ]
    assert (
        "".join(event["delta"] for event in _of(events, "TOOL_CALL_ARGS", "call-sum")) == '{"expression": "0.1 + 0.2"}'
    )
    assert said(events) == "The tool says 0.3."
    messages = last(events, "MESSAGES_SNAPSHOT")["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant"]
    assert messages[1]["id"] == last(events, "TOOL_CALL_START")["parentMessageId"]
    assert messages[2]["id"] == last(events, "TOOL_CALL_RESULT")["messageId"]


async def test_two_tools_at_once_stay_apart(server: Server) -> None:
    events = await server.run(text="Work out and shift")
    first = "".join(event["delta"] for event in _of(events, "TOOL_CALL_ARGS", "call-a"))
    second = "".join(event["delta"] for event in _of(events, "TOOL_CALL_ARGS", "call-b"))
    assert (first, second) == ('{"expression": "6 * 7"}', '{"start": "2026-11-20", "days": 1}')
    assert _of(events, "TOOL_CALL_RESULT", "call-a")[0]["content"] == "42"
    assert _of(events, "TOOL_CALL_RESULT", "call-b")[0]["content"].startswith("2026-11-21T00:00:00+00:00 (Saturday")


async def test_a_tool_of_the_clients_ends_the_run_and_its_result_goes_on(server: Server) -> None:
    paint = user("Paint the wall")
    events = await server.run(thread="paint", messages=[paint], tools=[PAINT])
    assert events[-1]["outcome"] == {"type": "success", "pendingToolCallIds": ["call-paint"]}
    assert not _of(events, "TOOL_CALL_RESULT", "call-paint")
    result = {"id": "painted", "role": "tool", "toolCallId": "call-paint", "content": "a green wall"}
    call = last(events, "MESSAGES_SNAPSHOT")["messages"][-1]
    events = await server.run(thread="paint", messages=[paint, call, result], tools=[PAINT])
    assert said(events) == "The tool says a green wall."
    assert events[-1]["outcome"] == {"type": "success"}


async def test_ours_runs_before_the_run_ends_for_the_clients(server: Server) -> None:
    events = await server.run(thread="both", text="Both please", tools=[PAINT])
    assert _of(events, "TOOL_CALL_RESULT", "call-ours")[0]["content"] == "1024"
    assert events[-1]["outcome"]["pendingToolCallIds"] == ["call-theirs"]
    result = {"id": "painted-red", "role": "tool", "toolCallId": "call-theirs", "content": "a red wall"}
    events = await server.run(thread="both", messages=[result], tools=[PAINT])
    assert said(events) == "The tool says a red wall."


async def test_a_message_instead_of_the_pending_result_is_answered(server: Server) -> None:
    await server.run(thread="instead", text="Paint the wall", tools=[PAINT])
    events = await server.run(thread="instead", text="Never mind", tools=[PAINT])
    assert transcript(events)[-1] == ("assistant", "You said: Never mind")


async def test_arguments_that_are_no_json_are_told_to_the_model(server: Server) -> None:
    events = await server.run(text="Garble the arguments")
    assert "no JSON" in last(events, "TOOL_CALL_RESULT")["content"]
    assert said(events).startswith("The tool says The arguments are no JSON object.")
    assert events[-1]["outcome"] == {"type": "success"}


async def test_a_tool_that_nobody_offered_is_said_not_to_be_there(server: Server) -> None:
    events = await server.run(text="Paint the wall")
    assert last(events, "TOOL_CALL_RESULT")["content"] == "There is no tool 'paint'."
    assert events[-1]["outcome"] == {"type": "success"}


async def test_reasoning_is_told_apart_from_the_answer(server: Server) -> None:
    events = await server.run(text="Think hard")
    order = [kind for kind in kinds(events) if kind.startswith(("REASONING", "TEXT"))]
    assert order == [
        "REASONING_START",
        "REASONING_MESSAGE_START",
        "REASONING_MESSAGE_CONTENT",
        "REASONING_MESSAGE_END",
        "REASONING_END",
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
    ]
    thought = "".join(event["delta"] for event in events if event["type"] == "REASONING_MESSAGE_CONTENT")
    assert (thought, said(events)) == ("First this, then that. ", "Done thinking.")


async def test_a_model_without_tools_answers_without_them(server: Server) -> None:
    await server.run(thread="toolless", text="Work out 0.1 + 0.2")
    events = await server.run(thread="toolless", text="And now?", model="scripted:toolless", tools=[PAINT])
    assert said(events) == "Without tools: And now?"


async def test_what_a_client_says_of_its_application_reaches_the_model(server: Server) -> None:
    context: list[dict[str, Any]] = [{"description": "The user's city", "value": "Ulm"}]
    words = "What the application around this conversation says: The user's city: Ulm"
    plain = last(await server.run(text="Hi"), "RUN_FINISHED")["usage"][0]["inputTokens"]
    told = last(await server.run(text="Hi", context=context), "RUN_FINISHED")["usage"][0]["inputTokens"]
    assert told == plain + len(words.split())
