"""The beginning of an answer: nothing has been heard before its first piece that says something."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from llm.errors import ModelError

Chunks = AsyncIterator[ChatGenerationChunk]


@dataclass(frozen=True, slots=True)
class OpenedStream:
    """A stream that has begun: what was heard of it, and the rest. `at` is its place among those that were asked."""

    index: int
    chunks: Sequence[ChatGenerationChunk]
    stream: Chunks


async def open_stream(stream: Chunks) -> list[ChatGenerationChunk]:
    """Reads to the first piece that says something, or to the end."""
    heard = []
    async for chunk in stream:
        heard.append(chunk)
        if has_content(chunk):
            break
    return heard


def has_content(chunk: ChatGenerationChunk) -> bool:
    """Return whether this is a piece of an answer, be it a thought or a call."""
    message = chunk.message
    called = isinstance(message, AIMessageChunk) and bool(message.tool_call_chunks)
    return called or bool(message.content) or bool(message.additional_kwargs.get("reasoning_content"))


class _Race:
    """Streams that were opened for one answer, each read in a task of its own until it speaks."""

    def __init__(self, failed: Callable[[int, ModelError], None]) -> None:
        self._failed = failed
        self._streams: list[Chunks] = []
        self.going: dict[asyncio.Task[list[ChatGenerationChunk]], int] = {}

    def enter(self, stream: Chunks) -> None:
        self.going[asyncio.create_task(open_stream(stream))] = len(self._streams)
        self._streams.append(stream)

    def won(self, done: Iterable[asyncio.Task[list[ChatGenerationChunk]]]) -> OpenedStream | None:
        """Of those that have ended, the first to have spoken. Raises where nobody is left who could."""
        for task in sorted(done, key=lambda task: self.going[task]):
            at, error = self.going[task], task.exception()
            if error is None:
                return OpenedStream(at, task.result(), self._streams[at])
            del self.going[task]
            if not isinstance(error, ModelError):
                raise error
            self._failed(at, error)
            if not self.going:
                raise error
        return None

    async def end(self, won: OpenedStream | None) -> None:
        """Stops and closes all but the winner."""
        for task in self.going:
            task.cancel()
        await asyncio.gather(*self.going, return_exceptions=True)
        for at, stream in enumerate(self._streams):
            if won is None or won.index != at:
                with suppress(ModelError):
                    await stream.aclose()  # type: ignore[attr-defined]  # an async generator, typed as an iterator


async def race_streams(
    asked: Sequence[Callable[[], Chunks]], *, after: float, failed: Callable[[int, ModelError], None]
) -> OpenedStream:
    """Opens the first stream, and after so many seconds of silence the next beside it: who speaks first wins.

    The others are closed. Each that fails is told to `failed`; raises the last one's `ModelError` where none is left.
    """
    race, won, waiting = _Race(failed), None, list(asked)
    race.enter(waiting.pop(0)())
    try:
        while won is None:
            patience = after if waiting else None
            done, _ = await asyncio.wait(race.going, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                race.enter(waiting.pop(0)())
            won = race.won(done)
    finally:
        await race.end(won)
    return won
