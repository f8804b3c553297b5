from typing import Any

import pytest
from ollama import AsyncClient, ResponseError

from tests.loopback import Loopback, Reply, ToolCall, Usage
from tests.loopback.catalog import vector
from tests.unit.loopback.caller import Caller

HELLO = [{"role": "user", "content": "Hello there"}]


async def lines(client: AsyncClient) -> list[dict[str, Any]]:
    chunks = await client.chat(model="loop", messages=HELLO, stream=True)
    return [chunk.model_dump(exclude_none=True, exclude={"model", "created_at"}) async for chunk in chunks]


def said(**fields: object) -> dict[str, Any]:
    return {"done": False, "message": {"role": "assistant", "content": "", **fields}}


async def test_without_a_script_the_user_is_echoed(server: Loopback, ollama: AsyncClient) -> None:
    answer = await ollama.chat(model="loop", messages=HELLO)
    assert answer.model_dump(exclude_none=True) == {
        "model": "loop",
        "created_at": "2026-01-01T00:00:00.000000Z",
        "done": True,
        "done_reason": "stop",
        "total_duration": 4_000_000,
        "load_duration": 0,
        "prompt_eval_count": 2,
        "prompt_eval_duration": 0,
        "eval_count": 4,
        "eval_duration": 4_000_000,
        "message": {"role": "assistant", "content": "You said: Hello there"},
    }


async def test_a_stream_brings_thoughts_then_words_then_calls_then_counts(
    server: Loopback, ollama: AsyncClient
) -> None:
    calls = (ToolCall("weather", {"city": "Bonn"}), ToolCall("time"))
    server.say(Reply("Hello you", reasoning="I think", tool_calls=calls, usage=Usage(10, 6)))
    assert await lines(ollama) == [
        said(thinking="I "),
        said(thinking="think"),
        said(content="Hello "),
        said(content="you"),
        said(tool_calls=[{"function": {"name": "weather", "arguments": {"city": "Bonn"}}}]),
        said(tool_calls=[{"function": {"name": "time", "arguments": {}}}]),
        {
            "message": {"role": "assistant", "content": ""},
            "done": True,
            "done_reason": "stop",
            "total_duration": 6_000_000,
            "load_duration": 0,
            "prompt_eval_count": 10,
            "prompt_eval_duration": 0,
            "eval_count": 6,
            "eval_duration": 6_000_000,
        },
    ]


async def test_a_whole_answer_has_thought_and_calls_in_one(server: Loopback, ollama: AsyncClient) -> None:
    server.say(Reply("Hm", reasoning="I think", tool_calls=(ToolCall("time"),), usage=None, finish="length"))
    answer = await ollama.chat(model="loop", messages=HELLO)
    assert answer.message.model_dump(exclude_none=True) == {
        "role": "assistant",
        "content": "Hm",
        "thinking": "I think",
        "tool_calls": [{"function": {"name": "time", "arguments": {}}}],
    }
    assert (answer.done_reason, answer.prompt_eval_count, answer.eval_count) == ("length", None, None)


def test_a_request_that_does_not_say_gets_a_stream_of_lines(server: Loopback) -> None:
    server.say(Reply("é", usage=None))
    with Caller(server) as caller:
        caller.ask(path="/api/chat")
        head, _, body = caller.hear(b"0\r\n\r\n").partition(b"\r\n\r\n")
    assert head == b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked"
    start = '{"model":"loop","created_at":"2026-01-01T00:00:00.000000Z","message":{"role":"assistant","content":'
    piece = (start + '"é"},"done":false}\n').encode()
    closing = (start + '""},"done":true,"done_reason":"stop","total_duration":1000000,"load_duration":0}\n').encode()
    assert body == b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(piece), piece, len(closing), closing)


async def test_texts_become_vectors(server: Loopback, ollama: AsyncClient) -> None:
    answer = await ollama.embed("loop-embed", ["red apple", "blue"])
    assert answer.embeddings == [vector("red apple", 8), vector("blue", 8)]
    assert answer.prompt_eval_count == 3


async def test_the_catalog_tells_what_a_model_can_do(server: Loopback, ollama: AsyncClient) -> None:
    assert [model.model for model in (await ollama.list()).models] == ["loop:latest", "loop-embed:latest"]
    shown = await ollama.show("loop:latest")
    assert shown.capabilities == ["completion", "tools", "thinking"]
    assert shown.modelinfo == {
        "general.architecture": "loop",
        "general.parameter_count": 1_000_000_000,
        "loop.context_length": 8192,
        "loop.embedding_length": 8,
    }


async def test_a_model_that_is_not_there_is_not_shown(server: Loopback, ollama: AsyncClient) -> None:
    with pytest.raises(ResponseError) as caught:
        await ollama.show("gone")
    assert (caught.value.error, caught.value.status_code) == ("model 'gone' not found", 404)


def test_the_server_tells_its_version(server: Loopback) -> None:
    with Caller(server) as caller:
        caller.send(b"GET /api/version?x=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert caller.hear_document() == (200, {"version": "0.13.0"})
