"""A call of a tool that a node makes for the model: what a client hears of it, and what the thread keeps."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, ToolMessage
from langgraph.constants import TAG_NOSTREAM
from langgraph.runtime import Runtime

from graphs.artifact_events import ArtifactEnded, ArtifactStarted, ArtifactTextAdded
from graphs.canvas.state import ArtifactRef
from graphs.canvas.text_stream import ArtifactTextStream
from graphs.context import RunContext
from graphs.notice import Notice
from llm.finish_reason import hit_output_limit

Tool = Literal["write_artifact", "edit_artifact"]
WRITE: Tool = "write_artifact"
EDIT: Tool = "edit_artifact"
# The argument that comes in pieces.
_STREAMED_METADATA: Mapping[Tool, str] = {WRITE: "content", EDIT: "edits"}

_TRUNCATED = Notice("truncated", "The model reached its output limit. The text is incomplete.")


@dataclass(slots=True)
class ArtifactToolCall:
    """Its text goes to the client as it comes; the thread keeps what was called and the version it led to."""

    runtime: Runtime[RunContext]
    tool: Tool
    arguments: Mapping[str, str | int | None]
    id: str = field(default_factory=lambda: f"call-{uuid4().hex}")
    message: str = field(default_factory=lambda: f"msg-{uuid4().hex}")
    # Whether it is told while it is made.
    has_started: bool = True
    # Whether the model came to the limit of what it may write before it came to an end.
    is_truncated: bool = False

    def begin(self) -> ArtifactTextStream:
        begun = ArtifactStarted(
            self.id, self.message, self.tool, self.arguments, _STREAMED_METADATA[self.tool], self.tool == WRITE
        )
        if not self.has_started:
            return ArtifactTextStream(_ignore, self.id)
        self.runtime.stream_writer(begun)
        return ArtifactTextStream(self.runtime.stream_writer, self.id)

    def end(self, growing: ArtifactTextStream) -> None:
        growing.flush()
        if self.has_started:
            self.runtime.stream_writer(ArtifactEnded(self.id))

    def succeed(self, ref: ArtifactRef, **more: Any) -> list[AnyMessage]:
        return self._messages({"artifact": ref, **more}, "success")

    def fail(self, why: str) -> list[AnyMessage]:
        return self._messages({"error": why}, "error")

    def _messages(self, result: Mapping[str, Any], status: Literal["success", "error"]) -> list[AnyMessage]:
        call = {"name": self.tool, "args": dict(self.arguments), "id": self.id, "type": "tool_call"}
        told = json.dumps(result, ensure_ascii=False)
        return [
            AIMessage("", id=self.message, tool_calls=[call]),
            ToolMessage(told, id=f"{self.message}-result", tool_call_id=self.id, name=self.tool, status=status),
        ]


def _ignore(_: ArtifactTextAdded) -> None:
    pass


async def stream_text(call: ArtifactToolCall, asked: Sequence[BaseMessage]) -> AsyncIterator[str]:
    """What the model writes, to be told as an artifact and not as something it says."""
    model = call.runtime.context.models.model
    async with aclosing(model.astream(list(asked), {"tags": [TAG_NOSTREAM]})) as answer:  # type: ignore[type-var]  # an async generator, typed as an iterator
        async for chunk in answer:
            if chunk.text:
                yield chunk.text
            if hit_output_limit(chunk.response_metadata):
                call.is_truncated = True
                call.runtime.stream_writer(_TRUNCATED)
