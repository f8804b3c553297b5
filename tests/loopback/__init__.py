"""A provider of models on 127.0.0.1 that says what it is told, in two formats, and misbehaves on order."""

from tests.loopback.call import Call
from tests.loopback.catalog import Model
from tests.loopback.cues import Rule, Topic, echo
from tests.loopback.fault import (
    Cut,
    EmptyStream,
    Endless,
    ErrorEvent,
    Fault,
    GarbledFraming,
    MalformedChunk,
    Problem,
    Refused,
    Reset,
    Shredded,
    SlowHeader,
    Stall,
    Status,
    TruncatedUtf8,
    WrongContentType,
)
from tests.loopback.http import Request
from tests.loopback.loopback import Loopback
from tests.loopback.script import Reply, ToolCall, Usage
from tests.loopback.status import (
    context_overflow,
    model_gone,
    out_of_quota,
    overloaded,
    server_error,
    too_many_requests,
    unauthorized,
)

__all__ = [
    "Call",
    "Cut",
    "EmptyStream",
    "Endless",
    "ErrorEvent",
    "Fault",
    "GarbledFraming",
    "Loopback",
    "MalformedChunk",
    "Model",
    "Problem",
    "Refused",
    "Reply",
    "Request",
    "Reset",
    "Rule",
    "Shredded",
    "SlowHeader",
    "Stall",
    "Status",
    "ToolCall",
    "Topic",
    "TruncatedUtf8",
    "Usage",
    "WrongContentType",
    "context_overflow",
    "echo",
    "model_gone",
    "out_of_quota",
    "overloaded",
    "server_error",
    "too_many_requests",
    "unauthorized",
]
