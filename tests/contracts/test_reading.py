"""Two ways to read one stream, ours and LangChain's own: the same messages, the same errors, the same request."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import openai
import orjson
import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, message_chunk_to_message
from pydantic import SecretStr

from llm.errors import ContextTooLong, ModelError, ModelOverloaded, ModelUnavailable, ProviderRejected
from llm.vendors import ollama as ollama_module
from llm.vendors import openai as openai_module
from llm.vendors.stream.pool import HttpxTransport, Pool
from tests.loopback import (
    Cut,
    EmptyStream,
    ErrorEvent,
    GarbledFraming,
    Loopback,
    MalformedChunk,
    Refused,
    Reply,
    Reset,
    Shredded,
    Status,
    ToolCall,
    TruncatedUtf8,
    Usage,
    WrongContentType,
    context_overflow,
    model_gone,
    server_error,
    too_many_requests,
    unauthorized,
)
from tests.loopback.fault import Fault

ASKED = [SystemMessage("Be brief."), HumanMessage("Which city?")]
SPEECH = 'Naïve café ☕ — 東京 🙂 👩‍👩‍👧 zurück\n\n- "quoted" \\ back'
CALLS = (
    ToolCall("calculate", {"expression": "1/3 + 1/6", "why": "héh 🙂"}, id="call-1"),
    ToolCall("calculate", {"expression": "2"}, id="call-2"),
)


@dataclass(frozen=True, slots=True)
class Ways:
    """One model, read by us and by LangChain."""

    ours: BaseChatModel
    theirs: BaseChatModel


@asynccontextmanager
async def _openai_ways(provider: Loopback) -> AsyncIterator[Ways]:
    # As the service does: certificates are read from files.
    ours = await asyncio.to_thread(openai_module.pooled_client, provider.openai_url, connect=5.0)
    theirs = await asyncio.to_thread(openai.DefaultAsyncHttpxClient)

    def built(client: Any) -> openai_module.OpenAIChat:
        return openai_module.chat_model(
            "loop", key=SecretStr("none"), base_url=provider.openai_url, client=client, timeout=5.0
        )

    plain = built(theirs)
    plain.async_client = plain.root_async_client.chat.completions
    try:
        yield Ways(built(ours), plain)
    finally:
        await ours.aclose()
        await theirs.aclose()


@asynccontextmanager
async def _ollama_ways(provider: Loopback) -> AsyncIterator[Ways]:
    transport, timeout = HttpxTransport(Pool(provider.ollama_url, connect=5.0)), 5.0
    ours = ollama_module.chat_model(
        "loop", base_url=provider.ollama_url, transport=transport, timeout=timeout, reasoning=True
    )
    theirs = ollama_module.OllamaChat(
        model="loop", base_url=provider.ollama_url, client_kwargs={"timeout": timeout}, reasoning=True
    )
    try:
        yield Ways(ours, theirs)
    finally:
        await transport.aclose()
        await theirs._async_client._client.aclose()


@pytest.fixture(params=["openai", "ollama"])
def wire(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def provider() -> AsyncIterator[Loopback]:
    async with Loopback() as running:
        yield running


@pytest.fixture
async def ways(wire: str, provider: Loopback) -> AsyncIterator[Ways]:
    async with (_openai_ways if wire == "openai" else _ollama_ways)(provider) as both:
        yield both


async def _message(model: BaseChatModel, **asked: Any) -> AIMessage:
    chunks = [chunk async for chunk in model.astream(ASKED, **asked)]
    whole = reduce(add, chunks)
    assert isinstance(whole, AIMessageChunk)
    message = message_chunk_to_message(whole)
    assert isinstance(message, AIMessage)
    return message


def _told(message: AIMessage, wire: str) -> Mapping[str, Any]:
    """All that a message says, without the ids that are made up here or, for Ollama's calls, by LangChain."""
    told = message.model_dump(exclude={"id": True, "response_metadata": {"id"}})
    if wire == "ollama":
        told["tool_calls"] = [{**call, "id": ""} for call in told["tool_calls"]]
    return told


async def _same(ways: Ways, wire: str, provider: Loopback, script: Reply | Fault, **asked: Any) -> AIMessage:
    provider.say(script, script)
    ours, theirs = await _message(ways.ours, **asked), await _message(ways.theirs, **asked)
    assert _told(ours, wire) == _told(theirs, wire)
    return ours


