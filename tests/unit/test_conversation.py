from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.tool import invalid_tool_call, tool_call

from graphs.chat.conversation import conversation
from graphs.context import Background
from llm.catalog import ModelInfo
from llm.spec import ModelSpec


def _info(*, tools: bool = True, vision: bool = False, context: int | None = None) -> ModelInfo:
    return ModelInfo(ModelSpec("p", "m"), tools=tools, vision=vision, json_schema=True, context_length=context)


def _asked(messages: Sequence[BaseMessage], info: ModelInfo, *background: Background) -> list[BaseMessage]:
    return conversation(messages, system="Be good.", background=background, info=info)


CALL = AIMessage("", id="a", tool_calls=[tool_call(name="f", args={}, id="c1"), tool_call(name="g", args={}, id="c2")])


def test_every_word_about_how_to_behave_is_in_one_first_message() -> None:
    asked = _asked(
        [HumanMessage("Hi"), SystemMessage("Be brief.")], _info(), Background("City", "Ulm"), Background("Time", "noon")
    )
    assert [message.type for message in asked] == ["system", "human"]
    assert asked[0].text == (
        "Be good.\n\nBe brief.\n\nWhat the application around this conversation says:\n\nCity: Ulm\n\nTime: noon"
    )


def test_calls_that_were_never_answered_are_answered_for_the_model() -> None:
    asked = _asked([HumanMessage("Go"), CALL, ToolMessage("1", tool_call_id="c1"), HumanMessage("And?")], _info())
    assert [message.text for message in asked[3:]] == ["1", "This tool call was not carried out.", "And?"]
    assert [message.tool_call_id for message in asked if isinstance(message, ToolMessage)] == ["c1", "c2"]


def test_answers_without_their_call_are_left_out() -> None:
    asked = _asked([HumanMessage("Go"), ToolMessage("1", tool_call_id="gone")], _info())
    assert [message.type for message in asked] == ["system", "human"]


def test_calls_that_did_not_parse_are_answered_too() -> None:
    broken = AIMessage("", invalid_tool_calls=[invalid_tool_call(name="f", args="{", id="c", error=None)])
    asked = _asked([HumanMessage("Go"), broken], _info())
    assert asked[-1].text == "This tool call was not carried out."


def test_a_model_without_tools_is_told_of_them_in_words() -> None:
    thought = AIMessage("Let me see.", tool_calls=CALL.tool_calls)
    asked = _asked([HumanMessage("Go"), thought, ToolMessage("1", tool_call_id="c1", name="f")], _info(tools=False))
    assert [(message.type, message.text) for message in asked[1:]] == [
        ("human", "Go"),
        ("ai", "Let me see."),
        ("ai", "(The tool f says: 1)"),
        ("ai", "(The tool g says: This tool call was not carried out.)"),
    ]


def test_pictures_are_named_to_a_model_that_cannot_see() -> None:
    picture = HumanMessage([{"type": "text", "text": "Look"}, {"type": "image", "url": "https://example.org/a.png"}])
    blind, seeing = _asked([picture], _info()), _asked([picture], _info(vision=True))
    assert blind[1].content == "Look\n[image that cannot be read here]"
    assert seeing[1] == picture


def test_a_long_thread_is_cut_at_a_persons_message() -> None:
    thread: list[BaseMessage] = []
    for number in range(30):
        thread += [HumanMessage(f"Question {number} " * 10), AIMessage(f"Answer {number} " * 10)]
    asked = _asked([*thread, HumanMessage("The last one")], _info(context=500))
    assert asked[0].type == "system"
    assert asked[1].type == "human"
    assert asked[-1].text == "The last one"
    assert 3 < len(asked) < 20


def test_the_last_message_is_kept_whatever_its_length() -> None:
    asked = _asked([HumanMessage("Old"), HumanMessage("word " * 5000)], _info(context=500))
    assert [message.type for message in asked] == ["system", "human"]
    assert len(asked[1].text) == 25_000
