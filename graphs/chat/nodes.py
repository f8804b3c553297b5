import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    InvalidToolCall,
    ToolCall,
    ToolMessage,
)
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.graph import MessagesState
from langgraph.runtime import Runtime

from graphs.artifact_call import Model, ask_for_artifact
from graphs.chat.conversation import build_conversation
from graphs.context import ClientTool, RunContext
from graphs.notice import Notice
from graphs.prompt import Prompt
from graphs.quality.answer_review import AnswerReview, Draft, last_answer, make_draft
from graphs.quality.graph import AuthorInput
from graphs.quality.subgraph import ReviewSubgraph, withholds_text
from llm.cache.answer_copy import CACHE
from llm.wrappers.fallback import MISSING_CAPABILITIES

# Rounds of tool calls for one message of a person's; after them the model has to answer with what it has.
_MAX_TOOL_ROUNDS = 8

_NO_TOOLS = Notice("without_tools", "Tools (calculator, dates) need a larger model.")

_FROM_CACHE = Notice("from_cache", "This answer comes from the cache.")


class ChatState(MessagesState):
    draft: Draft | None
    # Whether the run is read at all.
    gated: bool


Update = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ModelInputs:
    """What the model is given beside the thread: prompts, and tools."""

    system: Prompt
    with_tools: Prompt
    server_tools: Sequence[BaseTool]

    def tools(self, context: RunContext) -> list[dict[str, Any]]:
        """Ours and the client's."""
        return [*map(convert_to_openai_tool, self.server_tools), *map(_describe_tool, context.client_tools)]

    def messages(
        self, context: RunContext, thread: Sequence[AnyMessage], tools: Sequence[dict[str, Any]]
    ) -> list[BaseMessage]:
        prompts = [self.system, self.with_tools] if tools else [self.system]
        return build_conversation(thread, prompts=prompts, background=context.client_context)


class ModelNode:
    """Calls the run's model with the thread and every tool that is at hand."""

    def __init__(self, inputs: ModelInputs) -> None:
        self._inputs = inputs

    async def __call__(self, state: ChatState, runtime: Runtime[RunContext]) -> Update:
        context, messages = runtime.context, state["messages"]
        tools = self._inputs.tools(context)
        if tools and not context.models.info.tools:
            runtime.stream_writer(_NO_TOOLS)
            tools = []
        elif _rounds(messages) >= _MAX_TOOL_ROUNDS:
            tools = []
        asked = self._inputs.messages(context, messages, tools)
        model: Model = context.models.model.bind_tools(tools) if tools else context.models.model
        held = withholds_text(runtime)
        offered = {tool["function"]["name"] for tool in tools}
        answer = await ask_for_artifact(model, asked, tool=offered, on_chunk=not held)
        if "tools" in answer.response_metadata.get(MISSING_CAPABILITIES, ()):
            runtime.stream_writer(_NO_TOOLS)
        if CACHE in answer.response_metadata:
            runtime.stream_writer(_FROM_CACHE)
        gated = context.reviewer is not None
        if held and not (answer.tool_calls or answer.invalid_tool_calls):
            return {"draft": make_draft(answer), "gated": gated}
        return {"messages": [answer], "gated": gated, "draft": None}


class ReviewNode:
    """Reads the answer; where that is enforced, what is heard is the best that came of it."""

    def __init__(self, inputs: ModelInputs) -> None:
        self._inputs = inputs
        self._answers = AnswerReview("chat", inputs.system.text, ReviewSubgraph())

    async def __call__(self, state: ChatState, runtime: Runtime[RunContext]) -> Update:
        messages, draft, context = state["messages"], state.get("draft"), runtime.context
        tools = self._inputs.tools(context) if context.models.info.tools else []
        before = messages if draft is not None else messages[:-1]
        author = AuthorInput(self._inputs.messages(context, before, tools), tools)
        return await self._answers.review(runtime, messages, draft, author=author)


class ToolsNode:
    """Carries out the calls of the last message that are ours, side by side; the client's are left open."""

    def __init__(self, tools: Sequence[BaseTool]) -> None:
        self._tools = {tool.name: tool for tool in tools}

    async def __call__(self, state: ChatState) -> Update:
        asked = last_answer(state["messages"])
        ours = [self._call_tool(call) for call in asked.tool_calls if call["name"] in self._tools]
        return {"messages": [*await asyncio.gather(*ours), *map(_unreadable, asked.invalid_tool_calls)]}

    async def _call_tool(self, call: ToolCall) -> ToolMessage:
        answer: ToolMessage = await self._tools[call["name"]].ainvoke({**call, "type": "tool_call"})
        # The id that the client is told is the id that is committed.
        return answer.model_copy(update={"id": str(uuid4())})


def after_model(ours: frozenset[str]) -> Callable[[ChatState], Literal["tools", "quality", "end"]]:
    def route(state: ChatState) -> Literal["tools", "quality", "end"]:
        if state.get("draft") is not None:
            return "quality"
        last = last_answer(state["messages"])
        if any(call["name"] in ours for call in last.tool_calls) or last.invalid_tool_calls:
            return "tools"
        return "quality" if state.get("gated") and last.text and not last.tool_calls else "end"

    return route


def after_tools(ours: frozenset[str]) -> Callable[[MessagesState], Literal["model", "end"]]:
    def route(state: MessagesState) -> Literal["model", "end"]:
        last = last_answer(state["messages"])
        return "end" if any(call["name"] not in ours for call in last.tool_calls) else "model"

    return route


def _describe_tool(tool: ClientTool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _unreadable(call: InvalidToolCall) -> ToolMessage:
    return ToolMessage(
        call["error"] or "This call cannot be read.",
        tool_call_id=call["id"] or "",
        name=call["name"],
        status="error",
        id=str(uuid4()),
    )


def _rounds(messages: Sequence[AnyMessage]) -> int:
    rounds = 0
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            break
        rounds += isinstance(message, AIMessage) and bool(message.tool_calls or message.invalid_tool_calls)
    return rounds
