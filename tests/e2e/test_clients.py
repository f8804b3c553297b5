"""The server as front ends meet it: through `@ag-ui/client` as it is now, and as most of them still have it."""

from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.scenario import Client, Run, Step, opened, step
from tests.server import Event, kinds, last, said, transcript, user

PAINT = {
    "name": "paint",
    "description": "Paints the wall",
    "parameters": {"type": "object", "properties": {"colour": {"type": "string"}}},
}

COUNTED = "one two three four five six seven eight "


@pytest.fixture
def thread() -> str:
    return f"thread-{uuid4().hex}"


def resolved(payload: object) -> dict[str, Any]:
    return {"status": "resolved", "payload": payload}


def call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def painted(call_id: str) -> dict[str, Any]:
    """What the application says of a call that it has carried out."""
    return {"id": f"answer to {call_id}", "role": "tool", "toolCallId": call_id, "content": "painted"}


def finished(run: Run) -> Event:
    outcome: Event = last(run.wire, "RUN_FINISHED")["outcome"]
    return outcome


def left_to(client: Client, *calls: str) -> Event:
    """The outcome that leaves calls to the application; the older clients find them by themselves."""
    return {"type": "success"} if client.is_older else {"type": "success", "pendingToolCallIds": list(calls)}


def test_a_first_message_is_answered(client: Client, thread: str) -> None:
    (run,) = client.play(step("Hello", open=opened(thread)))
    assert kinds(run.seen) == [
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
    assert run.messages == [
        *run.asked,
        {"id": last(run.wire, "TEXT_MESSAGE_START")["messageId"], "role": "assistant", "content": "You said: Hello"},
    ]
    assert finished(run) == {"type": "success"}
    assert (run.state, run.pending) == ({}, [])


def test_a_second_message_comes_with_the_whole_thread_and_only_adds_to_it(client: Client, thread: str) -> None:
    first, second = client.play(step("One", open=opened(thread)), step("Two"))
    assert second.asked[:2] == first.messages
    assert second.messages[:2] == first.messages
    assert second.thread == [
        ("user", "One"),
        ("assistant", "You said: One"),
        ("user", "Two"),
        ("assistant", "You said: Two"),
    ]


def test_a_client_that_sends_only_what_is_new_is_told_the_whole_thread(client: Client, thread: str) -> None:
    first, second = client.play(step("One", open=opened(thread)), step("Two", open=opened(thread)))
    assert len(second.asked) == 1
    told = last(second.wire, "MESSAGES_SNAPSHOT")["messages"]
    assert told[:2] == first.messages
    assert transcript(second.wire)[2:] == [("user", "Two"), ("assistant", "You said: Two")]
    assert sorted(second.ids) == sorted(message["id"] for message in told)


def test_a_client_that_sends_only_what_is_new_ends_with_the_thread_in_order(client: Client, thread: str) -> None:
    _, second = client.play(step("One", open=opened(thread)), step("Two", open=opened(thread)))
    assert second.messages == last(second.wire, "MESSAGES_SNAPSHOT")["messages"]


def test_a_client_that_sent_only_what_was_new_loses_nothing_when_it_goes_on(client: Client, thread: str) -> None:
    _, second, third = client.play(step("One", open=opened(thread)), step("Two", open=opened(thread)), step("Three"))
    assert transcript(third.wire)[:4] == transcript(second.wire)


def test_an_edited_message_takes_the_place_of_what_followed_it(client: Client, thread: str) -> None:
    _, two, edited, after = client.play(
        step("One", open=opened(thread)),
        step("Two"),
        step(edit={"at": 2, "content": "Three"}, cut=3),
        # Another object that knows nothing: what it is told is what the server holds.
        step("Four", open=opened(thread)),
    )
    assert edited.ids[:3] == two.ids[:3]
    assert edited.ids[3] != two.ids[3]
    assert edited.thread == [
        ("user", "One"),
        ("assistant", "You said: One"),
        ("user", "Three"),
        ("assistant", "You said: Three"),
    ]
    assert transcript(after.wire) == [*edited.thread, ("user", "Four"), ("assistant", "You said: Four")]


def test_the_very_first_message_can_be_edited(client: Client, thread: str) -> None:
    _, _, edited = client.play(
        step("One", open=opened(thread)), step("Two"), step(edit={"at": 0, "content": "Zero"}, cut=1)
    )
    assert edited.thread == [("user", "Zero"), ("assistant", "You said: Zero")]


def test_a_history_cut_back_to_a_message_gets_that_message_a_new_answer(client: Client, thread: str) -> None:
    _, two, again, after = client.play(
        step("One", open=opened(thread)), step("Two"), step(cut=3), step("Three", open=opened(thread))
    )
    assert again.thread == two.thread
    assert again.ids[:3] == two.ids[:3]
    assert again.ids[3] != two.ids[3]
    assert transcript(after.wire) == [*again.thread, ("user", "Three"), ("assistant", "You said: Three")]


def test_a_page_that_was_loaded_again_goes_on_with_what_it_stored(client: Client, thread: str) -> None:
    first, second = client.play(step("One", open=opened(thread)), step("Two", reload=True))
    assert second.asked[:2] == first.messages
    assert second.messages[:2] == first.messages
    assert second.thread[2:] == [("user", "Two"), ("assistant", "You said: Two")]


def test_a_run_that_is_aborted_leaves_its_thread_free_for_the_next(client: Client, thread: str) -> None:
    aborted, after = client.play(
        step("Count slowly", open=opened(thread), run={"abort": {"type": "TEXT_MESSAGE_CONTENT", "count": 2}}),
        # The server learns of a reader's leaving from the network, and says that the thread is busy until then.
        step("Next", patience=1.0),
    )
    assert aborted.failure is None
    assert after.waited < 1.0
    assert aborted.thread == [("user", "Count slowly"), ("assistant", said(aborted.seen))]
    assert COUNTED.startswith(said(aborted.seen))
    assert said(aborted.seen) != COUNTED
    assert after.thread == [*aborted.thread, ("user", "Next"), ("assistant", "You said: Next")]
    assert after.messages[:2] == aborted.messages


def test_an_answer_that_was_aborted_can_be_asked_for_anew(client: Client, thread: str) -> None:
    _, again = client.play(
        step("Count slowly", open=opened(thread), run={"abort": {"type": "TEXT_MESSAGE_CONTENT", "count": 1}}),
        step(cut=1, patience=1.0),
    )
    assert again.thread == [("user", "Count slowly"), ("assistant", COUNTED)]


def test_two_runs_at_once_on_one_thread_are_one_too_many(client: Client, thread: str) -> None:
    props = {"forwardedProps": {"multitaskStrategy": "reject"}}
    names = ("here", "there")
    both = client.play([step("Count slowly", name=name, open=opened(thread), run=props) for name in names])
    (refused,) = [run for run in both if run.failure]
    (answered,) = [run for run in both if not run.failure]
    assert refused.failure is not None
    assert refused.failure.status == 409
    assert "thread_busy" in refused.failure.message
    assert answered.thread[1] == ("assistant", COUNTED)


def test_of_two_runs_on_one_thread_the_second_interrupts_the_first(client: Client, thread: str) -> None:
    names = ("here", "there")
    both = client.play([step("Count slowly", name=name, open=opened(thread)) for name in names])
    whole = [run for run in both if run.thread[-1] == ("assistant", COUNTED)]
    assert len(whole) == 1


def test_threads_side_by_side_do_not_mix(client: Client, thread: str) -> None:
    names = ["a", "b", "c", "d", "e"]
    opening: list[Step] = [step(f"I am {name}", name=name, open=opened(f"{thread}-{name}")) for name in names]
    runs = client.play(opening, [step(f"Still {name}", name=name) for name in names])
    assert [run.thread for run in runs[len(names) :]] == [
        [
            ("user", f"I am {name}"),
            ("assistant", f"You said: I am {name}"),
            ("user", f"Still {name}"),
            ("assistant", f"You said: Still {name}"),
        ]
        for name in names
    ]


def test_a_tool_of_the_server_is_called_and_its_result_told(client: Client, thread: str) -> None:
    run, after = client.play(step("Work out a tenth and a fifth", open=opened(thread)), step("Thanks"))
    assert kinds(run.seen) == [
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
    asking = last(run.wire, "TOOL_CALL_START")["parentMessageId"]
    result = last(run.wire, "TOOL_CALL_RESULT")["messageId"]
    answer = last(run.wire, "TEXT_MESSAGE_START")["messageId"]
    assert run.messages == [
        *run.asked,
        {
            "id": asking,
            "role": "assistant",
            "toolCalls": [call("call-sum", "calculate", '{"expression": "0.1 + 0.2"}')],
        },
        {"id": result, "role": "tool", "toolCallId": "call-sum", "content": "0.3"},
        {"id": answer, "role": "assistant", "content": "The tool says 0.3."},
    ]
    assert run.messages == last(run.wire, "MESSAGES_SNAPSHOT")["messages"]
    assert finished(run) == {"type": "success"}
    assert after.messages[:4] == run.messages


def test_two_tools_of_the_server_are_called_at_once(client: Client, thread: str) -> None:
    (run,) = client.play(step("Work out and shift", open=opened(thread)))
    results = {event["toolCallId"]: event["messageId"] for event in run.wire if event["type"] == "TOOL_CALL_RESULT"}
    asking, answer = [event["messageId"] for event in run.wire if event["type"] == "TEXT_MESSAGE_START"]
    assert run.messages == [
        *run.asked,
        {
            "id": asking,
            "role": "assistant",
            "content": "Two things. ",
            "toolCalls": [
                call("call-a", "calculate", '{"expression": "6 * 7"}'),
                call("call-b", "date_shift", '{"start": "2026-11-20", "days": 1}'),
            ],
        },
        {"id": results["call-a"], "role": "tool", "toolCallId": "call-a", "content": "42"},
        {
            "id": results["call-b"],
            "role": "tool",
            "toolCallId": "call-b",
            "content": "2026-11-21T00:00:00+00:00 (Saturday, week 47)",
        },
        {
            "id": answer,
            "role": "assistant",
            "content": "The tool says 2026-11-21T00:00:00+00:00 (Saturday, week 47).",
        },
    ]


def test_a_tool_of_the_application_is_left_to_it_and_its_answer_goes_on(client: Client, thread: str) -> None:
    called, after = client.play(
        step("Paint it", open=opened(thread), run={"tools": [PAINT]}),
        step(add=[painted("call-paint")], run={"tools": [PAINT]}),
    )
    assert "TOOL_CALL_RESULT" not in kinds(called.seen)
    assert called.messages[1:] == [
        {
            "id": last(called.wire, "TOOL_CALL_START")["parentMessageId"],
            "role": "assistant",
            "toolCalls": [call("call-paint", "paint", '{"colour": "green"}')],
        }
    ]
    assert finished(called) == left_to(client, "call-paint")
    assert after.messages == [
        *called.messages,
        painted("call-paint"),
        {
            "id": last(after.wire, "TEXT_MESSAGE_START")["messageId"],
            "role": "assistant",
            "content": "The tool says painted.",
        },
    ]
    assert finished(after) == {"type": "success"}


def test_an_answer_may_call_tools_of_both_sides(client: Client, thread: str) -> None:
    called, after = client.play(
        step("Both of you", open=opened(thread), run={"tools": [PAINT]}),
        step(add=[painted("call-theirs")], run={"tools": [PAINT]}),
    )
    assert called.messages[1:] == [
        {
            "id": last(called.wire, "TOOL_CALL_START")["parentMessageId"],
            "role": "assistant",
            "toolCalls": [
                call("call-ours", "calculate", '{"expression": "2 ** 10"}'),
                call("call-theirs", "paint", '{"colour": "red"}'),
            ],
        },
        {
            "id": last(called.wire, "TOOL_CALL_RESULT")["messageId"],
            "role": "tool",
            "toolCallId": "call-ours",
            "content": "1024",
        },
    ]
    assert finished(called) == left_to(client, "call-theirs")
    assert after.messages[:4] == [*called.messages, painted("call-theirs")]
    assert after.thread[4:] == [("assistant", "The tool says painted.")]


def test_a_call_that_the_application_never_answers_does_not_hold_up_the_thread(client: Client, thread: str) -> None:
    called, after = client.play(step("Paint it", open=opened(thread), run={"tools": [PAINT]}), step("Never mind"))
    assert after.messages[:2] == called.messages
    assert after.thread[2:] == [("user", "Never mind"), ("assistant", "You said: Never mind")]
    assert finished(after) == {"type": "success"}


def test_what_a_model_thinks_is_shown_and_not_kept(client: Client, thread: str) -> None:
    run, after = client.play(step("Think", open=opened(thread)), step("Go on"))
    assert kinds(run.seen)[3:9] == [
        "REASONING_START",
        "REASONING_MESSAGE_START",
        "REASONING_MESSAGE_CONTENT",
        "REASONING_MESSAGE_END",
        "REASONING_END",
        "TEXT_MESSAGE_START",
    ]
    assert run.thread == [
        ("user", "Think"),
        ("reasoning", "First this, then that. "),
        ("assistant", "Done thinking."),
    ]
    assert transcript(run.wire) == [("user", "Think"), ("assistant", "Done thinking.")]
    # The client sends the reasoning back and keeps it; to the server it is no part of the thread.
    assert after.thread == [*run.thread, ("user", "Go on"), ("assistant", "You said: Go on")]
    assert transcript(after.wire) == [*transcript(run.wire), ("user", "Go on"), ("assistant", "You said: Go on")]


def test_a_question_interrupts_and_its_answer_resumes(client: Client, thread: str) -> None:
    asked, resumed = client.play(
        step("Do it", open=opened(thread, "approval")), step(run={"answers": {"Spend it?": resolved(True)}})
    )
    question = {"reason": "confirmation", "message": "Spend it?", "responseSchema": {"type": "boolean"}}
    assert asked.pending == [{"id": asked.pending[0]["id"], **question, "metadata": {"value": question}}]
    assert finished(asked) == {"type": "interrupt", "interrupts": asked.pending}
    assert asked.thread == [("user", "Do it")]
    assert asked.state == {"budget": 9, "done": []}
    assert resumed.thread == [("user", "Do it"), ("assistant", "money: True")]
    assert resumed.state == {"budget": 9, "done": ["money: True"]}
    assert resumed.pending == []


def test_two_questions_are_asked_at_once_and_answered_at_once(client: Client, thread: str) -> None:
    asked, resumed, after = client.play(
        step("Do both", open=opened(thread, "approval")),
        step(run={"answers": {"Spend it?": resolved(False), "Whose name?": resolved("Ada")}}),
        step("And again"),
    )
    assert [question["message"] for question in asked.pending] == ["Spend it?", "Whose name?"]
    assert resumed.thread == [("user", "Do both"), ("assistant", "money: False; name: Ada")]
    assert [question["message"] for question in after.pending] == ["Spend it?"]
    assert after.thread == [*resumed.thread, ("user", "And again")]


def test_a_question_can_be_dismissed(client: Client, thread: str) -> None:
    _, resumed = client.play(
        step("Do both", open=opened(thread, "approval")),
        step(run={"answers": {"Spend it?": resolved(True), "Whose name?": {"status": "cancelled"}}}),
    )
    assert resumed.state == {"budget": 9, "done": ["money: True", "name: {'status': 'cancelled'}"]}
    assert resumed.pending == []


def test_who_speaks_past_a_question_is_asked_it_again(client: Client, thread: str) -> None:
    asked, again, resumed = client.play(
        step("Do it", open=opened(thread, "approval")),
        # A page that was loaded again: the object that was asked would refuse to speak of anything else.
        step("What was I to say?", open=opened(thread, "approval")),
        step(run={"answers": {"Spend it?": resolved(True)}}),
    )
    assert again.failure is None
    assert again.pending == asked.pending
    assert resumed.thread == [("user", "Do it"), ("assistant", "money: True")]


def test_state_that_the_application_changes_reaches_the_graph(client: Client, thread: str) -> None:
    (run,) = client.play(step("Do it", open=opened(thread, "approval", state={"budget": 3})))
    assert run.state == {"budget": 2, "done": []}


def test_a_model_that_the_application_asks_for_answers(client: Client, thread: str) -> None:
    run, after = client.play(
        step("Hello", open=opened(thread), run={"forwardedProps": {"model": "scripted:toolless"}}), step("Hello")
    )
    assert run.thread[1:] == [("assistant", "Without tools: Hello")]
    assert after.thread[3:] == [("assistant", "You said: Hello")]


def test_what_the_application_tells_of_itself_reaches_the_model(client: Client, thread: str) -> None:
    bare, told = client.play(
        step("Hello", name="bare", open=opened(f"{thread}-bare")),
        step("Hello", open=opened(thread), run={"context": [{"description": "Page", "value": "the shop"}]}),
    )
    # The scripted model counts the words that it reads.
    read = [last(run.wire, "RUN_FINISHED")["usage"][0]["inputTokens"] for run in (bare, told)]
    introduction = "What the application around this conversation says:"
    assert read[1] - read[0] == len(f"{introduction} Page: the shop".split())


def test_a_run_that_fails_in_mid_stream_says_why_and_its_thread_goes_on(client: Client, thread: str) -> None:
    failed, after = client.play(step("Break it", open=opened(thread)), step("Next"))
    assert failed.failure is None
    error = failed.wire[-1]
    assert (error["type"], error["code"]) == ("RUN_ERROR", "model_unavailable")
    assert error["message"] == "The model 'actor' stopped before its answer was complete."
    # What was said had been written, and its provider did not live to tell how much.
    assert error["metadata"] == {"usageEstimated": True}
    assert error["usage"][0]["outputTokens"] > 0
    assert said(failed.seen) == "Half of "
    assert after.thread[-2:] == [("user", "Next"), ("assistant", "You said: Next")]


@pytest.mark.parametrize(
    ("agent", "text", "run", "status", "code"),
    [
        ("nobody", "Hello", {}, 404, "agent_not_found"),
        ("chat", None, {}, 422, "invalid_input"),
        ("chat", "Hello", {"forwardedProps": {"model": "scripted:nobody"}}, 422, "model_not_found"),
        ("chat", "Hello", {"tools": [{**PAINT, "name": "calculate"}]}, 422, "invalid_input"),
    ],
    ids=["unknown agent", "no message", "unknown model", "taken name of a tool"],
)
def test_what_cannot_be_run_is_refused_with_its_status(
    client: Client, thread: str, agent: str, text: str | None, run: dict[str, Any], status: int, code: str
) -> None:
    refused, after = client.play(
        step(text, open=opened(thread, agent), run=run), step("Hello again", open=opened(thread))
    )
    assert refused.failure is not None
    assert refused.failure.status == status
    assert f'"code":"{code}"' in refused.failure.message
    assert refused.messages == refused.asked
    assert after.thread == [("user", "Hello again"), ("assistant", "You said: Hello again")]


def test_an_application_may_say_more_than_one_thing_at_once(client: Client, thread: str) -> None:
    (run,) = client.play(step(add=[user("First"), user("Second")], open=opened(thread)))
    assert run.thread == [("user", "First"), ("user", "Second"), ("assistant", "You said: Second")]
