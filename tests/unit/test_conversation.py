from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.tool import invalid_tool_call, tool_call

from graphs.chat.conversation import build_conversation
from graphs.context import ContextItem
from graphs.prompt import Prompt


def _asked(messages: Sequence[BaseMessage], *background: ContextItem) -> list[BaseMessage]:
    return build_conversation(messages, prompts=[Prompt("of/tests", "1", "Be good.")], background=background)


CALL = AIMessage("", id="a", tool_calls=[tool_call(name="f", args={}, id="c1"), tool_call(name="g", args={}, id="c2")])


def test_every_word_about_how_to_behave_is_in_one_first_message() -> None:
    asked = _asked(
        [HumanMessage("Hi"), SystemMessage("Be brief.")], ContextItem("City", "Ulm"), ContextItem("Time", "noon")
    )
    assert [message.type for message in asked] == ["system", "human"]
    assert asked[0].additional_kwargs == {"prompt": "of/tests", "prompt_version": "1"}
    assert asked[0].text == (
        "Be good.\n\nBe brief.\n\nWhat the application around this conversation says:\n\nCity: Ulm\n\nTime: noon"
    )


def test_calls_that_were_never_answered_are_answered_for_the_model() -> None:
    asked = _asked([HumanMessage("Go"), CALL, ToolMessage("1", tool_call_id="c1"), HumanMessage("And?")])
    assert [message.text for message in asked[3:]] == ["1", "This tool call was not carried out.", "And?"]
    assert [message.tool_call_id for message in asked if isinstance(message, ToolMessage)] == ["c1", "c2"]


def test_answers_without_their_call_are_left_out() -> None:
    asked = _asked([HumanMessage("Go"), ToolMessage("1", tool_call_id="gone")])
    assert [message.type for message in asked] == ["system", "human"]


def test_calls_that_did_not_parse_are_answered_too() -> None:
    broken = AIMessage("", invalid_tool_calls=[invalid_tool_call(name="f", args="{", id="c", error=None)])
    asked = _asked([HumanMessage("Go"), broken])
    assert asked[-1].text == "This tool call was not carried out."
