import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from pydantic import SecretStr
from structlog.testing import capture_logs

from graphs.artifact_call import ask_for_artifact
from llm.errors import InvalidScript, ModelUnavailable, NoModelAvailable, UnknownModel, UnknownProfile
from llm.factory import ModelFactory
from llm.identity import EmptyAnswer, identify_chunks
from llm.settings import ModelSettings
from llm.spec import ModelSpec
from llm.vendors.scripted import Reply, Script, ScriptedCall, ScriptedChat, ScriptedModel
from tests.loopback import Loopback, Refused, server_error
from tests.loopback import Reply as Heard

NOWHERE = "http://127.0.0.1:1"


def _chat(*replies: Reply) -> ScriptedChat:
    return ScriptedChat(name="actor", script=ScriptedModel(replies=replies))


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("openai:gpt-5-mini", ModelSpec("openai", "gpt-5-mini")),
        (" ollama:llama3.2:3b ", ModelSpec("ollama", "llama3.2:3b")),
    ],
)
def test_a_spec_is_a_provider_and_a_name(text: str, spec: ModelSpec) -> None:
    assert ModelSpec.parse(text) == spec
    assert str(spec) == text.strip()


@pytest.mark.parametrize("text", ["", "gpt", ":", "openai:", ":gpt"])
def test_what_is_no_spec_is_refused_by_its_own_words(text: str) -> None:
    with pytest.raises(ValueError, match=repr(text)):
        ModelSpec.parse(text)


async def _chunks(*messages: AIMessageChunk) -> AsyncIterator[ChatGenerationChunk]:
    for message in messages:
        yield ChatGenerationChunk(message=message)


async def test_every_piece_of_a_message_has_one_id_whatever_the_vendor_gives() -> None:
    given = _chunks(
        AIMessageChunk(content="a", id="resp_1"), AIMessageChunk(content="b"), AIMessageChunk(content="c", id="x")
    )
    told = [chunk.message async for chunk in identify_chunks(given)]
    assert [message.content for message in told] == ["a", "b", "c", ""]
    assert len({message.id for message in told}) == 1
    assert isinstance(told[-1], AIMessageChunk)
    assert told[-1].chunk_position == "last"


async def test_a_tool_call_without_an_id_gets_one_and_others_keep_theirs() -> None:
    fragments = [
        tool_call_chunk(name="f", args="{}", id=None, index=0),
        tool_call_chunk(name="g", args="{}", id="own", index=1),
    ]
    (chunk, _) = [c async for c in identify_chunks(_chunks(AIMessageChunk(content="", tool_call_chunks=fragments)))]
    assert isinstance(chunk.message, AIMessageChunk)
    made, own = chunk.message.tool_calls
    assert own["id"] == "own"
    assert made["id"] == chunk.message.tool_call_chunks[0]["id"]
    assert (made["id"] or "").startswith("call-")


async def test_a_stream_that_says_nothing_is_no_answer() -> None:
    with pytest.raises(EmptyAnswer):
        _ = [chunk async for chunk in identify_chunks(_chunks())]


async def test_a_scripted_model_gives_the_first_reply_that_fits() -> None:
    chat = _chat(Reply(when="^Hi", text="Hello, {last}"), Reply(text="What?"))
    assert (await chat.ainvoke([HumanMessage("Hi there")])).text == "Hello, Hi there"
    assert (await chat.ainvoke([HumanMessage("Oh")])).text == "What?"
    assert (await _chat().ainvoke([HumanMessage("Oh")])).text == "I have no line for this."


async def test_a_scripted_model_breaks_off_where_it_is_told_to() -> None:
    heard = ""
    with pytest.raises(ModelUnavailable):
        async for chunk in _chat(Reply(pieces=("a", "b"), fail="unavailable")).astream([HumanMessage("Hi")]):
            heard += chunk.text
    assert heard == "ab"


def test_a_scripted_model_has_no_blocking_calls() -> None:
    with pytest.raises(NotImplementedError):
        _chat(Reply(text="x")).invoke([HumanMessage("Hi")])


@pytest.mark.parametrize("text", ["", "{}", '{"models": {"a": {"replies": [{"say": "x"}]}}}'])
def test_a_script_that_cannot_be_read_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "play.json"
    file.write_text(text)
    with pytest.raises(InvalidScript, match=r"play\.json"):
        Script.read(file)
    with pytest.raises(InvalidScript):
        Script.read(tmp_path / "missing.json")


async def test_arguments_that_were_cut_are_no_call() -> None:
    calls = (
        ScriptedCall(name="f", args={"a": 1}, id="whole"),
        ScriptedCall(name="g", args={}, id="unoffered"),
        ScriptedCall(name="f", args='{"a": 1, "b"', id="cut"),
        ScriptedCall(name="f", args="[1]", id="list"),
    )
    message = await ask_for_artifact(_chat(Reply(tool_calls=calls)), [HumanMessage("Hi")], tool={"f"})
    assert [(call["id"], call["args"]) for call in message.tool_calls] == [("whole", {"a": 1})]
    assert [call["id"] for call in message.invalid_tool_calls] == ["unoffered", "cut", "list"]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "script.json"
    parts = {"actor": {"replies": [{"text": "Hi"}]}, "extra": {"replies": [], "tools": False}}
    file.write_text(json.dumps({"models": parts}))
    return file


