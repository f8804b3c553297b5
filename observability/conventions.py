"""A span as those name it who are sent it. Our own store keeps each value once, under the name that it was given."""

import json
from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import SpanKind as OtelKind

from observability.tracing import SpanRecord

_INPUT, _OUTPUT = "langfuse.observation.input", "langfuse.observation.output"
_OPERATIONS = {"agent": "invoke_agent", "tool": "execute_tool"}


def otel_kind(record: SpanRecord) -> OtelKind:
    match record.kind:
        case "request":
            return OtelKind.SERVER
        case "model" | "attempt":
            return OtelKind.CLIENT
    return OtelKind.INTERNAL


def langfuse_attributes(record: SpanRecord) -> Mapping[str, Any]:
    """Our own attributes as metadata, and what a run was asked and said as its trace's: that may begin elsewhere."""
    told = record.attributes
    ours = {name.removeprefix("agenkit."): value for name, value in told.items() if name.startswith("agenkit.")}
    found = {f"langfuse.observation.metadata.{name}": value for name, value in ours.items()}
    if record.kind == "run":
        trace = {"langfuse.trace.input": told.get(_INPUT), "langfuse.trace.output": told.get(_OUTPUT)}
        found |= {name: value for name, value in trace.items() if value is not None}
    return found


def genai_attributes(record: SpanRecord) -> Mapping[str, Any]:
    """OpenTelemetry's conventions for generative AI, as any collector reads them."""
    told, found = record.attributes, dict[str, Any]()
    if record.subject.session:
        found["gen_ai.conversation.id"] = record.subject.session
    if (operation := _OPERATIONS.get(record.kind)) is not None:
        found["gen_ai.operation.name"] = operation
    if record.kind == "agent":
        found["gen_ai.agent.name"] = record.name
    if record.kind == "tool":
        found |= _rename_keys(told, {_INPUT: "gen_ai.tool.call.arguments", _OUTPUT: "gen_ai.tool.call.result"})
    if record.kind == "model":
        if (reason := told.get("gen_ai.response.finish_reasons")) is not None:
            found["gen_ai.response.finish_reasons"] = [reason]
        usage = json.loads(told.get("langfuse.observation.usage_details", "{}"))
        cached = {
            "input_cached_tokens": "gen_ai.usage.cache_read.input_tokens",
            "input_cache_creation": "gen_ai.usage.cache_creation.input_tokens",
        }
        found |= _rename_keys(usage, cached)
        for name, source in (("gen_ai.input.messages", _INPUT), ("gen_ai.output.messages", _OUTPUT)):
            if source in told:
                found[name] = json.dumps([_message(each) for each in json.loads(told[source])], ensure_ascii=False)
    return found


def _rename_keys(told: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {name: told[source] for source, name in names.items() if source in told}


def _message(message: Mapping[str, Any]) -> Mapping[str, Any]:
    if message["role"] == "tool":
        answer = {"type": "tool_call_response", "id": message.get("tool_call_id"), "response": message["content"]}
        return {"role": "tool", "parts": [answer]}
    parts: list[Mapping[str, Any]] = [{"type": "text", "content": message["content"]}] if message["content"] else []
    for call in message.get("tool_calls", ()):
        made = call["function"]
        parts.append({"type": "tool_call", "id": call["id"], "name": made["name"], "arguments": made["arguments"]})
    return {"role": message["role"], "parts": parts}
