"""What the wire tests hold of a server of ours, held of Ollama itself. The model is small: how an answer is told is
looked at, hardly ever what it says.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import reduce
from operator import add
from time import monotonic
from typing import Any, Literal, cast

import httpx
import numpy as np
import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    message_chunk_to_message,
)
from langchain_core.runnables import Runnable
from pydantic import BaseModel, SecretStr

from llm.catalog import ModelInfo
from llm.context import CallContext, use_call_context
from llm.embedding.embedder import embedder
from llm.errors import ProviderRejected, UnknownModel
from llm.factory import ModelFactory
from llm.finish_reason import hit_output_limit
from llm.meter import Meter
from llm.spec import ModelSpec
from llm.vendors.ollama import OllamaChat, chat_model
from llm.vendors.stream.pool import HttpxTransport, Pool
from llm.wrappers.fallback import ANSWERED_BY, MISSING_CAPABILITIES
from tests.loopback import Cut, Loopback, Reply
from tests.ollama.conftest import RealOllama

ASKED = [SystemMessage("Be brief."), HumanMessage("What is the sea?")]
PAINT = {
    "name": "paint",
    "description": "Paints a wall.",
    "parameters": {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]},
}
TOOLS = [{"type": "function", "function": PAINT}]
# The same answer each time, and a short one.
EXACT: Mapping[str, Any] = {"temperature": 0.0, "seed": 1, "num_predict": 16}
# Repeats itself until it is stopped.
ENDLESS = [HumanMessage("Sing."), AIMessage("la la la la la la la la la la la la la la la la")]

Chat = Runnable[Any, Any]
How = Literal["streamed", "plain"]


async def _message(model: Chat, messages: Sequence[BaseMessage], how: How = "streamed") -> AIMessage:
    if how == "plain":
        return cast(AIMessage, await model.ainvoke(messages))
    chunks: list[AIMessageChunk] = [chunk async for chunk in model.astream(messages)]
    return cast(AIMessage, message_chunk_to_message(reduce(add, chunks)))


async def _talking(factory: ModelFactory, **bound: Any) -> Chat:
    """The first of the list with all that is around it, and with short answers."""
    return (await factory.select()).model.bind(**{"max_tokens": 16, **bound})


@asynccontextmanager
async def _ours(real: RealOllama, name: str, **own: Any) -> AsyncIterator[OllamaChat]:
    transport = HttpxTransport(Pool(real.url, connect=5.0))
    try:
        yield chat_model(name, base_url=real.url, transport=transport, timeout=60.0, **{**EXACT, **own})
    finally:
        await transport.aclose()


@asynccontextmanager
async def _langchains(real: RealOllama, name: str, **own: Any) -> AsyncIterator[OllamaChat]:
    model = OllamaChat(model=name, base_url=real.url, client_kwargs={"timeout": 60.0}, **{**EXACT, **own})
    try:
        yield model
    finally:
        await model._async_client._client.aclose()


async def test_the_catalogue_lists_what_it_serves(factory: ModelFactory, real: RealOllama) -> None:
    served = {info.spec.name: info for info in await factory.models() if info.spec.provider == "ollama"}

    def described(name: str, *, tools: bool) -> ModelInfo:
        return ModelInfo(
            ModelSpec("ollama", f"{name}:latest"),
            tools=tools,
            vision=False,
            json_schema=True,
            context_length=8192,
            prefill=True,
            image_urls=False,
        )

    assert served[f"{real.talks}:latest"] == described(real.talks, tools=False)
    assert served[f"{real.calls}:latest"] == described(real.calls, tools=True)


@pytest.mark.parametrize("how", ["streamed", "plain"])
async def test_an_answer_comes_with_its_end_and_with_what_the_server_counted(factory: ModelFactory, how: How) -> None:
    model, meter = await _talking(factory), Meter()
    with use_call_context(CallContext(meter=meter)):
        message = await _message(model, ASKED, how)
    assert message.text
    assert message.response_metadata["done_reason"] in {"stop", "length"}
    (call_usage,), usage = meter.calls, message.usage_metadata
    assert usage is not None
    assert (call_usage.outcome, call_usage.estimated) == ("ok", False)
    assert (call_usage.tokens.input, call_usage.tokens.output) == (usage["input_tokens"], usage["output_tokens"])
    assert call_usage.tokens.input > len(["What", "is", "the", "sea"])
    assert 0 < call_usage.tokens.output <= 16


async def test_an_answer_is_heard_while_it_is_written(factory: ModelFactory) -> None:
    model = await _talking(factory)
    chunks = [chunk.text async for chunk in model.astream(ASKED)]
    assert len([text for text in chunks if text]) > 2


@pytest.mark.parametrize("how", ["streamed", "plain"])
async def test_both_ways_read_the_same_answer(real: RealOllama, how: How) -> None:
    async with _ours(real, real.talks) as ours, _langchains(real, real.talks) as theirs:
        # Both find the question read already: what is read anew may be rounded otherwise.
        await _message(ours, ASKED)
        first, second = await _message(ours, ASKED, how), await _message(theirs, ASKED, how)
    assert first.text
    assert (first.text, first.usage_metadata) == (second.text, second.usage_metadata)
    assert _told(first) == _told(second)


def _told(message: AIMessage) -> dict[str, Any]:
    """What it says of itself, without what a clock measured."""
    clocks = ("created_at", "total_duration", "load_duration", "prompt_eval_duration", "eval_duration")
    return {key: value for key, value in message.response_metadata.items() if key not in clocks}


@pytest.mark.parametrize("how", ["streamed", "plain"])
async def test_an_answer_that_reaches_its_limit_says_so(factory: ModelFactory, how: How) -> None:
    message = await _message(await _talking(factory, max_tokens=4), [HumanMessage("Tell me a long story.")], how)
    assert message.response_metadata["done_reason"] == "length"
    assert hit_output_limit(message.response_metadata)
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] == 4


@pytest.mark.parametrize("how", ["streamed", "plain"])
async def test_an_answer_that_ends_by_itself_does_not(factory: ModelFactory, how: How) -> None:
    message = await _message(await _talking(factory, stop=[" "]), [HumanMessage("Tell me a long story.")], how)
    assert message.response_metadata["done_reason"] == "stop"
    assert not hit_output_limit(message.response_metadata)
    assert " " not in message.text


class Weather(BaseModel):
    sky: Literal["sun", "clouds", "rain"]
    windy: bool


async def test_an_object_is_of_its_schema(factory: ModelFactory) -> None:
    model = (await factory.select()).model.with_structured_output(Weather, max_tokens=200)
    assert isinstance(await model.ainvoke([HumanMessage("How is the weather?")]), Weather)


async def test_a_conversation_is_read_whole(factory: ModelFactory) -> None:
    turns = [HumanMessage("My name is Ada."), AIMessage("Hello Ada."), HumanMessage("What is my name?")]
    model, counts = await _talking(factory), []
    for messages in (turns[2:], turns, [SystemMessage("You speak to guests of a hotel."), *turns]):
        message = await _message(model, messages)
        assert message.text
        assert message.usage_metadata is not None
        counts.append(message.usage_metadata["input_tokens"])
    assert counts == sorted(set(counts))


async def test_an_answer_that_was_opened_is_gone_on_with(real: RealOllama) -> None:
    asked = HumanMessage("Tell me about the sea.")
    async with _ours(real, real.talks, num_predict=24) as model:
        whole = (await _message(model, [asked])).text
        half = whole[: whole.index(" ", len(whole) // 2)]
        rest = (await _message(model, [asked, AIMessage(half)])).text
    # The same text, and not for long: what is read at once may be rounded otherwise than what was written.
    assert rest[:8] == whole[len(half) :][:8]


async def test_a_model_that_knows_tools_takes_them(real: RealOllama) -> None:
    async with _ours(real, real.calls) as model:
        message = await _message(model.bind(tools=TOOLS), ASKED)
    assert message.text or message.tool_calls


async def test_calls_and_their_answers_are_read_and_a_call_is_made(real: RealOllama) -> None:
    # Shown often enough, a model of any size does it again.
    turns = [turn for colour in ("red", "blue", "green", "white") for turn in _painted(colour)]
    async with _ours(real, real.calls, num_predict=40) as model:
        message = await _message(model.bind(tools=TOOLS), [*turns, HumanMessage("Paint it black.")])
    assert message.text == ""
    assert [(call["name"], call["args"]) for call in message.tool_calls] == [("paint", {"colour": "black"})]
    assert all(call["id"] for call in message.tool_calls)


def _painted(colour: str) -> Sequence[BaseMessage]:
    call = {"name": "paint", "args": {"colour": colour}, "id": colour, "type": "tool_call"}
    return (
        HumanMessage(f"Paint it {colour}."),
        AIMessage("", tool_calls=[call]),
        ToolMessage("Done.", tool_call_id=colour),
        AIMessage("It is done."),
    )


@pytest.mark.parametrize("how", ["streamed", "plain"])
async def test_a_model_that_knows_none_refuses_them(real: RealOllama, how: How) -> None:
    async with _ours(real, real.talks) as model:
        with pytest.raises(ProviderRejected):
            await _message(model.bind(tools=TOOLS), ASKED, how)


async def test_a_run_with_tools_does_without_where_there_is_nobody_who_knows_them(factory: ModelFactory) -> None:
    model = (await factory.select()).model.bind_tools([PAINT], max_tokens=8)
    message = await _message(model, ASKED)
    assert message.text
    assert message.response_metadata[MISSING_CAPABILITIES] == ["tools"]


@pytest.mark.parametrize("how", ["streamed", "plain"])
async def test_a_model_that_is_not_there_is_refused(real: RealOllama, how: How) -> None:
    async with _ours(real, f"{real.talks}-no") as model:
        with pytest.raises(ProviderRejected):
            await _message(model, ASKED, how)


async def test_a_model_that_is_not_there_is_told_what_is_near(factory: ModelFactory, real: RealOllama) -> None:
    with pytest.raises(UnknownModel) as unknown:
        await factory.select(model=f"ollama:{real.talks}-no")
    assert f"ollama:{real.talks}:latest" in unknown.value.near


async def test_who_leaves_is_not_written_for(factory: ModelFactory, real: RealOllama) -> None:
    model = await _talking(factory, max_tokens=4000)
    async with httpx.AsyncClient(base_url=real.url) as client:
        async with aclosing(cast(Any, model.astream(ENDLESS))) as stream:
            await anext(stream)
            # It lets go of a model that nobody is answered by.
            await client.post("/api/generate", json={"model": real.talks, "keep_alive": 0})
            await asyncio.sleep(0.5)
            assert await _is_loaded(client, real)
            left = monotonic()
        assert monotonic() - left < 1
        while await _is_loaded(client, real):
            assert monotonic() - left < 10
            await asyncio.sleep(0.05)


async def _is_loaded(client: httpx.AsyncClient, real: RealOllama) -> bool:
    loaded = (await client.get("/api/ps")).raise_for_status().json()["models"]
    # The weights are the same, and loaded once.
    return any(entry["model"] in {f"{real.talks}:latest", f"{real.calls}:latest"} for entry in loaded)


async def test_texts_become_vectors_for_two_at_once(real: RealOllama) -> None:
    made = embedder(f"ollama:{real.talks}", real.settings())
    try:
        both, one = await asyncio.gather(made.vectors(["The sea is wide.", "A cat sat."]), made.vectors(["A cat sat."]))
    finally:
        await made.aclose()
    assert (both.shape, one.shape) == ((2, 576), (1, 576))
    lengths = np.linalg.norm(np.concatenate([both, one]), axis=1)
    assert (lengths > 0).all()
    assert both[1] @ one[0] / lengths[1] / lengths[2] > 0.99
    assert both[0] @ one[0] / lengths[0] / lengths[2] < 0.99


async def test_vectors_of_a_model_that_is_not_there_are_refused(real: RealOllama) -> None:
    made = embedder(f"ollama:{real.talks}-no", real.settings())
    try:
        with pytest.raises(ProviderRejected):
            await made.vectors(["The sea is wide."])
    finally:
        await made.aclose()


async def test_it_takes_over_in_the_middle_of_an_answer(real: RealOllama) -> None:
    said = "The sea is a very large body of salt water that covers"
    async with Loopback() as first:
        await asyncio.to_thread(first.say, Cut(12, Reply(f"{said} nobody hears this.")))
        settings = real.settings("openai:loop", f"ollama:{real.talks}").model_copy(
            update={"openai_api_key": SecretStr("a-key-for-tests"), "openai_base_url": first.openai_url}
        )
        factory = ModelFactory(settings)
        await factory.start()
        try:
            message = await _message(await _talking(factory), [HumanMessage("What is the sea?")])
        finally:
            await factory.aclose()
    assert message.text.startswith(f"{said} ")
    assert len(message.text) > len(said) + 1
    assert "nobody" not in message.text
    assert message.response_metadata[ANSWERED_BY][-1] == f"ollama:{real.talks}:latest"