ANSWERS: dict[str, Reply | Fault] = {
    "text": Reply("Paris is the capital."),
    "text of all kinds": Reply(SPEECH),
    "one long text": Reply(pieces=tuple(f"word{number} " for number in range(3000)), per_write=500),
    "many tokens in one write": Reply(SPEECH * 20, per_write=64),
    "a byte at a time": Shredded(1, Reply(SPEECH)),
    "three bytes at a time, with calls": Shredded(3, Reply("Let me see. ", tool_calls=CALLS)),
    "a call": Reply(tool_calls=CALLS[:1]),
    "several calls": Reply(tool_calls=CALLS),
    "text and calls": Reply("Let me see. ", tool_calls=CALLS),
    "reasoning": Reply("Yes.", reasoning="Let me think. 🙂"),
    "reasoning in one write": Reply("Yes, of course.", reasoning="Let me think.", per_write=64),
    "usage": Reply("Paris.", usage=Usage(prompt=12, completion=4, cached=3, reasoning=2)),
    "no usage": Reply("Paris.", usage=None),
    "a refusal": Reply(refusal="That I will not do."),
    "cut at its length": Reply("And then", finish="length"),
    "empty pieces": Reply(pieces=("a", "", "b", "", "")),
    "nothing but an end": Reply(),
    "filtered": Reply("And then", finish="content_filter"),
}


@pytest.mark.parametrize("answer", ANSWERS)
async def test_both_ways_give_the_same_message(ways: Ways, wire: str, provider: Loopback, answer: str) -> None:
    message = await _same(ways, wire, provider, ANSWERS[answer])
    script = ANSWERS[answer]
    reply = script.reply if isinstance(script, Shredded) else script
    assert isinstance(reply, Reply)
    assert message.text == reply.said or reply.refusal
    assert [call["args"] for call in message.tool_calls] == [call.arguments for call in reply.tool_calls]


async def test_broken_arguments_are_invalid_calls_both_ways(provider: Loopback) -> None:
    async with _openai_ways(provider) as ways:
        broken = Reply(tool_calls=(ToolCall("calculate", "expression = 2", id="call-1"),))
        message = await _same(ways, "openai", provider, broken)
    assert [call["name"] for call in message.invalid_tool_calls] == ["calculate"]


async def test_both_ways_ask_for_the_same(ways: Ways, wire: str, provider: Loopback) -> None:
    tool = {"type": "function", "function": {"name": "f", "description": "F.", "parameters": {"type": "object"}}}
    await _same(ways, wire, provider, Reply("Yes."), stop=["END"], tools=[tool])
    ours, theirs = provider.requests
    assert (ours.method, ours.path, ours.body) == (theirs.method, theirs.path, theirs.body)
    for name in ("authorization", "content-type", "accept", "user-agent"):
        assert ours.headers.get(name) == theirs.headers.get(name)


async def test_a_wanted_form_is_read_as_the_vendor_reads_it(provider: Loopback) -> None:
    async with _openai_ways(provider) as ways:
        form = {"type": "json_object"}
        message = await _same(ways, "openai", provider, Reply('{"city": "Paris"}'), response_format=form)
    assert message.text == '{"city": "Paris"}'


async def test_wanted_headers_are_told_as_the_vendor_tells_them(provider: Loopback) -> None:
    async with _openai_ways(provider) as ways:
        for model in (ways.ours, ways.theirs):
            assert isinstance(model, openai_module.OpenAIChat)
            model.include_response_headers = True
        message = await _same(ways, "openai", provider, Reply("Paris."))
    assert message.response_metadata["headers"]["content-type"].startswith("text/event-stream")


async def test_an_answer_that_is_not_streamed_is_the_same(ways: Ways, wire: str, provider: Loopback) -> None:
    provider.say(Reply(SPEECH), Reply(SPEECH))
    ours, theirs = await ways.ours.ainvoke(ASKED), await ways.theirs.ainvoke(ASKED)
    assert (ours.text, _told(ours, wire)) == (SPEECH, _told(theirs, wire))


def _chunk(delta: Mapping[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, **more}
    return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "loop", "choices": [choice]}


def _framed(*payloads: object, newline: bytes = b"\n", between: bytes = b"") -> bytes:
    framed = [b"data: " + orjson.dumps(payload) + newline * 2 + between for payload in payloads]
    return between + b"".join(framed) + b"data: [DONE]" + newline * 2


def _events(*payloads: object, newline: bytes = b"\n", between: bytes = b"") -> Status:
    return Status(200, _framed(*payloads, newline=newline, between=between), content_type="text/event-stream")


