"""The faults of docs/faults.md, by the names that they have there."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from tests.loopback import (
    Cut,
    EmptyStream,
    Endless,
    ErrorEvent,
    GarbledFraming,
    MalformedChunk,
    Refused,
    Reply,
    Reset,
    Shredded,
    SlowHeader,
    Stall,
    ToolCall,
    TruncatedUtf8,
    WrongContentType,
    context_overflow,
    model_gone,
    out_of_quota,
    overloaded,
    server_error,
    too_many_requests,
    unauthorized,
)
from tests.loopback.fault import Fault, Problem

TEXT = Reply("The sea is deep, and it is old; naïve café ☕ and all that is in it.")
CALL = Reply(tool_calls=(ToolCall("paint", {"colour": "a dark and stormy green"}, id="call-paint", fragment=5),))


def _soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=1)


# Each is made when it is played: some name a moment.
FAULTS: Mapping[str, Callable[[Reply], Fault | Reply]] = {
    "refused": lambda _: Refused(),
    "reset_before": lambda reply: Reset(0, reply),
    "reset_after": lambda reply: Reset(4, reply),
    "cut": lambda reply: Cut(4, reply),
    "stalled": lambda reply: Stall(4, reply=reply),
    "slow_header": lambda reply: SlowHeader(5.0, reply),
    "rate_limited_seconds": lambda _: too_many_requests(0),
    "rate_limited_date": lambda _: too_many_requests(_soon()),
    "rate_limited_for_long": lambda _: too_many_requests(3600),
    "out_of_quota": lambda _: out_of_quota(),
    "overloaded": lambda _: overloaded(),
    "server_error": lambda _: server_error(),
    "unauthorized": lambda _: unauthorized(),
    "model_gone": lambda _: model_gone("loop"),
    "context_overflow": lambda _: context_overflow(),
    "malformed_chunk": lambda reply: MalformedChunk(4, reply),
    "truncated_utf8": lambda reply: TruncatedUtf8(4, reply),
    "error_event": lambda reply: ErrorEvent(4, Problem("The model runner has stopped."), reply),
    "empty_stream": lambda _: EmptyStream(),
    "wrong_content_type": lambda _: WrongContentType(),
    "garbled_framing": lambda reply: GarbledFraming(0, reply),
    "endless": lambda _: Endless(delay=0.01),
    "usage_missing": lambda reply: Reply(text=reply.text, tool_calls=reply.tool_calls, usage=None),
    "shredded": lambda reply: Shredded(1, reply),
}
