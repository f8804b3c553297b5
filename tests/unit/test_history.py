from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.messages.tool import tool_call

from agents.history import is_prefix, new_messages, unknown_messages


def _user(name: str, text: str | None = None) -> HumanMessage:
    return HumanMessage(text or name, id=name)


def _answer(name: str) -> AIMessage:
    return AIMessage(name, id=name)


KNOWN: list[BaseMessage] = [_user("u1"), _answer("a1"), _user("u2"), _answer("a2")]


def _ids(messages: list[BaseMessage]) -> list[str | None]:
    return [message.id for message in messages]


def test_what_follows_the_last_known_message_is_new() -> None:
    assert _ids(new_messages(KNOWN, [*KNOWN, _user("u3")])) == ["u1", "a1", "u2", "a2", "u3"]


def test_one_known_message_is_enough_to_find_the_place() -> None:
    assert _ids(new_messages(KNOWN, [_answer("a2"), _user("u3")])) == ["u1", "a1", "u2", "a2", "u3"]


def test_with_nothing_known_all_is_new() -> None:
    assert _ids(new_messages(KNOWN, [_user("u3")])) == ["u1", "a1", "u2", "a2", "u3"]


def test_an_earlier_end_leaves_out_what_came_after() -> None:
    assert _ids(new_messages(KNOWN, [_user("u1"), _answer("a1"), _user("u3")])) == ["u1", "a1", "u3"]


def test_an_edited_message_takes_the_place_of_the_old_one() -> None:
    wanted = new_messages(KNOWN, [_user("u1"), _answer("a1"), _user("u2", "other")])
    assert _ids(wanted) == ["u1", "a1", "u2"]
    assert wanted[-1].content == "other"


def test_what_is_sent_after_an_edited_message_stays_and_is_ours_where_we_know_it() -> None:
    wanted = new_messages(KNOWN, [_user("u1", "other"), AIMessage("forged", id="a1"), _user("u3")])
    assert [message.content for message in wanted] == ["other", "a1", "u3"]


def test_an_edited_message_with_nothing_new_behind_it_is_to_be_answered() -> None:
    assert _ids(new_messages(KNOWN, [_user("u1", "other"), *KNOWN[1:]])) == ["u1"]
    twice = [_user("u1", "other"), _answer("a1"), _user("u2", "more"), _answer("a2")]
    assert _ids(new_messages(KNOWN, twice)) == ["u1", "a1", "u2"]


def test_a_client_that_holds_the_thread_in_another_order_loses_nothing() -> None:
    shuffled = [*KNOWN[2:], *KNOWN[:2], _user("u3")]
    assert _ids(new_messages(KNOWN, shuffled)) == ["u1", "a1", "u2", "a2", "u3"]


def test_answers_with_other_words_are_no_edit() -> None:
    wanted = new_messages(KNOWN, [_user("u1"), AIMessage("forged", id="a1"), _user("u2"), _answer("a2")])
    assert wanted == KNOWN


def test_a_message_told_twice_is_there_once() -> None:
    assert _ids(new_messages(KNOWN, [_answer("a2"), _user("u1"), _user("u3")])) == ["u1", "a1", "u2", "a2", "u3"]


def test_a_result_of_the_clients_is_new() -> None:
    result = ToolMessage("r", tool_call_id="c", id="t1")
    assert _ids(new_messages(KNOWN, [result])) == ["u1", "a1", "u2", "a2", "t1"]


def test_a_result_that_stands_behind_its_call_and_before_others_is_new() -> None:
    calls = [tool_call(name="ours", args={}, id="c1"), tool_call(name="theirs", args={}, id="c2")]
    asked = AIMessage("", id="a1", tool_calls=calls)
    ours = ToolMessage("1", tool_call_id="c1", id="t1")
    theirs, stray = ToolMessage("2", tool_call_id="c2", id="t2"), ToolMessage("3", tool_call_id="c9", id="t9")
    known: list[BaseMessage] = [_user("u1"), asked, ours]
    assert _ids(new_messages(known, [_user("u1"), asked, theirs, stray, ours])) == ["u1", "a1", "t1", "t2"]


def test_a_thread_leads_to_what_only_adds_to_it() -> None:
    assert is_prefix(KNOWN, [*KNOWN, _user("u3")])
    assert is_prefix([], KNOWN)
    assert not is_prefix(KNOWN, KNOWN[:2])
    assert not is_prefix(KNOWN, [_user("u1", "other"), *KNOWN[1:]])


def test_answers_that_are_unknown_may_be_another_branchs() -> None:
    assert unknown_messages(KNOWN, [_answer("a9"), _user("u9"), _answer("a1"), _answer("a8")]) == ["a8", "a9"]
