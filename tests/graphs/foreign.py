"""Agents of packages that know nothing of us, over a model that answers by rule."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from deepagents import create_deep_agent
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain.agents.structured_output import ToolStrategy
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import tool
from langgraph_supervisor import create_supervisor
from langgraph_swarm import create_handoff_tool, create_swarm
from pydantic import BaseModel

Rule = Callable[[Sequence[BaseMessage]], AIMessage]


class RuledModel(BaseChatModel):
    """Answers what its rule says of the messages, word by word."""

    rule: Rule

    @property
    def _llm_type(self) -> str:
        return "ruled"

    def bind_tools(self, tools: Any, **_: Any) -> Runnable[Any, AIMessage]:
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.rule(messages))])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        answer = self.rule(messages)
        for word in answer.text.split(" ") if answer.text else ():
            yield ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))
        calls = [
            {"name": call["name"], "args": _json(call["args"]), "id": call["id"], "index": at}
            for at, call in enumerate(answer.tool_calls)
        ]
        yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=calls, chunk_position="last"))


def _json(value: Any) -> str:
    return json.dumps(value)


def _called(name: str, arguments: dict[str, Any], messages: Sequence[BaseMessage]) -> AIMessage:
    call = {"name": name, "args": arguments, "id": f"call-{name}-{len(messages)}", "type": "tool_call"}
    return AIMessage("", tool_calls=[call])


def _answered(messages: Sequence[BaseMessage], name: str) -> bool:
    """Whether a tool has answered since a person said something."""
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            return False
        if isinstance(message, ToolMessage) and message.name == name:
            return True
    return False


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def _adds(messages: Sequence[BaseMessage]) -> AIMessage:
    if not _answered(messages, "add"):
        return _called("add", {"a": 2, "b": 3}, messages)
    return AIMessage("It is five.")


def _supervises(messages: Sequence[BaseMessage]) -> AIMessage:
    if not _answered(messages, "transfer_to_adder"):
        return _called("transfer_to_adder", {}, messages)
    return AIMessage("The adder has said it.")


adder = create_agent(RuledModel(rule=_adds), [add], name="adder")
supervisor = create_supervisor([adder], model=RuledModel(rule=_supervises)).compile()


def _hands_over(messages: Sequence[BaseMessage]) -> AIMessage:
    return _called("transfer_to_bob", {}, messages)


swarm = create_swarm(
    [
        create_agent(RuledModel(rule=_hands_over), [create_handoff_tool(agent_name="bob")], name="alice"),
        create_agent(RuledModel(rule=_adds), [add], name="bob"),
    ],
    default_active_agent="alice",
).compile()


def _delegates(messages: Sequence[BaseMessage]) -> AIMessage:
    if not _answered(messages, "task"):
        return _called("task", {"description": "Add 2 and 3", "subagent_type": "adder"}, messages)
    return AIMessage("My helper says five.")


deep = create_deep_agent(
    model=RuledModel(rule=_delegates),
    subagents=[
        {
            "name": "adder",
            "description": "Adds.",
            "system_prompt": "Add.",
            "tools": [add],
            "model": RuledModel(rule=_adds),
        }
    ],
)


class Sum(BaseModel):
    """A sum."""

    total: int


def _structures(messages: Sequence[BaseMessage]) -> AIMessage:
    return _called("Sum", {"total": 5}, messages)


structured = create_agent(RuledModel(rule=_structures), [], response_format=ToolStrategy(Sum))

approved = create_agent(
    RuledModel(rule=_adds), [add], middleware=[HumanInTheLoopMiddleware(interrupt_on={"add": True})]
)