_SCORES = {"content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}], "refusal": None}
_STOP = _chunk({}, "stop")
_TEXTS = [_chunk({"role": "assistant", "content": ""}), _chunk({"content": "Pa"}), _chunk({"content": "ris ☕"})]
_NAMELESS = {"function": {"name": "f", "arguments": "{}"}}

COMPLETIONS: dict[str, Status] = {
    "CR LF": _events(*_TEXTS, _STOP, newline=b"\r\n"),
    "CR": _events(*_TEXTS, _STOP, newline=b"\r"),
    "comments between": _events(*_TEXTS, _STOP, between=b": keep-alive\n\n"),
    "a role with each text": _events(*(_chunk({"role": "assistant", "content": text}) for text in "abc"), _STOP),
    "log probabilities": _events(_chunk({"content": "a"}, logprobs=_SCORES), _chunk({"content": "b"}), _STOP),
    "an end with the last text": _events(*_TEXTS, _chunk({"content": "!"}, "stop")),
    "an empty reason to end": _events(*(_chunk({"content": text}, "") for text in "abc"), _STOP),
    "reasoning by another name": _events(
        _chunk({"reasoning": "Hm"}), _chunk({"content": "a", "reasoning": None}), _STOP
    ),
    "no content": _events(_chunk({"role": "assistant"}), _chunk({"content": None}), *_TEXTS, _STOP),
    "two choices": _events({**_chunk({}), "choices": [_chunk({"content": t})["choices"][0] for t in "ab"]}, _STOP),
    "another choice's": _events(_chunk({"content": "a"}, index=1), _chunk({"content": "b"}), _STOP),
    "fields of their own": _events(*({**chunk, "provider": "x", "extra": {"y": 1}} for chunk in (*_TEXTS, _STOP))),
    "no choices": _events({"id": "x", "choices": [], "prompt_filter_results": [1]}, *_TEXTS, _STOP),
    "a tier and a fingerprint": _events(
        *({**chunk, "service_tier": "flex", "system_fingerprint": "fp"} for chunk in (*_TEXTS, _STOP))
    ),
    "usage beside the end": _events(
        *_TEXTS, {**_STOP, "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}
    ),
    "usage with each text": _events(
        *({**chunk, "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}} for chunk in _TEXTS),
        _STOP,
    ),
    "a call without an index": _events(_chunk({"tool_calls": [{"id": "c", "type": "function", **_NAMELESS}]}), _STOP),
    "the older kind of call": _events(_chunk({"function_call": {"name": "f", "arguments": "{}"}}), _STOP),
    "text within a call": _events(
        _chunk({"content": "a", "tool_calls": [{"index": 0, "id": "c", **_NAMELESS}]}), _chunk({"content": "b"}), _STOP
    ),
    "something after the end": Status(
        200, _framed(*_TEXTS, _STOP) + _framed(*_TEXTS, _STOP), content_type="text/event-stream"
    ),
    "compressed": Status(
        200,
        gzip.compress(_framed(*_TEXTS, _STOP)),
        headers=(("Content-Encoding", "gzip"),),
        content_type="text/event-stream",
    ),
    "data in two lines": Status(
        200,
        _framed(*_TEXTS, _STOP).replace(b'{"id":"x",', b'{"id":"x",\ndata: '),
        content_type="text/event-stream",
    ),
    "other fields of an event": Status(
        200,
        _framed(*_TEXTS, _STOP).replace(b"data:", b"event: chunk\nretry: 10\ndata:"),
        content_type="text/event-stream",
    ),
}


@pytest.mark.parametrize("stream", COMPLETIONS)
async def test_both_ways_read_the_same_of_what_servers_of_the_format_send(provider: Loopback, stream: str) -> None:
    async with _openai_ways(provider) as ways:
        await _same(ways, "openai", provider, COMPLETIONS[stream])


def _lines(*parts: object, newline: bytes = b"\n", last: bytes = b"\n") -> Status:
    body = newline.join(orjson.dumps(part) for part in parts) + last
    return Status(200, body, content_type="application/x-ndjson")


def _part(message: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "loop", "created_at": "now", "message": {"role": "assistant", **message}, "done": False, **more}


_END = _part({"content": ""}, done=True, done_reason="stop", eval_count=2, prompt_eval_count=3)
_PARTS = [_part({"content": text}) for text in ("Pa", "ris ☕")]

CHATS: dict[str, Status] = {
    "CR LF": _lines(*_PARTS, _END, newline=b"\r\n"),
    "a last line without an end": _lines(*_PARTS, _END, last=b""),
    "log probabilities": _lines(_part({"content": "a"}, logprobs=[{"token": "a", "logprob": -0.5}]), *_PARTS, _END),
    "text with the end": _lines(*_PARTS, {**_END, "message": {"role": "assistant", "content": "!"}}),
    "thinking beside text": _lines(_part({"content": "a", "thinking": "Hm"}), *_PARTS, _END),
    "fields of their own": _lines(*({**part, "extra": {"y": 1}} for part in (*_PARTS, _END))),
    "from elsewhere": _lines(*({**part, "remote_model": "m", "remote_host": "h"} for part in (*_PARTS, _END))),
    "a call between texts": _lines(
        _PARTS[0],
        _part({"content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": "[1]"}}}]}),
        _PARTS[1],
        _END,
    ),
    "no content": _lines(_part({}), *_PARTS, _END),
}


