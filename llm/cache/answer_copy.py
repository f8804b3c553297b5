"""One answer for several readers: each gets a message of its own."""

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from llm.cache.cached_answer import Piece
from llm.identity import new_call_id, new_message_id
from llm.wrappers.fallback import INTERRUPTED_CALLS

# Where an answer's metadata says how it came that no model was asked for it: `exact`, `coalesced` or `semantic`.
CACHE = "cache"

# What an answer took: of one that is given again, that was taken once.
_TAKEN = ("token_usage", "usage")
# Where a part of a message names a call.
_CALL_IDS = ("id", "call_id", "tool_use_id")


class AnswerCopy:
    """One reader's. Without an origin it is that of who had the model asked: it says what was taken, and calls keep
    their ids."""

    def __init__(self, origin: str | None = None) -> None:
        self.origin = origin
        self.ended = False
        self._message_id = new_message_id()
        self._calls: dict[str, str] = {}

    def of(self, piece: Piece) -> ChatGenerationChunk:
        if isinstance(piece, str):
            return ChatGenerationChunk(message=AIMessageChunk(content=piece, id=self._message_id))
        message = piece.message
        if not isinstance(message, AIMessageChunk):
            raise TypeError(f"a chat model streams AIMessageChunk, not {type(message).__name__}")
        self.ended = message.chunk_position == "last"
        calls = [
            tool_call_chunk(name=call["name"], args=call["args"], id=self._call_id(call["id"]), index=call["index"])
            for call in message.tool_call_chunks
        ]
        told = self._metadata(message.response_metadata)
        copied = AIMessageChunk(
            content=self._content(message),
            name=message.name,
            id=self._message_id,
            additional_kwargs=dict(message.additional_kwargs),
            response_metadata=told | self._origin if self.ended else told,
            usage_metadata=None if self.origin else message.usage_metadata,
            tool_call_chunks=calls,
            chunk_position=message.chunk_position,
        )
        info = self._metadata(piece.generation_info or {})
        return ChatGenerationChunk(message=copied, generation_info=info or None)

    def of_result(self, result: ChatResult) -> ChatResult:
        copied = result.model_copy(deep=True)
        if self.origin:
            copied.llm_output = None
        for generation in copied.generations:
            message = generation.message
            message.id = self._message_id
            message.response_metadata = self._metadata(message.response_metadata) | self._origin
            generation.generation_info = self._metadata(generation.generation_info or {}) or None
            if isinstance(message, AIMessage):
                for call in (*message.tool_calls, *message.invalid_tool_calls):
                    call["id"] = self._call_id(call["id"])
                message.content = self._content(message)
                message.usage_metadata = None if self.origin else message.usage_metadata
        return copied

    @property
    def _origin(self) -> dict[str, Any]:
        return {CACHE: self.origin} if self.origin else {}

    def _metadata(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        told = {key: value for key, value in metadata.items() if not (self.origin and key in _TAKEN)}
        if cut := told.get(INTERRUPTED_CALLS):
            told[INTERRUPTED_CALLS] = [self._call_id(call) for call in cut]
        return told

    def _call_id(self, call: str | None) -> str | None:
        if call is None or self.origin is None:
            return call
        return self._calls.setdefault(call, new_call_id())

    def _content(self, message: BaseMessage) -> str | list[str | dict[Any, Any]]:
        """What a message says, its calls under the same names as beside it."""
        if isinstance(message.content, str):
            return message.content
        return [
            {key: self._calls.get(value, value) if key in _CALL_IDS else value for key, value in part.items()}
            if isinstance(part, dict)
            else part
            for part in message.content
        ]
