from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.tool import tool_call

from llm.catalog import ModelInfo
from llm.fit_messages import fit_messages
from llm.spec import ModelSpec


def _info(*, tools: bool = True, vision: bool = False, context: int | None = None) -> ModelInfo:
    return ModelInfo(ModelSpec("p", "m"), tools=tools, vision=vision, json_schema=True, context_length=context)


def test_a_model_without_tools_is_told_of_them_in_words() -> None:
    calls = [tool_call(name="f", args={}, id="c1"), tool_call(name="g", args={}, id="c2")]
    thread = [
        HumanMessage("Go"),
        AIMessage("Let me see.", tool_calls=calls),
        ToolMessage("1", tool_call_id="c1", name="f"),
        ToolMessage("2", tool_call_id="c2", name="g"),
    ]
    assert fit_messages(thread, _info()) == thread
    assert [(message.type, message.text) for message in fit_messages(thread, _info(tools=False))] == [
        ("human", "Go"),
        ("ai", "Let me see."),
        ("ai", "(The tool f says: 1)"),
        ("ai", "(The tool g says: 2)"),
    ]


def test_pictures_are_named_to_a_model_that_cannot_see() -> None:
    picture = HumanMessage([{"type": "text", "text": "Look"}, {"type": "image", "url": "https://example.org/a.png"}])
    assert fit_messages([picture], _info())[0].content == "Look\n[image that cannot be read here]"
    assert fit_messages([picture], _info(vision=True)) == [picture]


def test_a_long_thread_is_cut_at_a_persons_message() -> None:
    thread: list[BaseMessage] = [SystemMessage("Be good.")]
    for number in range(30):
        thread += [HumanMessage(f"Question {number} " * 10), AIMessage(f"Answer {number} " * 10)]
    kept = fit_messages([*thread, HumanMessage("The last one")], _info(context=500))
    assert [message.type for message in kept[:2]] == ["system", "human"]
    assert kept[-1].text == "The last one"
    assert 3 < len(kept) < 20


def test_the_last_message_is_kept_whatever_its_length() -> None:
    kept = fit_messages(
        [SystemMessage("Be good."), HumanMessage("Old"), HumanMessage("word " * 5000)], _info(context=500)
    )
    assert [message.type for message in kept] == ["system", "human"]
    assert len(kept[1].text) == 25_000


def test_what_some_vendors_die_of_is_put_into_words() -> None:
    parts: list[str | dict[str, str]] = [
        {"type": "text", "text": "Look"},
        {"type": "video", "url": "https://example.org/a.mp4"},
        {"type": "image", "file_id": "f1"},
        {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
    ]
    (shown,) = fit_messages([HumanMessage(parts)], _info(vision=True))
    assert shown.content == [
        {"type": "text", "text": "Look"},
        {"type": "text", "text": "[video that cannot be read here]"},
        {"type": "text", "text": "[image that cannot be read here]"},
        {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
    ]


def test_another_vendors_blocks_are_text_to_all() -> None:
    blocks: list[str | dict[str, str]] = [{"type": "reasoning", "summary": "x"}, {"type": "text", "text": "Yes."}]
    calls = [tool_call(name="f", args={}, id="c")]
    (shown,) = fit_messages([AIMessage(blocks, tool_calls=calls)], _info())
    assert isinstance(shown, AIMessage)
    assert (shown.content, shown.tool_calls) == ("Yes.", calls)
