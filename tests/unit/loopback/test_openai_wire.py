from typing import Any

from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import (
    ChatCompletionChunk,
    ChatCompletionMessageParam,
    ChatCompletionStreamOptionsParam,
    ChatCompletionToolParam,
)

from tests.loopback import Loopback, Model, Reply, ToolCall, Usage
from tests.loopback.catalog import vector
from tests.unit.loopback.caller import Caller

HELLO: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello there"},
]
WEATHER: ChatCompletionToolParam = {"type": "function", "function": {"name": "weather", "parameters": {}}}
WITH_USAGE: ChatCompletionStreamOptionsParam = {"include_usage": True}


async def stream(client: AsyncOpenAI) -> AsyncStream[ChatCompletionChunk]:
    return await client.chat.completions.create(
        model="loop", messages=HELLO, stream=True, stream_options=WITH_USAGE, tools=[WEATHER]
    )


async def deltas(client: AsyncOpenAI) -> list[dict[str, Any]]:
    chunks = [chunk async for chunk in await stream(client)]
    return [each.choices[0].delta.model_dump(exclude_unset=True) for each in chunks if each.choices]


async def test_without_a_script_the_user_is_echoed(server: Loopback, openai: AsyncOpenAI) -> None:
    answer = await openai.chat.completions.create(model="loop", messages=HELLO)
    assert answer.model_dump(exclude_unset=True) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_767_225_600,
        "model": "loop",
        "system_fingerprint": "fp_loopback",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "You said: Hello there", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 4,
            "completion_tokens": 4,
            "total_tokens": 8,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


async def test_a_message_in_parts_is_echoed_too(server: Loopback, openai: AsyncOpenAI) -> None:
    parts: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]}
    ]
    answer = await openai.chat.completions.create(model="loop", messages=parts)
    assert answer.choices[0].message.content == "You said: one two"


async def test_a_stream_brings_thoughts_then_words_then_the_reason_and_the_usage(
    server: Loopback, openai: AsyncOpenAI
) -> None:
    server.say(Reply(pieces=("He", "llo"), reasoning="I think", usage=Usage(10, 4, cached=6, reasoning=2)))
    chunks = [chunk async for chunk in await stream(openai)]
    assert [chunk.choices[0].delta.model_dump(exclude_unset=True) for chunk in chunks[:-1]] == [
        {"role": "assistant", "content": "", "refusal": None},
        {"reasoning_content": "I "},
        {"reasoning_content": "think"},
        {"content": "He"},
        {"content": "llo"},
        {},
    ]
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * 5 + ["stop"]
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * 6
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.model_dump(exclude_unset=True) == {
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 6},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }


async def test_a_stream_that_did_not_ask_for_usage_gets_none(server: Loopback, openai: AsyncOpenAI) -> None:
    chunks = [c async for c in await openai.chat.completions.create(model="loop", messages=HELLO, stream=True)]
    assert all(chunk.choices and "usage" not in chunk.model_fields_set for chunk in chunks)


async def test_a_provider_may_forget_the_usage_that_was_asked_for(server: Loopback, openai: AsyncOpenAI) -> None:
    server.say(Reply("hi", usage=None), Reply("hi", usage=None))
    assert [chunk.usage async for chunk in await stream(openai)] == [None] * 3
    answer = await openai.chat.completions.create(model="loop", messages=HELLO)
    assert answer.usage is None


async def test_parallel_tool_calls_come_in_fragments(server: Loopback, openai: AsyncOpenAI) -> None:
    server.say(
        Reply(tool_calls=(ToolCall("weather", {"city": "Bonn"}, id="a"), ToolCall("time", '{"zone"', fragment=3)))
    )
    assert await deltas(openai) == [
        {"role": "assistant", "content": "", "refusal": None},
        {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "weather", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"city":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '"Bonn"}'}}]},
        {
            "tool_calls": [
                {"index": 1, "id": "call_1_1", "type": "function", "function": {"name": "time", "arguments": ""}}
            ]
        },
        {"tool_calls": [{"index": 1, "function": {"arguments": '{"z'}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": "one"}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": '"'}}]},
        {},
    ]


