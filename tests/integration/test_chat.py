from tests.server import Server, kinds, last, said, transcript


async def test_a_first_message_is_answered_as_one_well_formed_run(server: Server) -> None:
    events = await server.run(text="Hello there", thread="first", run="first-1")
    assert kinds(events) == [
        "RUN_STARTED",
        "STATE_SNAPSHOT",
        "STEP_STARTED",
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
        "STEP_FINISHED",
        "MESSAGES_SNAPSHOT",
        "RUN_FINISHED",
    ]
    begun = {"type": "RUN_STARTED", "threadId": "first", "runId": "first-1", "protocolVersion": "1.0"}
    assert {**events[0], "metadata": None} == {**begun, "metadata": None}
    assert said(events) == "You said: Hello there"
    assert transcript(events) == [("user", "Hello there"), ("assistant", "You said: Hello there")]
    assert events[-1]["outcome"] == {"type": "success"}
    usage = events[-1]["usage"]
    assert usage[0]["provider"] == "scripted"
    assert last(events, "TEXT_MESSAGE_START")["messageId"] == last(events, "MESSAGES_SNAPSHOT")["messages"][1]["id"]


async def test_a_second_message_goes_on_with_the_thread(server: Server) -> None:
    await server.run(text="One", thread="second")
    events = await server.run(text="Two", thread="second")
    assert transcript(events) == [
        ("user", "One"),
        ("assistant", "You said: One"),
        ("user", "Two"),
        ("assistant", "You said: Two"),
    ]