@pytest.mark.parametrize("stream", CHATS)
async def test_both_ways_read_the_same_of_what_ollamas_send(provider: Loopback, stream: str) -> None:
    async with _ollama_ways(provider) as ways:
        await _same(ways, "ollama", provider, CHATS[stream])


async def test_text_that_comes_together_is_one_piece(ways: Ways, provider: Loopback) -> None:
    provider.say(Reply("word " * 200, per_write=300))
    chunks = [chunk async for chunk in ways.ours.astream(ASKED)]
    assert "".join(chunk.text for chunk in chunks) == "word " * 200
    assert len([chunk for chunk in chunks if chunk.text]) < 20


class _Listener(AsyncCallbackHandler):
    def __init__(self) -> None:
        self.heard: list[str] = []

    async def on_llm_new_token(self, token: str, **_: Any) -> None:  # type: ignore[override]
        self.heard.append(token)


async def test_who_listens_hears_every_text(ways: Ways, provider: Loopback) -> None:
    listener = _Listener()
    provider.say(Reply(SPEECH))
    await _message(ways.ours, config={"callbacks": [listener]})
    assert "".join(listener.heard) == SPEECH


COUNTED = Reply("one two three four")
FAULTS: dict[str, tuple[Fault, type[ModelError]]] = {
    "refused": (Refused(seconds=0.5), ModelUnavailable),
    "reset at once": (Reset(0, COUNTED), ModelUnavailable),
    "reset in the middle": (Reset(2, COUNTED), ModelUnavailable),
    "cut before its end": (Cut(2, COUNTED), ModelUnavailable),
    "no header": (GarbledFraming(0), ModelUnavailable),
    "no chunk": (GarbledFraming(2, COUNTED), ModelUnavailable),
    "malformed": (MalformedChunk(1, COUNTED), ModelUnavailable),
    "an error within": (ErrorEvent(2), ModelUnavailable),
    "an error at once": (ErrorEvent(0), ModelUnavailable),
    "empty": (EmptyStream(), ModelUnavailable),
    "somebody else's page": (WrongContentType(), ModelUnavailable),
    "ill": (server_error(), ModelUnavailable),
    "too much to do": (too_many_requests(7), ModelOverloaded),
    "wrong key": (unauthorized(), ProviderRejected),
    "gone": (model_gone("loop"), ProviderRejected),
    "too long": (context_overflow(), ContextTooLong),
}


async def _failure(model: BaseChatModel) -> tuple[str, ModelError]:
    """What was said before it failed, and the failure."""
    said = ""
    with pytest.raises(ModelError) as failed:
        async for chunk in model.astream(ASKED):
            said += chunk.text
    return said, failed.value


@pytest.mark.parametrize("fault", FAULTS)
async def test_both_ways_fail_alike(ways: Ways, provider: Loopback, fault: str) -> None:
    script, kind = FAULTS[fault]
    failures = []
    for model in (ways.ours, ways.theirs):
        await asyncio.to_thread(provider.say, script)
        failures.append(await _failure(model))
        if isinstance(script, Refused):
            await asyncio.to_thread(provider.reopen)
    (said, ours), (_, theirs) = failures
    assert type(ours) is type(theirs) is kind
    assert (str(ours), ours.retry_after) == (str(theirs), theirs.retry_after)
    assert COUNTED.text.startswith(said)


async def test_a_character_that_was_cut_is_never_text(ways: Ways, provider: Loopback) -> None:
    provider.say(TruncatedUtf8(2, COUNTED))
    said, error = await _failure(ways.ours)
    assert (said, type(error)) == ("one two ", ModelUnavailable)


async def test_an_answer_that_ends_without_saying_so_broke_off(ways: Ways, wire: str, provider: Loopback) -> None:
    provider.say(_events(*_TEXTS) if wire == "openai" else _lines(*_PARTS))
    said, error = await _failure(ways.ours)
    assert (said, str(error)) == ("Paris ☕", "The model 'loop' stopped before its answer was complete.")


async def test_a_line_without_an_end_does_not_fill_the_memory(ways: Ways, provider: Loopback) -> None:
    provider.say(Status(200, b"data: " + b"x" * 6_000_000, content_type="text/event-stream"))
    said, error = await _failure(ways.ours)
    assert (said, str(error)) == ("", "The model 'loop' sent an answer that cannot be read.")
