"""Ollama's chat, asked with the vendor's client and read by us."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import ollama

from llm.vendors.stream.deltas import Deltas, Frame, chat_text
from llm.vendors.stream.frames import Lines
from llm.vendors.stream.pool import iterate_body


class Chats(ollama.AsyncClient):
    """A client over another's connections that reads the lines of a chat itself.

    They come as LangChain takes them: plain text as the least dictionary, the others as the vendor's own.
    Raises `ollama.ResponseError`, httpx's errors, and `Unreadable`.
    """

    def __init__(self, inner: ollama.AsyncClient) -> None:
        self._client = inner._client

    async def _request(self, cls: type[Any], *args: Any, stream: bool = False, **kwargs: Any) -> Any:
        if stream and cls is ollama.ChatResponse:
            return self._parts(*args, **kwargs)
        return await super()._request(cls, *args, stream=stream, **kwargs)

    async def _parts(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Frame | ollama.ChatResponse]:
        async with self._client.stream(*args, **kwargs) as response:
            await _check_response(response)
            deltas = Deltas(Lines(), chat_text)
            async for data in iterate_body(response):
                for said in deltas.feed(data):
                    yield _text(said) if isinstance(said, str) else _part(said)
            for said in deltas.end():
                yield _text(said) if isinstance(said, str) else _part(said)


async def _check_response(response: httpx.Response) -> None:
    try:
        response.raise_for_status()
    except httpx.HTTPStatusError:
        await response.aread()
        raise ollama.ResponseError(response.text, response.status_code) from None


def _text(text: str) -> Frame:
    return {"message": {"content": text}, "done": False}


def _part(frame: Frame) -> ollama.ChatResponse:
    if told := frame.get("error"):
        raise ollama.ResponseError(str(told))
    return ollama.ChatResponse(**frame)
