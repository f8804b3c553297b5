"""A whole answer, as it is kept and said again. Pure."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, cast

import orjson
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.messages.utils import message_chunk_to_message
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import BaseModel, ConfigDict, ValidationError

from llm.wrappers.fallback import ANSWERED_BY, INTERRUPTED_CALLS, MISSING_CAPABILITIES

# A piece of an answer: plain text as it is, since there is most of it, and all else as it came.
Piece = str | ChatGenerationChunk

# What is told of an answer that stays true when it is given again: not what it took, nor under which number.
_STORED_METADATA = (
    "model",
    "model_name",
    "model_provider",
    "finish_reason",
    "done_reason",
    "stop_reason",
    "status",
    ANSWERED_BY,
)
# Why an answer ended, in whichever vendor's words, where nothing was amiss.
_REASONS = ("finish_reason", "done_reason", "stop_reason", "status")
_COMPLETE_REASONS = {"stop", "tool_calls", "function_call", "end_turn", "tool_use", "stop_sequence", "completed"}

_DELTA_CHARACTERS = 40


class Call(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    args: dict[str, Any]
    id: str | None


class CachedAnswer(BaseModel):
    """`also` is what vendors say beside the text (their models' reasoning), `told` what they say about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    content: str | list[str | dict[str, Any]]
    calls: tuple[Call, ...] = ()
    additional: dict[str, Any] = {}
    metadata: dict[str, Any] = {}

    @classmethod
    def of_pieces(cls, pieces: Sequence[Piece]) -> "CachedAnswer | None":
        """`None` of an answer that did not end well."""
        message = merge_chunks(pieces)
        return cls._of(message, message.response_metadata)

    @classmethod
    def of_result(cls, result: ChatResult) -> "CachedAnswer | None":
        generation = result.generations[0]
        told = {**(generation.generation_info or {}), **generation.message.response_metadata}
        return cls._of(generation.message, told)

    @classmethod
    def _of(cls, message: BaseMessage, told: Mapping[str, Any]) -> "CachedAnswer | None":
        if not isinstance(message, AIMessage) or message.invalid_tool_calls or not _is_complete(told):
            return None
        if not (message.text or message.tool_calls):
            return None
        return cls(
            content=message.content,
            calls=tuple(Call(name=call["name"], args=call["args"], id=call["id"]) for call in message.tool_calls),
            additional={key: value for key, value in message.additional_kwargs.items() if key != "tool_calls"},
            metadata={key: value for key, value in told.items() if key in (*_STORED_METADATA, ANSWERED_BY)},
        )

    @classmethod
    def read(cls, data: bytes | None) -> "CachedAnswer | None":
        """`None` of what is none: another version of ours may have written it."""
        if data is None:
            return None
        try:
            return cls.model_validate_json(data)
        except ValidationError:
            return None

    def to_bytes(self) -> bytes | None:
        """`None` where a vendor said something that cannot be written down."""
        try:
            return orjson.dumps(self.model_dump())
        except TypeError:
            return None

    def stream(self) -> Iterator[ChatGenerationChunk]:
        for message in self._chunks():
            yield ChatGenerationChunk(message=message)
        yield ChatGenerationChunk(
            message=AIMessageChunk(content="", response_metadata=dict(self.metadata), chunk_position="last")
        )

    def _chunks(self) -> Iterator[AIMessageChunk]:
        reasoning = self.additional.get("reasoning_content")
        for delta in _deltas(reasoning) if isinstance(reasoning, str) else ():
            yield AIMessageChunk(content="", additional_kwargs={"reasoning_content": delta})
        if rest := {key: value for key, value in self.additional.items() if key != "reasoning_content"}:
            yield AIMessageChunk(content="", additional_kwargs=rest)
        calls = [
            tool_call_chunk(name=call.name, args=json.dumps(call.args, ensure_ascii=False), id=call.id, index=index)
            for index, call in enumerate(self.calls)
        ]
        if isinstance(self.content, str):
            yield from (AIMessageChunk(content=delta) for delta in _deltas(self.content))
            yield from (AIMessageChunk(content="", tool_call_chunks=[call]) for call in calls)
        else:
            # Its parts may name the calls: who gives both new names has to see them together.
            content = cast("list[str | dict[Any, Any]]", self.content)
            yield AIMessageChunk(content=content, tool_call_chunks=calls)

    def result(self) -> ChatResult:
        message = AIMessage(
            content=cast("str | list[str | dict[Any, Any]]", self.content),
            additional_kwargs=dict(self.additional),
            tool_calls=[tool_call(name=call.name, args=call.args, id=call.id) for call in self.calls],
            response_metadata=dict(self.metadata),
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


def pack_chunk(chunk: ChatGenerationChunk) -> Piece:
    message = chunk.message
    if (
        chunk.generation_info
        or not isinstance(message, AIMessageChunk)
        or not isinstance(message.content, str)
        or not message.content
        or message.additional_kwargs
        or message.response_metadata
        or message.usage_metadata
        or message.tool_call_chunks
        or message.chunk_position
    ):
        return chunk
    return message.content


def merge_chunks(pieces: Sequence[Piece]) -> AIMessage:
    """All pieces of one answer as one message."""
    first, *rest = [*_messages(pieces), AIMessageChunk(content="", chunk_position="last")]
    added = first + rest
    message = cast(AIMessage, message_chunk_to_message(added))
    # LangChain completes arguments that were cut, so that they can be shown while they come.
    read = [(call, _arguments(call["args"])) for call in added.tool_call_chunks]
    message.tool_calls = [
        tool_call(name=call["name"] or "", args=args, id=call["id"]) for call, args in read if args is not None
    ]
    message.invalid_tool_calls = [
        invalid_tool_call(name=call["name"], args=call["args"], id=call["id"]) for call, args in read if args is None
    ]
    # Added up, what is told twice would be told as one long word.
    message.response_metadata = dict[str, Any]()
    for piece in pieces:
        if not isinstance(piece, str):
            message.response_metadata |= {**(piece.generation_info or {}), **piece.message.response_metadata}
    return message


def _arguments(text: str | None) -> dict[str, Any] | None:
    try:
        arguments = json.loads(text or "{}")
    except ValueError:
        return None
    return arguments if isinstance(arguments, dict) else None


def _messages(pieces: Sequence[Piece]) -> Iterator[AIMessageChunk]:
    for is_text, some in groupby(pieces, lambda piece: isinstance(piece, str)):
        if is_text:
            yield AIMessageChunk(content="".join(cast("Iterator[str]", some)))
        else:
            yield from (cast(AIMessageChunk, piece.message) for piece in cast("Iterator[ChatGenerationChunk]", some))


def _is_complete(told: Mapping[str, Any]) -> bool:
    reasons = {told[name] for name in _REASONS if told.get(name) is not None}
    return reasons <= _COMPLETE_REASONS and not told.get(INTERRUPTED_CALLS) and not told.get(MISSING_CAPABILITIES)


def _deltas(text: str) -> Iterator[str]:
    """Words with what follows them, some at a time."""
    delta = ""
    for word in re.findall(r"\s*\S+\s*|\s+", text):
        delta += word
        if len(delta) >= _DELTA_CHARACTERS:
            yield delta
            delta = ""
    if delta:
        yield delta
