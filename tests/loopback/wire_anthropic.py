"""Anthropic's format: messages over server-sent events, models."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from tests.loopback.fault import Problem
from tests.loopback.script import Reply, Usage, split
from tests.loopback.wire import Ask

CREATED = "2026-01-01T00:00:00Z"

Json = dict[str, Any]


class Anthropic:
    """Messages as Anthropic streams them: blocks one after another, each opened and closed."""

    content_type = "text/event-stream; charset=utf-8"

    def streams(self, body: Mapping[str, Any]) -> bool:
        return bool(body.get("stream", False))

    def pieces(self, ask: Ask, reply: Reply) -> Iterator[bytes]:
        opening = self._opening(ask, reply)
        for block in blocks(ask, reply):
            opening += event("content_block_start", index=block["index"], content_block=block["opens"])
            for delta in block["deltas"]:
                yield opening + event("content_block_delta", index=block["index"], delta=delta)
                opening = b""
            opening += event("content_block_stop", index=block["index"])
        if opening:
            yield opening

    def closing(self, ask: Ask, reply: Reply) -> bytes:
        usage = reply.counted(ask.prompt_words) or Usage(0, 0)
        delta = {"stop_reason": finish(reply), "stop_sequence": None}
        ended = event("message_delta", delta=delta, usage=spell(usage))
        return ended + event("message_stop")

    def document(self, ask: Ask, reply: Reply) -> bytes:
        usage = reply.counted(ask.prompt_words) or Usage(0, 0)
        said = [block["whole"] for block in blocks(ask, reply)]
        ended = {"stop_reason": finish(reply), "stop_sequence": None}
        return orjson.dumps({**envelope(ask), "content": said, **ended, "usage": spell(usage)})

    def piece(self, ask: Ask, text: str) -> bytes:
        delta = {"type": "text_delta", "text": text}
        return orjson.dumps({"type": "content_block_delta", "index": 0, "delta": delta})

    def problem(self, problem: Problem) -> bytes:
        return orjson.dumps({"type": "error", "error": {"type": problem.type, "message": problem.message}})

    def frame(self, payload: bytes) -> bytes:
        # What is broken is broken within a piece.
        kind = b"error" if payload.startswith(b'{"type":"error"') else b"content_block_delta"
        return b"event: %b\ndata: %b\n\n" % (kind, payload)

    def _opening(self, ask: Ask, reply: Reply) -> bytes:
        usage = reply.counted(ask.prompt_words) or Usage(0, 0)
        begun = {**envelope(ask), "content": [], "stop_reason": None, "stop_sequence": None}
        return event("message_start", message={**begun, "usage": {**spell(usage), "output_tokens": 1}})


def event(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **fields}))


def blocks(ask: Ask, reply: Reply) -> Iterator[Json]:
    """Each block as it is opened, in pieces, and as a whole."""
    index = 0
    if reply.reasoning:
        thoughts = [{"type": "thinking_delta", "thinking": thought} for thought in split(reply.reasoning)]
        whole = {"type": "thinking", "thinking": reply.reasoning, "signature": "signed"}
        yield {"index": index, "opens": {**whole, "thinking": "", "signature": ""}, "deltas": thoughts, "whole": whole}
        index += 1
    if reply.words:
        words = [{"type": "text_delta", "text": word} for word in reply.words]
        yield {
            "index": index,
            "opens": {"type": "text", "text": ""},
            "deltas": words,
            "whole": {"type": "text", "text": reply.said},
        }
        index += 1
    for at, call in enumerate(reply.tool_calls):
        opens = {"type": "tool_use", "id": call.id or f"toolu_{ask.number}_{at}", "name": call.name, "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": fragment} for fragment in call.fragments]
        yield {"index": index, "opens": opens, "deltas": deltas, "whole": {**opens, "input": orjson.loads(call.json)}}
        index += 1


def envelope(ask: Ask) -> Json:
    return {"id": f"msg_{ask.number}", "type": "message", "role": "assistant", "model": ask.model}


def finish(reply: Reply) -> str:
    if reply.tool_calls and reply.finish == "stop":
        return "tool_use"
    return {"stop": "end_turn", "length": "max_tokens"}.get(reply.finish, reply.finish)


def spell(usage: Usage) -> Json:
    return {
        "input_tokens": usage.prompt - usage.cached,
        "output_tokens": usage.completion,
        "cache_read_input_tokens": usage.cached,
        "cache_creation_input_tokens": 0,
    }


def models(ask: Ask, _reply: Reply) -> bytes:
    data = [{"id": m.name, "type": "model", "display_name": m.name.title(), "created_at": CREATED} for m in ask.catalog]
    return orjson.dumps({"data": data, "has_more": False, "first_id": None, "last_id": None})
