"""A node may ask a person; the run ends, and another one brings the answer."""

from typing import Any

from tests.server import Server, kinds, last, run_input, transcript, user


def _asked(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert events[-1]["outcome"]["type"] == "interrupt"
    interrupts: list[dict[str, Any]] = events[-1]["outcome"]["interrupts"]
    return interrupts


def _resolved(interrupt: dict[str, Any], payload: Any) -> dict[str, Any]:
    return {"interruptId": interrupt["id"], "status": "resolved", "payload": payload}


async def test_a_question_ends_the_run_and_its_answer_goes_on(server: Server) -> None:
    (asked,) = _asked(await server.run("approval", text="Go", thread="ask"))
    assert asked["reason"] == "confirmation"
    assert asked["message"] == "Spend it?"
    assert asked["responseSchema"] == {"type": "boolean"}
    events = await server.run("approval", thread="ask", resume=[_resolved(asked, True)])
    assert events[-1]["outcome"] == {"type": "success"}
    assert transcript(events) == [("user", "Go"), ("assistant", "money: True")]


async def test_the_full_history_may_come_with_the_answer(server: Server) -> None:
    go = user("Go")
    (asked,) = _asked(await server.run("approval", messages=[go], thread="ask-full"))
    resume = [_resolved(asked, {"amount": 3})]
    events = await server.run("approval", messages=[go], thread="ask-full", resume=resume)
    assert transcript(events) == [("user", "Go"), ("assistant", "money: {'amount': 3}")]


async def test_several_questions_are_answered_at_once(server: Server) -> None:
    money, name = sorted(
        _asked(await server.run("approval", text="both", thread="ask-both")), key=lambda i: i["reason"]
    )
    assert name["message"] == "Whose name?"
    resume = [_resolved(name, "Ann"), _resolved(money, False)]
    events = await server.run("approval", thread="ask-both", resume=resume)
    assert transcript(events)[-1] == ("assistant", "money: False; name: Ann")


async def test_a_question_left_open_is_asked_again(server: Server) -> None:
    money, name = sorted(_asked(await server.run("approval", text="both", thread="ask-one")), key=lambda i: i["reason"])
    (left,) = _asked(await server.run("approval", thread="ask-one", resume=[_resolved(name, "Ann")]))
    assert left["id"] == money["id"]
    events = await server.run("approval", thread="ask-one", resume=[_resolved(money, 1)])
    assert transcript(events)[-1] == ("assistant", "money: 1; name: Ann")


async def test_a_dismissed_question_tells_the_node_so(server: Server) -> None:
    (asked,) = _asked(await server.run("approval", text="Go", thread="ask-no"))
    resume = [{"interruptId": asked["id"], "status": "cancelled"}]
    events = await server.run("approval", thread="ask-no", resume=resume)
    assert transcript(events)[-1] == ("assistant", "money: {'status': 'cancelled'}")


async def test_an_answer_without_a_payload_is_an_answer(server: Server) -> None:
    (asked,) = _asked(await server.run("approval", text="Go", thread="ask-null"))
    resume = [{"interruptId": asked["id"], "status": "resolved"}]
    events = await server.run("approval", thread="ask-null", resume=resume)
    assert transcript(events)[-1] == ("assistant", "money: None")


async def test_a_plain_message_on_an_interrupted_thread_gets_the_question_again(server: Server) -> None:
    (asked,) = _asked(await server.run("approval", text="Go", thread="ask-again"))
    events = await server.run("approval", text="Hello?", thread="ask-again")
    assert _asked(events) == [asked]
    assert kinds(events) == ["RUN_STARTED", "STATE_SNAPSHOT", "MESSAGES_SNAPSHOT", "RUN_FINISHED"]
    assert transcript(events) == [("user", "Go")]


async def test_an_answer_to_no_question_is_passed_over(server: Server) -> None:
    resume = [{"interruptId": "nothing", "status": "resolved", "payload": 1}]
    events = await server.run(thread="unasked", resume=resume)
    assert kinds(events) == ["RUN_STARTED", "STATE_SNAPSHOT", "RUN_FINISHED"]


async def test_state_is_shown_whole_and_then_as_it_changes(server: Server) -> None:
    events = await server.run("approval", text="Go", thread="state", state={"budget": 5, "done": [], "foreign": 1})
    assert last(events, "STATE_SNAPSHOT")["snapshot"] == {}
    deltas = [event["delta"] for event in events if event["type"] == "STATE_DELTA"]
    assert {"op": "add", "path": "/budget", "value": 5} in deltas[0]
    assert [{"op": "replace", "path": "/budget", "value": 4}] in deltas
    (asked,) = _asked(events)
    # The client sends the state back that it was shown: a list that grows must not grow by that.
    events = await server.run(
        "approval", thread="state", state={"budget": 4, "done": []}, resume=[_resolved(asked, True)]
    )
    assert last(events, "STATE_SNAPSHOT")["snapshot"] == {"budget": 4, "done": []}
    assert [{"op": "add", "path": "/done/0", "value": "money: True"}] in [
        event["delta"] for event in events if event["type"] == "STATE_DELTA"
    ]


async def test_another_agent_does_not_speak_over_an_open_question(server: Server) -> None:
    (asked,) = _asked(await server.run("approval", text="Go", thread="ask-two"))
    async with server.client() as client:
        refused = await client.post("/api/v1/chat/chat", json=run_input("Hi", thread="ask-two"))
    assert (refused.status_code, refused.json()["code"]) == (409, "thread_waits")
    await server.run("approval", thread="ask-two", resume=[_resolved(asked, True)])
    assert transcript(await server.run(text="Hi", thread="ask-two"))[-1] == ("assistant", "You said: Hi")
