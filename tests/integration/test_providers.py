"""Models of OpenAI's and Ollama's wire formats, over real sockets to servers of ours that speak them."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from pydantic import SecretStr

from llm.catalog import Provider
from llm.errors import ModelUnavailable, ProviderRejected
from llm.settings import ModelSettings
from llm.vendors import ollama, openai
from tests.loopback import (
    EmptyStream,
    Endless,
    Loopback,
    MalformedChunk,
    Refused,
    Reply,
    Reset,
    ToolCall,
    Usage,
    context_overflow,
    model_gone,
    server_error,
    too_many_requests,
    unauthorized,
)
from tests.loopback.fault import Fault
from tests.server import Event, Server, last, said, serving, transcript
from tests.waiting import LIMIT_SECONDS, wait_for

PAINT = {"name": "paint", "description": "Paints the wall.", "parameters": {"type": "object", "properties": {}}}


@contextmanager
def _served(data: Path, wire: str, provider: Loopback) -> Iterator[Server]:
    if wire == "openai":
        environment = {
            "OPENAI_API_KEY": "a-key-for-tests",
            "OPENAI_BASE_URL": provider.openai_url,
            "AGENKIT_OPENAI_MODEL": "loop",
        }
    else:
        environment = {"OLLAMA_BASE_URL": provider.ollama_url}
    with serving(data, **environment, AGENKIT_RETRY_MAX_ATTEMPTS="1") as server:
        yield server


@pytest.fixture(params=["openai", "ollama"])
def wire(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def provider() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture
def server(tmp_path: Path, wire: str, provider: Loopback) -> Iterator[Server]:
    with _served(tmp_path, wire, provider) as running:
        yield running


async def _named(server: Server) -> str:
    """The first model of the profile, which is the provider's."""
    async with server.client() as client:
        told: str = (await client.get("/api/v1/models")).json()["profiles"][0]["models"][0]
    return told


def _chats(provider: Loopback) -> list[Any]:
    return [call for call in provider.calls if call.request.path in ("/v1/chat/completions", "/api/chat")]


async def test_a_provider_answers_in_a_stream(server: Server, provider: Loopback, wire: str) -> None:
    provider.say(Reply("Paris is the capital.", usage=Usage(prompt=12, completion=4)))
    events = await server.run(text="Which city?")
    assert said(events) == "Paris is the capital."
    usage = events[-1]["usage"]
    assert [(told["provider"], told["inputTokens"], told["outputTokens"]) for told in usage] == [(wire, 12, 4)]
    sent = _chats(provider)[0].request.body
    assert sent["stream"] is True
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    assert {tool["function"]["name"] for tool in sent["tools"]} == {"calculate", "date_shift"}


async def test_the_provider_is_what_the_chat_profile_takes(server: Server, wire: str) -> None:
    async with server.client() as client:
        told = (await client.get("/api/v1/models")).json()
    (chat,) = (profile for profile in told["profiles"] if profile["name"] == "chat")
    assert [spec.partition(":")[0] for spec in chat["models"]] == [wire, "embedded"]
    assert len({model["id"] for model in told["items"] if model["provider"] == wire}) > 0


