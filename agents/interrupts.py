"""Questions that a graph asks a person: what an answer to one looks like, and what dismissing it means."""

from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from langgraph.types import Interrupt
from pydantic_core import to_jsonable_python

from agents.events import PendingInterrupt

# What `interrupt()` returns in a node whose question was dismissed instead of answered.
DISMISSED: Mapping[str, Any] = {"status": "cancelled"}

_REJECTED: Mapping[str, Any] = {"type": "reject", "message": "The person dismissed the question."}


def read_interrupt(interrupt: Interrupt) -> PendingInterrupt:
    value = to_jsonable_python(interrupt.value, serialize_unknown=True, bytes_mode="base64")
    return PendingInterrupt(interrupt.id, value, _response_schema(interrupt, value))


def resume_value(asked: PendingInterrupt, answer: Any) -> Any:
    """The value that `interrupt()` returns for an answer: LangChain's middleware knows no dismissal, but rejections."""
    if answer != DISMISSED:
        return answer
    if (requests := _action_requests(asked.value)) is not None:
        return {"decisions": [dict(_REJECTED) for _ in requests]}
    if isinstance(asked.value, dict) and asked.value.get("type") == "tool_approval":
        return dict(_REJECTED)
    return answer


def resume_error(asked: PendingInterrupt, answer: Any) -> tuple[str, str] | None:
    """Where an answer does not fit the question's schema, as a dotted path, and why; `None` where it fits.

    A question without a schema, or with one that is none, takes anything.
    """
    if asked.response_schema is None or answer == DISMISSED:
        return None
    try:
        Draft202012Validator.check_schema(asked.response_schema)
    except SchemaError:
        return None
    error = best_match(Draft202012Validator(asked.response_schema).iter_errors(answer))
    return None if error is None else (".".join(map(str, error.absolute_path)), error.message)


def _response_schema(interrupt: Interrupt, value: Any) -> Mapping[str, Any] | None:
    told = getattr(interrupt, "response_schema", None) or (
        value.get("responseSchema") if isinstance(value, dict) else None
    )
    if isinstance(told, dict):
        return told
    return None if (requests := _action_requests(value)) is None else _decisions_schema(requests, value)


def _action_requests(value: Any) -> Sequence[Mapping[str, Any]] | None:
    """The tool calls that LangChain's human-in-the-loop middleware asks about (its `HITLRequest`)."""
    match value:
        case {"action_requests": [*requests], "review_configs": [*_]}:
            return requests
    return None


def _decisions_schema(requests: Sequence[Mapping[str, Any]], value: Mapping[str, Any]) -> Mapping[str, Any]:
    """One decision for each request, of those that its configuration allows."""
    allowed = {config.get("action_name"): config.get("allowed_decisions") for config in value["review_configs"]}
    return {
        "type": "object",
        "properties": {
            "decisions": {
                "type": "array",
                "prefixItems": [
                    {"oneOf": [_DECISIONS[kind] for kind in allowed.get(request.get("name")) or _DECISIONS]}
                    for request in requests
                ],
                "minItems": len(requests),
                "maxItems": len(requests),
            }
        },
        "required": ["decisions"],
    }


def _decision(kind: str, required: Mapping[str, Any], optional: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = {"type": {"const": kind}, **required, **optional}
    return {"type": "object", "properties": properties, "required": ["type", *required]}


_TEXT: Mapping[str, Any] = {"type": "string"}
_ACTION: Mapping[str, Any] = {
    "type": "object",
    "properties": {"name": _TEXT, "args": {"type": "object"}},
    "required": ["name", "args"],
}
_DECISIONS: Mapping[str, Mapping[str, Any]] = {
    "approve": _decision("approve", {}, {}),
    "edit": _decision("edit", {"edited_action": _ACTION}, {}),
    "reject": _decision("reject", {}, {"message": _TEXT}),
    "respond": _decision("respond", {"message": _TEXT}, {}),
}