async def _made(settings: ModelSettings) -> ModelFactory:
    factory = ModelFactory(settings)
    await factory.start()
    await factory.loaded()
    return factory


async def test_a_profile_passes_over_what_is_not_there(script: Path) -> None:
    chat = ("openai:gpt-5-mini", "scripted:gone", "scripted:actor", "embedded:smollm2")
    factory = await _made(ModelSettings(scripted_model_file=script, chat=chat, ollama_base_url=NOWHERE))
    assert (await factory.select()).info.spec == ModelSpec("scripted", "actor")
    assert list((await factory.profiles())["chat"]) == [
        ModelSpec("scripted", "actor"),
        ModelSpec("embedded", "smollm2"),
    ]
    await factory.aclose()


async def test_a_fake_is_never_what_somebody_gets_unasked(script: Path) -> None:
    factory = await _made(ModelSettings(scripted_model_file=script, ollama_base_url=NOWHERE))
    assert (await factory.select()).info.spec.provider == "embedded"
    assert (await factory.select(model="scripted:extra")).info.tools is False
    await factory.aclose()


async def test_a_profile_of_which_nothing_is_there_has_no_model() -> None:
    factory = await _made(ModelSettings(chat=("openai:gpt-5-mini",), ollama_base_url=NOWHERE))
    with pytest.raises(NoModelAvailable):
        await factory.select()
    with pytest.raises(UnknownProfile):
        await factory.select(profile="poet")
    with pytest.raises(UnknownModel) as unknown:
        await factory.select(model="embedded:smolm2")
    assert unknown.value.near == ("embedded:smollm2",)
    await factory.aclose()


async def test_a_factory_that_was_not_started_says_so() -> None:
    factory = ModelFactory(ModelSettings())
    with pytest.raises(RuntimeError):
        await factory.select()
    await factory.aclose()


async def test_who_stops_waiting_does_not_stop_the_loading(script: Path) -> None:
    factory = ModelFactory(ModelSettings(scripted_model_file=script, ollama_base_url=NOWHERE))
    await factory.start()
    waiting = asyncio.create_task(factory.loaded())
    await asyncio.sleep(0)
    waiting.cancel()
    assert await factory.models()
    await factory.aclose()


async def test_a_provider_that_does_not_answer_is_asked_last() -> None:
    settings = ModelSettings(chat=("ollama:llama3.2", "embedded:smollm2"), ollama_base_url=NOWHERE)
    factory = await _made(settings)
    assert str((await factory.select()).info.spec) == "embedded:smollm2"
    assert str((await factory.select(model="ollama:llama3.2")).info.spec) == "ollama:llama3.2"
    await factory.aclose()


async def test_a_candidate_whose_check_failed_is_tried_after_all_others() -> None:
    with Loopback(lambda _: server_error()) as ill, Loopback(lambda _: Heard("I am back.")) as back:
        # Nobody listens there while it is asked what it serves.
        await asyncio.to_thread(back.say, Refused())
        settings = ModelSettings(
            openai_api_key=SecretStr("none"),
            openai_base_url=ill.openai_url,
            ollama_base_url=back.ollama_url,
            chat=("ollama:loop", "anthropic:claude", "openai:loop"),
            retry_max_attempts=1,
        )
        factory = await _made(settings)
        with capture_logs() as logs:
            candidates = [await factory.select() for _ in range(3)]
        assert [str(models.info.spec) for models in candidates] == ["openai:loop"] * 3
        # Once for each, however often somebody asks.
        assert [(log["provider"], log["reason"], log["asked_last"]) for log in logs] == [
            ("ollama", "check_failed", True),
            ("anthropic", "not_configured", False),
        ]
        await asyncio.to_thread(back.reopen)
        answer = await candidates[0].model.ainvoke([HumanMessage("Hi")])
        assert (answer.text, answer.response_metadata["answered_by"]) == ("I am back.", ["ollama:loop"])
        await factory.aclose()


async def test_of_a_list_of_which_all_checks_failed_all_are_tried() -> None:
    with Loopback(lambda _: Heard("I am back.")) as back:
        await asyncio.to_thread(back.say, Refused())
        factory = await _made(ModelSettings(chat=("ollama:loop",), ollama_base_url=back.ollama_url))
        model = (await factory.select()).model
        await asyncio.to_thread(back.reopen)
        assert (await model.ainvoke([HumanMessage("Hi")])).text == "I am back."
        await factory.aclose()


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("openai:gpt-5-mini", "gpt"),
        ("openai:o4-mini", "gpt"),
        ("openai:chatgpt-4o-latest", "gpt"),
        ("openai:ft:gpt-4.1-mini:acme::AbC", "gpt"),
        ("openrouter:openai/gpt-5", "gpt"),
        ("ollama:llama3.2:3b", "llama"),
        ("ollama:olmo2:7b", "olmo"),
        ("anthropic:claude-sonnet-4-5", "claude"),
    ],
)
def test_models_of_one_maker_are_one_family(text: str, family: str) -> None:
    assert ModelSpec.parse(text).family == family