async def test_a_turn_that_calls_tools_ends_for_that_reason(server: Loopback, openai: AsyncOpenAI) -> None:
    server.say(Reply("Let me see.", reasoning="hm", tool_calls=(ToolCall("weather", {"city": "Bonn"}),)))
    answer = await openai.chat.completions.create(model="loop", messages=HELLO)
    assert answer.choices[0].finish_reason == "tool_calls"
    function = {"name": "weather", "arguments": '{"city":"Bonn"}'}
    assert answer.choices[0].message.model_dump(exclude_unset=True) == {
        "role": "assistant",
        "content": "Let me see.",
        "refusal": None,
        "reasoning_content": "hm",
        "tool_calls": [{"id": "call_1_0", "type": "function", "function": function}],
    }


async def test_a_model_may_refuse_or_run_out_of_room(server: Loopback, openai: AsyncOpenAI) -> None:
    server.say(Reply(refusal="I won't."), Reply("and so", finish="length"))
    assert await deltas(openai) == [
        {"role": "assistant", "content": "", "refusal": None},
        {"refusal": "I "},
        {"refusal": "won't."},
        {},
    ]
    answer = await openai.chat.completions.create(model="loop", messages=HELLO)
    assert answer.choices[0].finish_reason == "length"


async def test_a_model_may_say_nothing(server: Loopback, openai: AsyncOpenAI) -> None:
    server.say(Reply())
    assert await deltas(openai) == [{"role": "assistant", "content": "", "refusal": None}, {}]


def test_the_bytes_of_a_stream_are_events_in_chunks(server: Loopback) -> None:
    server.say(Reply("é"))
    with Caller(server) as caller:
        caller.ask(stream=True)
        head, _, body = caller.hear(b"0\r\n\r\n").partition(b"\r\n\r\n")
    assert head == b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked"
    envelope = (
        b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767225600,"model":"loop",'
        b'"system_fingerprint":"fp_loopback","choices":[{"index":0,"delta":%b,"logprobs":null,"finish_reason":%b}]}\n\n'
    )
    opening = envelope % (b'{"role":"assistant","content":"","refusal":null}', b"null")
    piece = opening + envelope % ('{"content":"é"}'.encode(), b"null")
    closing = envelope % (b"{}", b'"stop"') + b"data: [DONE]\n\n"
    assert body == b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(piece), piece, len(closing), closing)


async def test_embeddings_are_the_same_in_both_encodings(server: Loopback, openai: AsyncOpenAI) -> None:
    texts = ["red apple", "red apples", "blue"]
    packed = await openai.embeddings.create(model="loop-embed", input=texts)
    plain = await openai.embeddings.create(model="loop-embed", input=texts, encoding_format="float")
    assert [each.embedding for each in plain.data] == [vector(text, 8) for text in texts]
    assert [[round(x, 6) for x in each.embedding] for each in packed.data] == [
        [round(x, 6) for x in vector(text, 8)] for text in texts
    ]
    assert plain.usage.model_dump() == {"prompt_tokens": 5, "total_tokens": 5}


async def test_one_text_or_one_list_of_tokens_is_one_vector(server: Loopback, openai: AsyncOpenAI) -> None:
    one = await openai.embeddings.create(model="loop-embed", input="red apple", dimensions=3, encoding_format="float")
    assert [each.embedding for each in one.data] == [vector("red apple", 3)]
    tokens = await openai.embeddings.create(model="loop-embed", input=[1, 2, 3])
    assert len(tokens.data) == 1
    batch = await openai.embeddings.create(model="loop-embed", input=[[1, 2], [3]])
    assert len(batch.data) == 2


async def test_the_models_are_those_of_the_catalog() -> None:
    async with (
        Loopback(models=(Model("small", context=512),)) as server,
        AsyncOpenAI(base_url=server.openai_url, api_key="x", max_retries=0) as client,
    ):
        assert [model.model_dump(exclude_unset=True) async for model in client.models.list()] == [
            {
                "id": "small",
                "object": "model",
                "created": 1_767_225_600,
                "owned_by": "loopback",
                "max_model_len": 512,
            }
        ]
