"""Ollama's format: chat over lines of JSON, embeddings, tags, show, version."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from tests.loopback.catalog import Model, find, vectors
from tests.loopback.fault import Problem, Status
from tests.loopback.script import Reply, ToolCall, split
from tests.loopback.status import model_gone
from tests.loopback.wire import Ask

CREATED: Final = "2026-01-01T00:00:00.000000Z"
VERSION: Final = "0.13.0"
DETAILS: Final = {
    "parent_model": "",
    "format": "gguf",
    "family": "loop",
    "families": ["loop"],
    "parameter_size": "1B",
    "quantization_level": "Q4_0",
}

Json = dict[str, Any]


class Ollama:
    """Chat as Ollama streams it: one JSON document per line, streamed unless the request says no."""

    content_type = "application/x-ndjson"

    def streams(self, body: Mapping[str, Any]) -> bool:
        return bool(body.get("stream", True))

    def pieces(self, ask: Ask, reply: Reply) -> Iterator[bytes]:
        return (self.frame(line(ask, said)) for said in messages(ask, reply))

    def closing(self, ask: Ask, reply: Reply) -> bytes:
        return self.frame(line(ask, {"content": ""}, ending(ask, reply)))

    def document(self, ask: Ask, reply: Reply) -> bytes:
        said: Json = {"content": reply.said or reply.refusal}
        if reply.reasoning:
            said["thinking"] = reply.reasoning
        if reply.tool_calls:
            said["tool_calls"] = [called(ask, index, call) for index, call in enumerate(reply.tool_calls)]
        return line(ask, said, ending(ask, reply))

    def piece(self, ask: Ask, text: str) -> bytes:
        return line(ask, {"content": text})

    def problem(self, problem: Problem) -> bytes:
        return orjson.dumps({"error": problem.ollama or problem.message})

    def frame(self, payload: bytes) -> bytes:
        return payload + b"\n"


def messages(ask: Ask, reply: Reply) -> Iterator[Json]:
    for thought in split(reply.reasoning):
        yield {"content": "", "thinking": thought}
    for word in (*reply.words, *split(reply.refusal)):
        yield {"content": word}
    for index, call in enumerate(reply.tool_calls):
        yield {"content": "", "tool_calls": [called(ask, index, call)]}


def called(ask: Ask, index: int, call: ToolCall) -> Json:
    function = {"index": index, "name": call.name, "arguments": orjson.loads(call.json)}
    return {"id": call.id or f"call_{ask.number}_{index}", "function": function}


def line(ask: Ask, said: Json, end: Json | None = None) -> bytes:
    message = {"role": "assistant", **said}
    rest = {"done": False} if end is None else end
    return orjson.dumps({"model": ask.model, "created_at": CREATED, "message": message, **rest})


def ending(ask: Ask, reply: Reply) -> Json:
    reason = "length" if reply.finish == "length" else "stop"
    pieces = sum(1 for _ in messages(ask, reply))
    nanoseconds = int((reply.first_delay + pieces * max(reply.delay, 0.001)) * 1e9)
    end: Json = {"done": True, "done_reason": reason, "total_duration": nanoseconds, "load_duration": 0}
    usage = reply.counted(ask.prompt_words)
    if usage is not None:
        end |= {"prompt_eval_count": usage.prompt, "prompt_eval_duration": 0}
        end |= {"eval_count": usage.completion, "eval_duration": nanoseconds}
    return end


def embed(ask: Ask, _reply: Reply) -> bytes:
    made = vectors(ask.catalog, ask.model, ask.inputs, ask.body.get("dimensions"))
    words = sum(len(split(str(text))) for text in ask.inputs)
    times = {"total_duration": 1_000_000, "load_duration": 0, "prompt_eval_count": words}
    return orjson.dumps({"model": ask.model, "embeddings": made, **times})


def tags(ask: Ask, _reply: Reply) -> bytes:
    return orjson.dumps({"models": [tag(model) for model in ask.catalog]})


def tag(model: Model) -> Json:
    name = f"{model.name}:latest"
    size = {"size": 1_000_000, "digest": f"{model.name.encode().hex():0<64.64}"}
    return {"name": name, "model": name, "modified_at": CREATED, **size, "details": DETAILS}


def show(ask: Ask, _reply: Reply) -> bytes | Status:
    model = find(ask.catalog, ask.model)
    if model is None:
        return model_gone(ask.model)
    info = {
        "general.architecture": "loop",
        "general.parameter_count": 1_000_000_000,
        "loop.context_length": model.context,
        "loop.embedding_length": model.dimensions,
    }
    texts = {"license": "", "modelfile": "", "parameters": "", "template": "{{ .Prompt }}"}
    rest = {"details": DETAILS, "model_info": info, "capabilities": model.capabilities, "modified_at": CREATED}
    return orjson.dumps({**texts, **rest})


def version(_ask: Ask, _reply: Reply) -> bytes:
    return orjson.dumps({"version": VERSION})
