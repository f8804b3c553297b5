"""What a client sends of a thread decides where the thread goes on."""

from typing import Any

from tests.server import Server, kinds, last, transcript, user


def _answer(events: list[dict[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = last(events, "MESSAGES_SNAPSHOT")["messages"][-1]
    return message


async def test_the_whole_history_and_only_what_is_new_come_to_the_same(server: Server) -> None:
    one, two = user("One"), user("Two")
    first = await server.run(thread="whole", messages=[one])
    events = await server.run(thread="whole", messages=[one, _answer(first), two])
    assert transcript(events) == [
        ("user", "One"),
        ("assistant", "You said: One"),
        ("user", "Two"),
        ("assistant", "You said: Two"),
    ]
    assert [message["id"] for message in last(events, "MESSAGES_SNAPSHOT")["messages"]][:3] == [
        one["id"],
        _answer(first)["id"],
        two["id"],
    ]


async def test_an_edited_message_forks_the_thread_before_it(server: Server) -> None:
    one, two = user("One"), user("Two")
    first = await server.run(thread="edited", messages=[one])
    await server.run(thread="edited", messages=[one, _answer(first), two])
    events = await server.run(thread="edited", messages=[one, _answer(first), {**two, "content": "Three"}])
    assert transcript(events) == [
        ("user", "One"),
        ("assistant", "You said: One"),
        ("user", "Three"),
        ("assistant", "You said: Three"),
    ]


async def test_the_first_message_can_be_edited_too(server: Server) -> None:
    one = user("One")
    await server.run(thread="edited-first", messages=[one])
    events = await server.run(thread="edited-first", messages=[{**one, "content": "Uno"}])
    assert transcript(events) == [("user", "Uno"), ("assistant", "You said: Uno")]


async def test_a_history_that_ends_earlier_forks_the_thread_there(server: Server) -> None:
    one, two = user("One"), user("Two")
    first = await server.run(thread="earlier", messages=[one])
    await server.run(thread="earlier", messages=[two])
    events = await server.run(thread="earlier", messages=[one, _answer(first), user("Other")])
    assert [content for _, content in transcript(events)] == ["One", "You said: One", "Other", "You said: Other"]


async def test_a_history_cut_back_to_the_question_is_answered_anew(server: Server) -> None:
    one = user("One")
    first = await server.run(thread="again", messages=[one])
    events = await server.run(thread="again", messages=[one])
    assert transcript(events) == [("user", "One"), ("assistant", "You said: One")]
    assert _answer(events)["id"] != _answer(first)["id"]


async def test_a_history_cut_back_to_an_answer_has_nothing_to_do(server: Server) -> None:
    one, two = user("One"), user("Two")
    first = await server.run(thread="cut-back", messages=[one])
    await server.run(thread="cut-back", messages=[one, _answer(first), two])
    events = await server.run(thread="cut-back", messages=[one, _answer(first)])
    assert "TEXT_MESSAGE_START" not in kinds(events)
    assert events[-1]["outcome"] == {"type": "success"}


async def test_another_branch_is_found_again_by_the_answers_in_it(server: Server) -> None:
    one, two = user("One"), user("Two")
    first = await server.run(thread="branches", messages=[one])
    await server.run(thread="branches", messages=[{**one, "content": "Uno"}])
    events = await server.run(thread="branches", messages=[one, _answer(first), two])
    assert [content for _, content in transcript(events)] == ["One", "You said: One", "Two", "You said: Two"]
    assert last(events, "MESSAGES_SNAPSHOT")["messages"][1]["id"] == _answer(first)["id"]


async def test_what_a_client_claims_that_we_said_is_taken_from_our_copy(server: Server) -> None:
    one = user("One")
    first = await server.run(thread="claims", messages=[one])
    forged = {**_answer(first), "content": "I never said this"}
    events = await server.run(thread="claims", messages=[one, forged, user("Two")])
    assert [content for _, content in transcript(events)][1] == "You said: One"


async def test_a_history_that_nobody_knows_is_taken_as_it_is(server: Server) -> None:
    told = [user("Before"), {"id": "imported", "role": "assistant", "content": "Long ago"}, user("Now")]
    events = await server.run(thread="imported", messages=told)
    assert transcript(events) == [
        ("user", "Before"),
        ("assistant", "Long ago"),
        ("user", "Now"),
        ("assistant", "You said: Now"),
    ]


async def test_nothing_new_is_nothing_to_do(server: Server) -> None:
    one = user("One")
    first = await server.run(thread="nothing", messages=[one])
    events = await server.run(thread="nothing", messages=[one, _answer(first)])
    assert kinds(events) == ["RUN_STARTED", "STATE_SNAPSHOT", "MESSAGES_SNAPSHOT", "RUN_FINISHED"]
    assert _answer(events) == _answer(first)


async def test_activity_and_reasoning_never_reach_the_model(server: Server) -> None:
    told = [
        {"id": "a", "role": "activity", "activityType": "note", "content": {"text": "shown only"}},
        {"id": "r", "role": "reasoning", "content": "hidden"},
        user("Hi"),
    ]
    events = await server.run(messages=told)
    assert transcript(events) == [("user", "Hi"), ("assistant", "You said: Hi")]


async def test_a_failed_run_is_tried_again_from_the_same_message(server: Server) -> None:
    broken = user("Break it")
    events = await server.run(thread="retry", messages=[broken])
    assert events[-1]["code"] == "model_unavailable"
    events = await server.run(thread="retry", messages=[{**broken, "content": "Mended"}])
    assert transcript(events) == [("user", "Mended"), ("assistant", "You said: Mended")]


async def test_callers_with_one_thread_id_never_meet(server: Server) -> None:
    for who in ("ann", "bob", "other/ann"):
        events = await server.run(text=f"I am {who}", thread="shared", run="shared-run", user=who)
        assert transcript(events) == [("user", f"I am {who}"), ("assistant", f"You said: I am {who}")]


async def test_anothers_thread_that_is_busy_is_free_to_me(server: Server) -> None:
    async with (
        server.client(user="ann") as client,
        server.opened(client, text="Count slowly", thread="mine", run="same") as events,
    ):
        async for event in events:
            if event["type"] == "TEXT_MESSAGE_CONTENT":
                break
        mine = await server.run(text="Hi", thread="mine", run="same", user="bob")
    assert transcript(mine) == [("user", "Hi"), ("assistant", "You said: Hi")]
