"""OpenAI's chat completions, asked with the vendor's client and read by us."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from types import TracebackType
from typing import Any, Self

import httpx2
import openai
from openai.resources.chat import AsyncCompletions
from openai.types.chat import ChatCompletionChunk

from llm.vendors.stream.deltas import Deltas, Frame, completion_text
from llm.vendors.stream.frames import Events
from llm.vendors.stream.pool import iterate_body

# Seconds in which a stream that has said its last word may end, so that its connection can be used again.
_LINGER = 0.1


class Completions:
    """Stands where a LangChain class has the SDK's: a stream that is asked for without extras is read by us."""

    def __init__(self, inner: AsyncCompletions) -> None:
        self._inner = inner

    async def create(self, **asked: Any) -> Any:
        answer = await self._inner.create(**asked)
        return Completion(answer) if isinstance(answer, openai.AsyncStream) else answer

    @property
    def with_raw_response(self) -> Any:
        return self._inner.with_raw_response


class Completion:
    """One stream of chunks as LangChain takes them: plain text as the least dictionary, the others as the SDK's own.

    Raises the SDK's errors, and `Unreadable`.
    """

    def __init__(self, stream: openai.AsyncStream[ChatCompletionChunk]) -> None:
        self._stream = stream

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stream.close()

    def __aiter__(self) -> AsyncIterator[Frame | ChatCompletionChunk]:
        return self._chunks()

    async def _chunks(self) -> AsyncGenerator[Frame | ChatCompletionChunk]:
        deltas, request = Deltas(Events(), completion_text), self._stream.response.request
        try:
            reads = iterate_body(self._stream.response)
            async for data in reads:
                for said in deltas.feed(data):
                    yield _text(said) if isinstance(said, str) else _chunk(said, request)
                if deltas.done:
                    await _finished(reads)
                    return
        except httpx2.TimeoutException as error:
            raise openai.APITimeoutError(request=request) from error
        except httpx2.RequestError as error:
            raise openai.APIConnectionError(request=request) from error


def _text(text: str) -> Frame:
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


def _chunk(frame: Frame, request: httpx2.Request) -> ChatCompletionChunk:
    if told := frame.get("error"):
        message = told.get("message") if isinstance(told, dict) else None
        raise openai.APIError(str(message or "An error occurred during streaming"), request, body=told)
    return ChatCompletionChunk.construct(**frame)


async def _finished(reads: AsyncIterator[bytes]) -> None:
    try:
        async with asyncio.timeout(_LINGER):
            async for _ in reads:
                pass
    except (TimeoutError, httpx2.RequestError):
        # All has been said; only the connection is lost.
        return
