"""OpenAI's format: chat completions over server-sent events, embeddings, models."""

import struct
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from tests.loopback.catalog import vectors
from tests.loopback.fault import Problem
from tests.loopback.script import Reply, ToolCall, Usage, split
from tests.loopback.wire import Ask

# One moment for ever, so that whole answers can be compared.
CREATED: Final = 1_767_225_600
DONE: Final = b"data: [DONE]\n\n"

Json = dict[str, Any]


class OpenAI:
    """Chat completions as OpenAI streams them, with the `reasoning_content` that DeepSeek and vLLM add."""

    content_type = "text/event-stream; charset=utf-8"

    def streams(self, body: Mapping[str, Any]) -> bool:
        return bool(body.get("stream", False))

    def pieces(self, ask: Ask, reply: Reply) -> Iterator[bytes]:
        opening = self._opening(ask)
        for delta in deltas(ask, reply):
            yield opening + self.frame(chunk(ask, choice(delta)))
            opening = b""

    def closing(self, ask: Ask, reply: Reply) -> bytes:
        silent = next(deltas(ask, reply), None) is None
        opening = self._opening(ask) if silent else b""
        frames = opening + self.frame(chunk(ask, choice({}, finish(reply))))
        usage = reply.counted(ask.prompt_words)
        if usage is not None and wants_usage(ask):
            frames += self.frame(chunk(ask, usage=usage))
        return frames + DONE

    def document(self, ask: Ask, reply: Reply) -> bytes:
        usage = reply.counted(ask.prompt_words)
        told = {} if usage is None else {"usage": spell(usage)}
        said = {"index": 0, "message": message(ask, reply), "logprobs": None, "finish_reason": finish(reply)}
        return orjson.dumps({**envelope(ask, "chat.completion"), "choices": [said], **told})

    def piece(self, ask: Ask, text: str) -> bytes:
        return chunk(ask, choice({"content": text}))

    def problem(self, problem: Problem) -> bytes:
        fields = {"message": problem.message, "type": problem.type, "param": problem.param, "code": problem.code}
        return orjson.dumps({"error": fields})

    def frame(self, payload: bytes) -> bytes:
        return b"data: %b\n\n" % payload

    def _opening(self, ask: Ask) -> bytes:
        return self.frame(chunk(ask, choice({"role": "assistant", "content": "", "refusal": None})))


def deltas(ask: Ask, reply: Reply) -> Iterator[Json]:
    for thought in split(reply.reasoning):
        yield {"reasoning_content": thought}
    for word in reply.words:
        yield {"content": word}
    for word in split(reply.refusal):
        yield {"refusal": word}
    for index, call in enumerate(reply.tool_calls):
        yield {"tool_calls": [{"index": index, **called(ask, index, call, "")}]}
        for fragment in call.fragments:
            yield {"tool_calls": [{"index": index, "function": {"arguments": fragment}}]}


def called(ask: Ask, index: int, call: ToolCall, arguments: str) -> Json:
    function = {"name": call.name, "arguments": arguments}
    return {"id": call.id or f"call_{ask.number}_{index}", "type": "function", "function": function}


def message(ask: Ask, reply: Reply) -> Json:
    said: Json = {"role": "assistant", "content": reply.said or None, "refusal": reply.refusal or None}
    if reply.reasoning:
        said["reasoning_content"] = reply.reasoning
    if reply.tool_calls:
        said["tool_calls"] = [called(ask, index, call, call.json) for index, call in enumerate(reply.tool_calls)]
    return said


def chunk(ask: Ask, *choices: Json, usage: Usage | None = None) -> bytes:
    # A client that asked for usage gets the field in every chunk, and null in all but the last.
    told = {"usage": None if usage is None else spell(usage)} if wants_usage(ask) else {}
    return orjson.dumps({**envelope(ask, "chat.completion.chunk"), "choices": choices, **told})


def choice(delta: Json, finish_reason: str | None = None) -> Json:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def envelope(ask: Ask, kind: str) -> Json:
    name = f"chatcmpl-{ask.number}"
    return {"id": name, "object": kind, "created": CREATED, "model": ask.model, "system_fingerprint": "fp_loopback"}


def finish(reply: Reply) -> str:
    return "tool_calls" if reply.tool_calls and reply.finish == "stop" else reply.finish


def wants_usage(ask: Ask) -> bool:
    return bool((ask.body.get("stream_options") or {}).get("include_usage"))


def spell(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def embeddings(ask: Ask, _reply: Reply) -> bytes:
    made = vectors(ask.catalog, ask.model, ask.inputs, ask.body.get("dimensions"))
    # The SDK asks for base64 unless told otherwise: little-endian floats of 32 bit.
    packed = ask.body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": pack(vector) if packed else vector}
        for index, vector in enumerate(made)
    ]
    words = sum(len(split(str(text))) for text in ask.inputs)
    usage = {"prompt_tokens": words, "total_tokens": words}
    return orjson.dumps({"object": "list", "data": data, "model": ask.model, "usage": usage})


def pack(vector: list[float]) -> str:
    return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def models(ask: Ask, _reply: Reply) -> bytes:
    # `max_model_len` is how vLLM tells the context; OpenAI does not tell it at all.
    data = [
        {"id": m.name, "object": "model", "created": CREATED, "owned_by": "loopback", "max_model_len": m.context}
        for m in ask.catalog
    ]
    return orjson.dumps({"object": "list", "data": data})
