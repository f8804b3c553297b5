"""Spans of a graph's nodes, model calls and tools, whoever wrote the graph."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import time_ns
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables.config import var_child_runnable_config

from agents.contents import state_content, to_message
from graphs.prompt import PROMPT, PROMPT_VERSION
from llm.cache.answer_copy import CACHE
from observability.tracing import (
    Message,
    Span,
    SpanKind,
    SpanRef,
    current,
    enter_span,
    leave_span,
    start_span,
    token_classes,
)


class TracingCallbackHandler(BaseCallbackHandler):
    """Told by LangChain what begins and ends. It runs in the task that it is told of, so that what a node opens by
    itself is found beneath that node; a handler in a thread would have it beneath the root.
    """

    run_inline = True

    def __init__(self) -> None:
        self._open: dict[UUID, tuple[Span, SpanRef | None]] = {}
        # Which run began which: LangChain tells of an end in a task of its own, and so what is entered here cannot be
        # left here. Whose span a node stands beneath is read from this.
        self._parents: dict[UUID, UUID | None] = {}
        self._root = current()
        # Calls whose listener had heard enough, and when: what they took is known a moment later.
        self._broken_off: list[tuple[Span, int]] = []

    @property
    def handlers(self) -> list[BaseCallbackHandler]:
        """For a run's `callbacks`. Who listens is told of each token, and so where nobody traces nobody does."""
        return [] if self._root is None else [self]

    def on_chain_start(
        self,
        serialized: dict[str, Any] | None,
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self._parents[run_id] = parent_run_id
        told = metadata or {}
        node = told.get("langgraph_node")
        # A node itself, and not what runs within it: those carry its name in their metadata too.
        if node is None or kwargs.get("name") != node or not any(tag.startswith("graph:step") for tag in tags or ()):
            return
        opened = start_span(str(node), "node", self._parent_span(parent_run_id))
        if opened is not None:
            self._open_span(run_id, opened)
            opened.set_attributes(step=told.get("langgraph_step"))
            if opened.captures:
                opened.set_state("input", state_content(inputs))

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        held = self._open.get(run_id)
        if held is not None and held[0].captures:
            opened, told = held[0], state_content(outputs)
            if told:
                opened.set_state("output", told)
        self._close_span(run_id)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._fail_span(run_id, error)

    def on_chat_model_start(
        self,
        serialized: dict[str, Any] | None,
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        asked = [message for batch in messages for message in batch]
        opened = self._start_model_span(
            "chat", run_id, parent_run_id, metadata or {}, kwargs.get("invocation_params") or {}
        )
        if opened is None:
            return
        prompt = next((each.additional_kwargs for each in asked if PROMPT in each.additional_kwargs), {})
        opened.set_attribute("langfuse.observation.prompt.name", prompt.get(PROMPT))
        opened.set_attributes(prompt_version=prompt.get(PROMPT_VERSION))
        opened.set_messages("input", list(map(to_message, asked)))
        if (tools := (kwargs.get("invocation_params") or {}).get("tools")) is not None:
            opened.put_json("gen_ai.tool.definitions", tools)

    def on_llm_start(
        self,
        serialized: dict[str, Any] | None,
        prompts: list[str],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Of a model that completes a text: those of other people's graphs may."""
        params = kwargs.get("invocation_params") or {}
        opened = self._start_model_span("text_completion", run_id, parent_run_id, metadata or {}, params)
        if opened is not None:
            opened.set_messages("input", [Message("user", prompt) for prompt in prompts])

    def _start_model_span(
        self, operation: str, run_id: UUID, parent: UUID | None, told: Mapping[str, Any], params: Mapping[str, Any]
    ) -> Span | None:
        model, above = str(told.get("ls_model_name") or "model"), self._parent_span(parent)
        opened = start_span(f"{operation} {model}", "model", above)
        if opened is None:
            return None
        self._open_span(run_id, opened, above)
        opened.set_attribute("gen_ai.operation.name", operation)
        opened.set_attribute("gen_ai.request.model", model)
        opened.set_attribute("gen_ai.provider.name", told.get("ls_provider"))
        opened.set_attribute("langfuse.observation.model.name", model)
        opened.set_attribute("gen_ai.request.temperature", told.get("ls_temperature"))
        opened.set_attribute("gen_ai.request.max_tokens", told.get("ls_max_tokens"))
        opened.set_attribute("langfuse.observation.model.parameters", _parameters(told, params))
        return opened

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        held = self._open.get(run_id)
        if held is not None and (message := _answer_messages(response)) is not None:
            held[0].set_messages("output", [to_message(message)])
            held[0].set_attribute("gen_ai.response.finish_reasons", _finish_reason(message))
            # Of an answer that was remembered it is that of the call that was made once.
            held[0].set_attribute("gen_ai.response.id", _response_id(message))
            _record_usage(held[0], message)
        elif held is not None and (texts := _completions(response)):
            held[0].set_messages("output", [Message("assistant", text) for text in texts])
        self._close_span(run_id)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        held, response = self._open.get(run_id), kwargs.get("response")
        if held is not None and isinstance(response, LLMResult) and (message := _answer_messages(response)) is not None:
            held[0].set_messages("output", [to_message(message)])
        if held is not None and isinstance(error, GeneratorExit):
            held[0].set_attributes(cancelled=True)
            self._broken_off.append((held[0], time_ns()))
            leave_span(held[1])
            del self._open[run_id]
        else:
            self._fail_span(run_id, error)

    def on_tool_start(
        self,
        serialized: dict[str, Any] | None,
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        name = str((serialized or {}).get("name") or kwargs.get("name") or "tool")
        if (opened := self._start_tool_span("tool", name, run_id, parent_run_id)) is not None:
            opened.set_attribute("gen_ai.tool.name", name)
            opened.set_text("input", kwargs.get("inputs") or input_str)

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        if (held := self._open.get(run_id)) is not None:
            if isinstance(output, ToolMessage):
                held[0].set_attribute("gen_ai.tool.call.id", output.tool_call_id)
            held[0].set_text("output", output.text if isinstance(output, ToolMessage) else str(output))
        self._close_span(run_id)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._fail_span(run_id, error)

    def on_retriever_start(
        self,
        serialized: dict[str, Any] | None,
        query: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        name = str((serialized or {}).get("name") or kwargs.get("name") or "retriever")
        if (opened := self._start_tool_span("retriever", name, run_id, parent_run_id)) is not None:
            opened.set_text("input", query)

    def on_retriever_end(self, documents: Sequence[Document], *, run_id: UUID, **kwargs: Any) -> None:
        if (held := self._open.get(run_id)) is not None:
            held[0].set_attributes(documents=len(documents))
            held[0].set_messages("output", [Message("document", each.page_content) for each in documents])
        self._close_span(run_id)

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self._fail_span(run_id, error)

    def _start_tool_span(self, kind: SpanKind, name: str, run_id: UUID, parent: UUID | None) -> Span | None:
        self._parents[run_id] = parent
        opened = start_span(name, kind, self._parent_span(parent))
        if opened is not None:
            self._open_span(run_id, opened)
        return opened

    def close(self) -> None:
        """Ends what a run that was stopped has left open."""
        for run_id in list(self._open)[::-1]:
            self._open[run_id][0].set_attributes(cancelled=True)
            self._close_span(run_id)
        for opened, at in self._broken_off:
            opened.end(at)

    def _parent_span(self, parent: UUID | None) -> SpanRef | None:
        """The nearest span around a run; the agent's own, where there is none."""
        while parent is not None:
            if (held := self._open.get(parent)) is not None:
                return held[0].context
            parent = self._parents.get(parent)
        return self._root

    def _open_span(self, run_id: UUID, opened: Span, around: SpanRef | None = None) -> None:
        self._open[run_id] = opened, enter_span(opened, around)

    def _close_span(self, run_id: UUID) -> None:
        self._parents.pop(run_id, None)
        held = self._open.pop(run_id, None)
        if held is not None:
            leave_span(held[1])
            held[0].end()

    def _fail_span(self, run_id: UUID, error: BaseException) -> None:
        held = self._open.get(run_id)
        if held is not None and isinstance(error, Exception) and not _is_control_flow(error):
            held[0].fail(str(getattr(error, "code", type(error).__name__)), str(error))
        elif held is not None and not isinstance(error, Exception):
            held[0].set_attributes(cancelled=True)
        self._close_span(run_id)


def _is_control_flow(error: Exception) -> bool:
    """LangGraph's own way of asking a person: nothing has failed."""
    return any(kind.__name__ == "GraphBubbleUp" for kind in type(error).__mro__)


def _parameters(told: Mapping[str, Any], asked: Mapping[str, Any]) -> str | None:
    """As JSON, of what a call says of how it is to be answered; of tools and schemas the names."""
    named = {
        "temperature": told.get("ls_temperature"),
        "max_tokens": told.get("ls_max_tokens"),
        "stop": told.get("ls_stop"),
        "tool_choice": asked.get("tool_choice"),
        "tools": [name for tool in asked.get("tools") or () if (name := _tool_name(tool)) is not None],
        "response_format": _format_name(asked.get("response_format")),
    }
    said = {name: value for name, value in named.items() if value not in (None, [])}
    return json.dumps(said, default=str) if said else None


def _tool_name(tool: object) -> str | None:
    match tool:
        case {"function": {"name": str(name)}} | {"name": str(name)}:
            return name
    return None


def _format_name(response_format: object) -> str | None:
    """The name of what structured output is to be: vendors take a JSON Schema, a class or a word."""
    match response_format:
        case {"json_schema": {"name": str(name)}} | {"type": str(name)} | str(name):
            return name
        case type():
            return response_format.__name__
    return None


def _answer_messages(response: LLMResult) -> BaseMessage | None:
    found = (each for batch in response.generations for each in batch if isinstance(each, ChatGeneration))
    return next((each.message for each in found), None)


def _finish_reason(message: BaseMessage) -> str | None:
    """Under the name that its vendor gives it."""
    told = (message.response_metadata.get(name) for name in ("finish_reason", "done_reason", "stop_reason"))
    return next((reason for reason in told if isinstance(reason, str)), None)


def _response_id(message: BaseMessage) -> str | None:
    """Its vendor's, where that gives one."""
    told = message.response_metadata.get("id")
    return told if isinstance(told, str) else None


def _completions(response: LLMResult) -> Sequence[str]:
    return [each.text for batch in response.generations for each in batch if not isinstance(each, ChatGeneration)]


def _record_usage(opened: Span, message: BaseMessage) -> None:
    """What no attempt has told: of an answer that was remembered, or of a model that none of our layers counts."""
    usage: UsageMetadata | None = getattr(message, "usage_metadata", None)
    if (origin := message.response_metadata.get(CACHE)) is not None:
        opened.set_attribute("agenkit.cache.hit", str(origin))
        opened.set_usage(token_classes(0, 0), 0.0)
    elif usage and not opened.has_usage:
        read, written = usage.get("input_token_details") or {}, usage.get("output_token_details") or {}
        told = token_classes(
            usage["input_tokens"],
            usage["output_tokens"],
            cached=read.get("cache_read") or 0,
            cache_write=read.get("cache_creation") or 0,
            reasoning=written.get("reasoning") or 0,
        )
        opened.set_usage(told, None)


@contextmanager
def traced_callbacks() -> Iterator[None]:
    """Models that are called within, outside of any graph, leave their spans too."""
    spans = TracingCallbackHandler()
    before = var_child_runnable_config.set({"callbacks": spans.handlers})
    try:
        yield
    finally:
        var_child_runnable_config.reset(before)
        spans.close()