async def test_a_tool_call_comes_in_fragments_and_its_result_goes_back(server: Server, provider: Loopback) -> None:
    call = ToolCall("calculate", {"expression": "1/3 + 1/6"}, id="call-1")
    provider.say(Reply(tool_calls=(call,)), Reply("A half."))
    events = await server.run(text="How much?")
    started = last(events, "TOOL_CALL_START")
    arguments = "".join(event["delta"] for event in events if event["type"] == "TOOL_CALL_ARGS")
    assert (started["toolCallName"], arguments.replace(" ", "")) == ("calculate", '{"expression":"1/3+1/6"}')
    assert last(events, "TOOL_CALL_RESULT")["content"] == "0.5"
    assert said(events) == "A half."
    sent = _chats(provider)[1].request.body["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "tool"]
    assert sent[-1]["content"] == "0.5"


async def test_calls_of_two_tools_in_one_answer_stay_apart(server: Server, provider: Loopback) -> None:
    calls = (
        ToolCall("calculate", {"expression": "2 + 2"}, id="call-1"),
        ToolCall("calculate", {"expression": "3 + 3"}, id="call-2"),
    )
    provider.say(Reply(tool_calls=calls), Reply("Both."))
    events = await server.run(text="How much?")
    results = [event["content"] for event in events if event["type"] == "TOOL_CALL_RESULT"]
    assert results == ["4", "6"]
    assert len({event["toolCallId"] for event in events if event["type"] == "TOOL_CALL_START"}) == 2


async def test_a_tool_of_the_clients_is_offered_and_left_to_it(server: Server, provider: Loopback) -> None:
    provider.say(Reply(tool_calls=(ToolCall("paint", {"colour": "green"}, id="call-p"),)))
    events = await server.run(text="Paint", tools=[PAINT])
    pending = last(events, "RUN_FINISHED")["outcome"]["pendingToolCallIds"]
    assert pending == [last(events, "TOOL_CALL_START")["toolCallId"]]


async def test_reasoning_text_is_told_as_reasoning(server: Server, provider: Loopback) -> None:
    provider.say(Reply("Yes.", reasoning="Let me think."))
    events = await server.run(text="Is it?")
    thought = "".join(event["delta"] for event in events if event["type"] == "REASONING_MESSAGE_CONTENT")
    assert (thought, said(events)) == ("Let me think.", "Yes.")
    assert transcript(events)[-1] == ("assistant", "Yes.")


FAULTS: dict[str, tuple[Fault, str]] = {
    "refused": (Refused(), "model_unavailable"),
    "reset at once": (Reset(0, Reply("one two three")), "model_unavailable"),
    "reset in the middle": (Reset(2, Reply("one two three")), "model_unavailable"),
    "empty": (EmptyStream(), "model_unavailable"),
    "malformed": (MalformedChunk(1, Reply("one two three")), "model_unavailable"),
    "ill": (server_error(), "model_unavailable"),
    "asked too much": (too_many_requests(None), "model_overloaded"),
    "wrong key": (unauthorized(), "provider_rejected"),
    "gone": (model_gone("loop"), "provider_rejected"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_provider_that_fails_ends_the_run_in_words(server: Server, provider: Loopback, fault: str) -> None:
    async with server.client() as client:
        # The lists are there before the provider falls ill.
        await client.get("/api/v1/models")
    script, code = FAULTS[fault]
    await asyncio.to_thread(provider.say, script)
    # Named, so that nobody else of the profile takes over.
    events = await server.run(text="Hello", thread="faulty", model=await _named(server))
    assert (events[-1]["type"], events[-1]["code"]) == ("RUN_ERROR", code)
    assert "Traceback" not in events[-1]["message"]
    assert provider.openai_url not in events[-1]["message"]
    if fault != "refused":
        provider.say(Reply("Well again."))
        assert said(await server.run(text="Hello?", thread="faulty", model=await _named(server))) == "Well again."


async def test_a_conversation_that_is_too_long_is_said_to_be(server: Server, provider: Loopback) -> None:
    provider.say(context_overflow())
    events = await server.run(text="Hello", model=await _named(server))
    assert events[-1]["code"] == "context_too_long"


@asynccontextmanager
async def _hung_up_on(server: Server, **asked: Any) -> AsyncIterator[list[Event]]:
    """Reads until the answer has begun, and closes the connection."""
    heard: list[Event] = []
    async with server.client() as client, server.opened(client, **asked) as events:
        async for event in events:
            heard.append(event)
            if event["type"] == "TEXT_MESSAGE_CONTENT":
                break
    yield heard


async def test_a_client_that_goes_away_stops_its_model_call(server: Server, provider: Loopback) -> None:
    provider.answer(lambda _: Reply(pieces=("word ",) * 100_000, delay=0.05))
    for number in range(5):
        async with _hung_up_on(server, text="Tell me a lot", thread=f"left-{number}"):
            call = _chats(provider)[number]
            assert await asyncio.to_thread(call.wait_hung_up)
    provider.answer(lambda _: Reply("Here."))
    assert said(await server.run(text="Are you there?", thread="left-0")) == "Here."


async def test_clients_that_go_away_while_tokens_rush_stop_their_calls_too(server: Server, provider: Loopback) -> None:
    # A cancel that arrives together with a token is the one that gets lost.
    provider.answer(lambda _: Reply(pieces=("word ",) * 100_000, delay=0.001))
    for number in range(10):
        async with _hung_up_on(server, text="Tell me a lot", thread=f"rush-{number}"):
            call = _chats(provider)[number]
            assert await asyncio.to_thread(call.wait_hung_up)


def _settings(provider: str, **own: Any) -> ModelSettings:
    """Both vendors at one address."""
    address = {"openai_base_url": f"{provider}/v1", "ollama_base_url": provider}
    return ModelSettings(openai_api_key=SecretStr("a-key-for-tests"), **address, **own)


@asynccontextmanager
async def _vendor(wire: str, settings: ModelSettings) -> AsyncIterator[Provider]:
    vendor: Provider = await asyncio.to_thread((openai if wire == "openai" else ollama).provider, settings)
    try:
        yield vendor
    finally:
        await vendor.aclose()


def _connections(provider: Loopback) -> int:
    lines = psutil.Process().net_connections(kind="tcp")
    return sum(line.raddr[1:] == (provider.port,) for line in lines)


async def _answer(model: BaseChatModel) -> str:
    return "".join([chunk.text async for chunk in model.astream([HumanMessage("Hi")])])


async def test_all_calls_of_a_provider_share_connections_that_are_kept(wire: str, provider: Loopback) -> None:
    async with _vendor(wire, _settings(provider.ollama_url)) as vendor:
        await vendor.refresh()
        for number in range(5):
            provider.say(Reply(f"Answer {number}"), Reply("Whole."))
            assert await _answer(vendor.chat_model("loop")) == f"Answer {number}"
            await vendor.chat_model("other").ainvoke([HumanMessage("Hi")])
        assert await asyncio.to_thread(_connections, provider) == 1
    gc.collect()
    assert await asyncio.to_thread(_connections, provider) == 0


async def test_a_provider_that_was_never_asked_closes_in_silence(wire: str) -> None:
    async with _vendor(wire, _settings("https://127.0.0.1:1")):
        pass
    gc.collect()


async def _no_connection(provider: Loopback) -> None:
    async def none_is_left() -> bool:
        return not await asyncio.to_thread(_connections, provider)

    await wait_for(none_is_left)


async def test_a_call_that_is_cancelled_while_tokens_rush_leaves_no_connection(wire: str, provider: Loopback) -> None:
    provider.answer(lambda _: Endless())
    async with _vendor(wire, _settings(provider.ollama_url)) as vendor:
        readers = [asyncio.create_task(_answer(vendor.chat_model("loop"))) for _ in range(10)]
        calls = [await asyncio.to_thread(provider.call, number) for number in range(len(readers))]
        assert all([await asyncio.to_thread(call.wait_pieces, 100) for call in calls])
        for reader in readers:
            reader.cancel()
        ends = await asyncio.gather(*readers, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends)
        assert all([await asyncio.to_thread(call.wait_hung_up) for call in calls])
        await _no_connection(provider)


async def test_a_reader_that_leaves_leaves_no_connection(wire: str, provider: Loopback) -> None:
    provider.answer(lambda _: Endless())
    async with _vendor(wire, _settings(provider.ollama_url)) as vendor:
        for number in range(5):
            async with aclosing(vendor.chat_model("loop")._astream([HumanMessage("Hi")])) as stream:  # type: ignore[type-var]
                async for chunk in stream:
                    if chunk.text:
                        break
            assert await asyncio.to_thread(provider.call(number).wait_hung_up)
        await _no_connection(provider)


@pytest.fixture
def nobody() -> Iterator[str]:
    """A place whose every connection stays on its way: its queue is full, and nobody takes from it."""
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


async def test_a_provider_that_does_not_take_the_call_is_given_up_in_time(wire: str, nobody: str) -> None:
    # The kernel itself would give it up after two minutes.
    async with asyncio.timeout(LIMIT_SECONDS), _vendor(wire, _settings(nobody, connect_timeout_seconds=0.2)) as vendor:
        with pytest.raises(ModelUnavailable):
            await _answer(vendor.chat_model("loop"))


async def test_the_environments_proxy_is_asked(wire: str, provider: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://somebody:s%40cret@127.0.0.1:{provider.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with _vendor(wire, _settings("http://provider.example")) as vendor:
        with pytest.raises(ProviderRejected):
            await _answer(vendor.chat_model("loop"))
    (request,) = provider.requests
    assert request.path.startswith("http://provider.example/")
    assert request.headers["proxy-authorization"] == "Basic c29tZWJvZHk6c0BjcmV0"


async def test_what_the_environment_keeps_from_its_proxy_is_asked_itself(
    wire: str, provider: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    provider.say(Reply("Here."))
    async with _vendor(wire, _settings(provider.ollama_url)) as vendor:
        assert await _answer(vendor.chat_model("loop")) == "Here."
