"""One id per message, from its first delta to the checkpoint.

Vendors give a message an id late, twice or never, and some leave tool calls without one. Clients key everything they
show by these ids, so that ours are given here, before anybody sees the first delta.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from uuid import uuid4

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult


class EmptyAnswer(Exception):
    """A stream that ended before it began. Some clients take it for an answer."""


def new_message_id() -> str:
    return f"msg-{uuid4().hex}"


def new_call_id() -> str:
    return f"call-{uuid4().hex}"


async def identify_chunks(chunks: AsyncIterator[ChatGenerationChunk]) -> AsyncGenerator[ChatGenerationChunk]:
    """The same pieces; `chunks` is closed with it."""
    message_id = new_message_id()
    said = last = False
    async with aclosing(chunks) as stream:  # type: ignore[type-var]  # an async generator, typed as an iterator
        async for chunk in stream:
            said = True
            message = chunk.message
            message.id = message_id
            if isinstance(message, AIMessageChunk):
                if message.tool_call_chunks:
                    _identify_calls(message)
                last = message.chunk_position == "last"
            yield chunk
    if not said:
        raise EmptyAnswer
    if not last:
        # LangChain would add this end by itself, under an id of its own.
        yield ChatGenerationChunk(message=AIMessageChunk(content="", id=message_id, chunk_position="last"))


def identify_result(result: ChatResult) -> ChatResult:
    for generation in result.generations:
        message = generation.message
        message.id = new_message_id()
        if isinstance(message, AIMessage):
            for call in message.tool_calls:
                call["id"] = call["id"] or new_call_id()
    return result


def _identify_calls(message: AIMessageChunk) -> None:
    nameless = [call for call in message.tool_call_chunks if call["name"] and not call["id"]]
    for call in nameless:
        call["id"] = new_call_id()
    if nameless:
        # What the fragments amount to was worked out from them before they had their ids.
        whole = AIMessageChunk(content="", tool_call_chunks=message.tool_call_chunks)
        message.tool_calls, message.invalid_tool_calls = whole.tool_calls, whole.invalid_tool_calls
