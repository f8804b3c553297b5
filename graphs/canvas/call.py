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

from graphs.artifact import ArtifactBegun, ArtifactEnded, ArtifactGrew
from graphs.canvas.growing import Growing
from graphs.canvas.state import Ref
from graphs.context import RunContext
from graphs.remark import Remark
from llm.ending import reached_its_limit

Tool = Literal["write_artifact", "edit_artifact"]
WRITE: Tool = "write_artifact"
EDIT: Tool = "edit_artifact"
# The argument that comes in pieces.
_STREAMED: Mapping[Tool, str] = {WRITE: "content", EDIT: "edits"}

_CUT = Remark("cut_off", "The model came to the limit of what it may write: the text breaks off.")


@dataclass(slots=True)
class Call:
    """Its text goes to the client as it comes; the thread keeps what was called and the version it led to."""

    runtime: Runtime[RunContext]
    tool: Tool
    told: Mapping[str, str | int | None]
    id: str = field(default_factory=lambda: f"call-{uuid4().hex}")
    message: str = field(default_factory=lambda: f"msg-{uuid4().hex}")
    # Whether it is told while it is made.
    heard: bool = True
    # Whether the model came to the limit of what it may write before it came to an end.
    cut: bool = False

    def begin(self) -> Growing:
        begun = ArtifactBegun(self.id, self.message, self.tool, self.told, _STREAMED[self.tool], self.tool == WRITE)
        if not self.heard:
            return Growing(_nobody, self.id)
        self.runtime.stream_writer(begun)
        return Growing(self.runtime.stream_writer, self.id)

    def end(self, growing: Growing) -> None:
        growing.flush()
        if self.heard:
            self.runtime.stream_writer(ArtifactEnded(self.id))

    def done(self, ref: Ref, **more: Any) -> list[AnyMessage]:
        return self._messages({"artifact": ref, **more}, "success")

    def failed(self, why: str) -> list[AnyMessage]:
        return self._messages({"error": why}, "error")

    def _messages(self, result: Mapping[str, Any], status: Literal["success", "error"]) -> list[AnyMessage]:
        call = {"name": self.tool, "args": dict(self.told), "id": self.id, "type": "tool_call"}
        told = json.dumps(result, ensure_ascii=False)
        return [
            AIMessage("", id=self.message, tool_calls=[call]),
            ToolMessage(told, id=f"{self.message}-result", tool_call_id=self.id, name=self.tool, status=status),
        ]


def _nobody(_: ArtifactGrew) -> None:
    pass


async def pieces(call: Call, asked: Sequence[BaseMessage]) -> AsyncIterator[str]:
    """What the model writes, to be told as an artifact and not as something it says."""
    model = call.runtime.context.candidate.model
    async with aclosing(model.astream(list(asked), {"tags": [TAG_NOSTREAM]})) as answer:  # type: ignore[type-var]  # an async generator, typed as an iterator
        async for chunk in answer:
            if chunk.text:
                yield chunk.text
            if reached_its_limit(chunk.response_metadata):
                call.cut = True
                call.runtime.stream_writer(_CUT)
