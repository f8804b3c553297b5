"""A response before it is timed and broken: its header, its pieces and what closes it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice, repeat
from typing import assert_never

from tests.loopback.fault import (
    Changed,
    EmptyStream,
    Endless,
    ErrorEvent,
    MalformedChunk,
    Shredded,
    SlowHeader,
    Status,
    TruncatedUtf8,
    WrongContentType,
)
from tests.loopback.http import render_head
from tests.loopback.script import Reply
from tests.loopback.wire import Ask, Wire


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that was understood, and who spells its answer; `document` is the answer when it is not streamed."""

    wire: Wire
    ask: Ask
    streamed: bool
    document: Callable[[Ask, Reply], bytes | Status]


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes and their times in seconds.

    `waits` pass before the header, the header takes `head_time`, `first_delay` passes before the first piece and `gap`
    between the writes, each of `per_write` pieces. The pieces may be endless, and can be read once.
    """

    head: bytes
    pieces: Iterator[bytes]
    closing: bytes = b""
    chunked: bool = True
    waits: float = 0.0
    head_time: float = 0.0
    first_delay: float = 0.0
    gap: float = 0.0
    per_write: int = 1


def answer(script: Reply | Changed, exchange: Exchange) -> Answer:
    """What this script sends for this request."""
    match script:
        case Reply():
            return spoken(script, exchange)
        case Status():
            return refused(script, exchange.wire)
        case SlowHeader():
            return replace(spoken(script.reply, exchange), head_time=script.seconds)
        case MalformedChunk():
            return malformed(script, exchange)
        case TruncatedUtf8():
            return truncated(script, exchange)
        case ErrorEvent():
            return failed(script, exchange)
        case EmptyStream():
            return empty(exchange)
        case WrongContentType():
            return document(script.body, script.content_type)
        case Endless():
            return endless(script, exchange)
        case Shredded():
            return shredded(script, exchange)
        case _:
            assert_never(script)


def spoken(reply: Reply, exchange: Exchange) -> Answer:
    wire, ask = exchange.wire, exchange.ask
    if exchange.streamed:
        return Answer(
            head=render_head(200, wire.content_type, None),
            pieces=wire.pieces(ask, reply),
            closing=wire.closing(ask, reply),
            first_delay=reply.first_delay,
            gap=reply.delay,
            per_write=reply.per_write,
        )
    made = exchange.document(ask, reply)
    if isinstance(made, Status):
        return refused(made, wire)
    return replace(document(made), waits=reply.first_delay + thinking_time(reply, exchange))


def thinking_time(reply: Reply, exchange: Exchange) -> float:
    """Seconds between the first and the last piece, had it been streamed."""
    if not reply.delay:
        return 0.0
    writes = -(-sum(1 for _ in exchange.wire.pieces(exchange.ask, reply)) // reply.per_write)
    return reply.delay * max(0, writes - 1)


def document(body: bytes, content_type: str = "application/json", status: int = 200) -> Answer:
    half = len(body) // 2
    head = render_head(status, content_type, len(body))
    return Answer(head, iter((body[:half], body[half:])), chunked=False)


def refused(status: Status, wire: Wire) -> Answer:
    body = status.body if isinstance(status.body, bytes) else wire.problem(status.body)
    head = render_head(status.code, status.content_type, len(body), status.headers)
    return replace(document(body), head=head)


def malformed(fault: MalformedChunk, exchange: Exchange) -> Answer:
    return spoilt(fault.reply, exchange, fault.after, lambda payload: payload[: len(payload) // 2])


def truncated(fault: TruncatedUtf8, exchange: Exchange) -> Answer:
    return spoilt(fault.reply, exchange, fault.after, torn)


def torn(payload: bytes) -> bytes:
    """The JSON with the first byte of a character of two in its text, and no second; lenient readers still parse it."""
    key = b'"content":"' if b'"content":"' in payload else b'":"'
    return payload.replace(key, key + b"caf\xc3 ", 1)


def spoilt(reply: Reply, exchange: Exchange, after: int, spoil: Callable[[bytes], bytes]) -> Answer:
    """One piece more than the reply has, spoilt, or the whole document."""
    whole = spoken(reply, exchange)
    if not exchange.streamed:
        return replace(document(spoil(b"".join(whole.pieces))), waits=whole.waits)
    event = exchange.wire.frame(spoil(exchange.wire.piece(exchange.ask, "spoilt")))
    return replace(whole, pieces=chain(islice(whole.pieces, after), (event,), whole.pieces))


def failed(fault: ErrorEvent, exchange: Exchange) -> Answer:
    if not exchange.streamed:
        return refused(Status(500, fault.problem), exchange.wire)
    whole = spoken(fault.reply, exchange)
    event = exchange.wire.frame(exchange.wire.problem(fault.problem))
    return replace(whole, pieces=chain(islice(whole.pieces, fault.after), (event,)), closing=b"")


def empty(exchange: Exchange) -> Answer:
    if not exchange.streamed:
        return document(b"")
    return Answer(render_head(200, exchange.wire.content_type, None), iter(()))


def endless(fault: Endless, exchange: Exchange) -> Answer:
    wire = exchange.wire
    if not exchange.streamed:
        # A document may begin with any amount of white space; gateways send it to keep the line open.
        return Answer(render_head(200, "application/json", None), repeat(b" "), gap=fault.delay)
    event = wire.frame(wire.piece(exchange.ask, fault.piece))
    return Answer(render_head(200, wire.content_type, None), repeat(event), gap=fault.delay)


def shredded(fault: Shredded, exchange: Exchange) -> Answer:
    whole = spoken(fault.reply, exchange)
    body = b"".join(whole.pieces) + whole.closing
    shreds = (body[start : start + fault.size] for start in range(0, len(body), fault.size))
    return replace(whole, pieces=shreds, closing=b"", per_write=1, gap=0.0)
