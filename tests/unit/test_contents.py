"""States of any graph, as spans tell them."""

import json
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, Send
from pydantic import BaseModel

from agents.contents import state_content
from agents.tracing_callbacks import TracingCallbackHandler
from observability.tracing import Message, SpanBuffer, TraceSubject, Tracing, trace_run


class Mood(Enum):
    GOOD = "good"


@dataclass
class Plan:
    steps: list[str]


class Typed(BaseModel):
    messages: list[Any]
    plan: Plan


class Rude:
    def __str__(self) -> str:
        raise AssertionError("nobody asks for its words")


CALL = {"name": "add", "args": {"a": 1}, "id": "c1", "type": "tool_call"}


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (None, {}),
        (
            Typed(messages=[HumanMessage("Hi"), ToolMessage("2", tool_call_id="c1")], plan=Plan(["a"])),
            {"messages": [Message("user", "Hi"), Message("tool", "2", (), "c1")], "plan": {"steps": ["a"]}},
        ),
        ({"messages": AIMessage("Hi")}, {"messages": [Message("assistant", "Hi", [])]}),
        (Command(goto="next", update={"n": 1}), {"n": 1, "goto": "next"}),
        (Command(update={"n": 1}), {"n": 1}),
        (Send("worker", {"n": 1}), {"node": "worker", "n": 1}),
        ("text", {"value": "text"}),
        (
            {"mood": Mood.GOOD, "on": date(2026, 11, 20), "bytes": b"x", "odd": Rude(), "some": {1}},
            {"mood": "good", "on": "2026-11-20", "bytes": "[bytes]", "odd": "[Rude]", "some": [1]},
        ),
    ],
)
def test_a_state_of_any_kind_is_told_by_its_keys(state: object, told: object) -> None:
    assert state_content(state) == told


def test_a_state_that_holds_itself_or_is_endless_is_cut() -> None:
    ring: list[Any] = []
    ring.append(ring)
    many = state_content({"ring": ring, "many": ["x" * 1000] * 10_000})["many"]
    assert len(many) < 100
    assert many[-1] == f"[{10_000 - len(many) + 1} more are cut]"


@pytest.mark.parametrize("captures", [True, False])
async def test_nodes_and_subgraphs_are_told_with_their_state_and_update(*, captures: bool) -> None:
    def speak(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(f"{len(state['messages'])} so far")]}

    inner = StateGraph(MessagesState).add_node("speak", speak).add_edge(START, "speak").compile()
    outer = StateGraph(MessagesState).add_node("inner", inner).add_edge(START, "inner").add_edge("inner", END).compile()
    kept = SpanBuffer(99, lambda count: None)
    with trace_run(Tracing([kept], redact=str, capture_content=captures), TraceSubject("acme", "ann"), "run", "run"):
        await outer.ainvoke({"messages": [HumanMessage("Hi")]}, {"callbacks": TracingCallbackHandler().handlers})
    told = {record.name: record.attributes for record in kept.take(9)}
    assert set(told) == {"speak", "inner", "run"}
    if not captures:
        assert not any(name.startswith("langfuse.observation.input") for each in told.values() for name in each)
        return
    asked, said = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "1 so far"}
    for node, output in (("speak", [said]), ("inner", [asked, said])):
        assert json.loads(told[node]["langfuse.observation.input"]) == {"messages": [asked]}
        assert json.loads(told[node]["langfuse.observation.output"]) == {"messages": output}
