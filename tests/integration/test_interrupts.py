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
    resume = [_resolved(asked, True)]
    events = await server.run("approval", messages=[go], thread="ask-full", resume=resume)
    assert transcript(events) == [("user", "Go"), ("assistant", "money: True")]


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
    events = await server.run("approval", thread="ask-one", resume=[_resolved(money, True)])
    assert transcript(events)[-1] == ("assistant", "money: True; name: Ann")


async def test_a_dismissed_question_tells_the_node_so(server: Server) -> None:
    (asked,) = _asked(await server.run("approval", text="Go", thread="ask-no"))
    resume = [{"interruptId": asked["id"], "status": "cancelled"}]
    events = await server.run("approval", thread="ask-no", resume=resume)
    assert transcript(events)[-1] == ("assistant", "money: {'status': 'cancelled'}")


async def test_an_answer_without_a_payload_is_an_answer(server: Server) -> None:
    asked = _asked(await server.run("approval", text="both", thread="ask-null"))
    money, name = sorted(asked, key=lambda i: i["reason"])
    resume = [_resolved(money, True), {"interruptId": name["id"], "status": "resolved"}]
    events = await server.run("approval", thread="ask-null", resume=resume)
    assert transcript(events)[-1] == ("assistant", "money: True; name: None")


async def test_a_plain_message_on_an_interrupted_thread_gets_the_question_again(server: Server) -> None:
    (asked,) = _asked(await server.run("approval", text="Go", thread="ask-again"))
    events = await server.run("approval", text="Hello?", thread="ask-again")
    assert _asked(events) == [asked]
    assert kinds(events) == ["RUN_STARTED", "STATE_SNAPSHOT", "MESSAGES_SNAPSHOT", "RUN_FINISHED"]
    assert transcript(events) == [("user", "Go")]


async def _refused(server: Server, thread: str, **entry: Any) -> tuple[int, str, list[str]]:
    async with server.client() as client:
        body = run_input(thread=thread, resume=[entry])
        refused = (await client.post("/api/v1/chat/approval", json=body)).json()
    return refused["status"], refused["code"], [error["field"] for error in refused.get("errors", ())]


async def test_answer_to_no_question_is_refused(server: Server) -> None:
    (asked,) = _asked(await server.run("approval", text="Go", thread="ask-other"))
    nothing = {"interruptId": "nothing", "status": "resolved", "payload": 1}
    assert await _refused(server, "ask-other", **nothing) == (422, "invalid_input", ["resume.0.interruptId"])
    assert await _refused(server, "never-used", **nothing) == (422, "invalid_input", ["resume"])
    await server.run("approval", thread="ask-other", resume=[_resolved(asked, True)])
    again = _resolved(asked, True)
    assert await _refused(server, "ask-other", **again) == (409, "interrupt_answered", [])


async def test_answer_that_does_not_fit_the_schema_is_refused_and_the_right_one_counts(server: Server) -> None:
    (asked,) = _asked(await server.run("approval", text="Go", thread="ask-shape"))
    wrong = _resolved(asked, "perhaps")
    assert await _refused(server, "ask-shape", **wrong) == (422, "invalid_input", ["resume.0.payload"])
    events = await server.run("approval", thread="ask-shape", resume=[_resolved(asked, False)])
    assert transcript(events)[-1] == ("assistant", "money: False")


async def test_answer_that_a_node_cannot_take_leaves_the_question_open(server: Server) -> None:
    money, name = sorted(_asked(await server.run("strict", text="Go", thread="ask-raise")), key=lambda i: i["message"])
    first = await server.run("strict", thread="ask-raise", resume=[_resolved(money, {"amount": 3})])
    assert _asked(first) == [name]
    failed = await server.run("strict", thread="ask-raise", resume=[_resolved(name, "no object")])
    assert (failed[-1]["type"], failed[-1]["code"]) == ("RUN_ERROR", "internal")
    events = await server.run("strict", thread="ask-raise", resume=[_resolved(name, {"name": "Ann"})])
    assert transcript(events)[-1] == ("assistant", "3 for Ann")


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
    assert (refused.status_code, refused.json()["code"]) == (409, "thread_awaiting_input")
    await server.run("approval", thread="ask-two", resume=[_resolved(asked, True)])
    assert transcript(await server.run(text="Hi", thread="ask-two"))[-1] == ("assistant", "You said: Hi")
