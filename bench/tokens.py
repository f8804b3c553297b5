"""A provider that answers at once: OpenAI's format and Ollama's, one write per token, and nothing else.

`python -m bench.tokens TOKENS SECONDS`: says its port in a line, and ends with its standard input. `SECONDS` pass
between the tokens of one answer.
"""

import asyncio
import json
import sys

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
_MODEL = {"model": "loop", "created_at": "2026-01-01T00:00:00.000000Z"}
_CHUNK = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1_767_225_600,
    "model": "loop",
    "system_fingerprint": "fp_loop",
}
_LISTS = {
    b"/v1/models": {"object": "list", "data": [{"id": "loop", "object": "model", "created": 0, "owned_by": "loop"}]},
    b"/api/tags": {"models": [{"name": "loop", "model": "loop", "digest": "0"}]},
    b"/api/show": {"capabilities": ["completion"], "model_info": {"loop.context_length": 8192}},
}


def completion(tokens: int) -> list[bytes]:
    def frame(delta: object, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return b"data: %b\n\n" % json.dumps({**_CHUNK, "choices": [choice], "usage": None}).encode()

    counted = {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": tokens + 1}
    usage = b"data: %b\n\n" % json.dumps({**_CHUNK, "choices": [], "usage": counted}).encode()
    opening = frame({"role": "assistant", "content": ""})
    return [
        opening,
        *(frame({"content": f"word{n} "}) for n in range(tokens)),
        frame({}, "stop"),
        usage + b"data: [DONE]\n\n",
    ]


def chat(tokens: int) -> list[bytes]:
    def line(text: str, **end: object) -> bytes:
        said = {**_MODEL, "message": {"role": "assistant", "content": text}, "done": bool(end), **end}
        return json.dumps(said).encode() + b"\n"

    end = {"done_reason": "stop", "prompt_eval_count": 1, "eval_count": tokens, "eval_duration": 1}
    return [*(line(f"word{n} ") for n in range(tokens)), line("", **end)]


class Provider:
    def __init__(self, tokens: int, delay: float) -> None:
        self._delay = delay
        self._answers = {
            b"/v1/chat/completions": (b"text/event-stream", [_chunked(frame) for frame in completion(tokens)]),
            b"/api/chat": (b"application/x-ndjson", [_chunked(frame) for frame in chat(tokens)]),
        }

    async def serve(self) -> None:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
                await self._answer(head.split(b" ")[1], writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # Its reader has gone, or the whole provider goes.
            writer.close()

    async def _answer(self, path: bytes, writer: asyncio.StreamWriter) -> None:
        if path in _LISTS:
            body = json.dumps(_LISTS[path]).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            return
        kind, frames = self._answers[path]
        writer.write(HEAD % kind)
        for frame in frames:
            writer.write(frame)
            await writer.drain()
            await asyncio.sleep(self._delay)
        writer.write(b"0\r\n\r\n")


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


if __name__ == "__main__":
    asyncio.run(Provider(int(sys.argv[1]), float(sys.argv[2])).serve())
