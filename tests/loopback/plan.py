"""From a script to the steps that play it: what to send, when to wait, how to leave."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from tests.loopback.answer import Answer, Exchange, answer
from tests.loopback.fault import Cut, Fault, GarbledFraming, Refused, Reset, Stall
from tests.loopback.http import LAST_CHUNK, render_chunk
from tests.loopback.script import Reply

GARBAGE = b"\x15\x03\x01 what is this\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Send:
    """One write; `pieces` of them are the model's."""

    data: bytes
    pieces: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Leave:
    """The end of the connection, orderly or with a RST."""

    reset: bool = False


Step = Send | Pause | Leave


def plan(script: Reply | Fault, exchange: Exchange) -> Iterator[Step]:
    """The steps, made as they are taken: an endless answer has no last one."""
    match script:
        case Refused():
            return iter((Leave(reset=True),))
        case Reset():
            return played(answer(script.reply, exchange), script.after, Leave(reset=True))
        case Cut():
            return played(answer(script.reply, exchange), script.after, Leave())
        case Stall():
            return played(answer(script.reply, exchange), script.after, Pause(script.seconds))
        case GarbledFraming():
            return played(answer(script.reply, exchange), script.after, Send(GARBAGE), Leave())
        case _:
            return played(answer(script, exchange))


def played(whole: Answer, after: int = 0, *between: Step) -> Iterator[Step]:
    """A whole answer, with something else in it after so many pieces."""
    # A document is complete with its second half: what is to break it must come before.
    after = after if whole.chunked else min(after, 1)
    if after:
        yield from opened(whole)
        yield from written(whole, islice(whole.pieces, after))
    yield from between
    if not after:
        yield from opened(whole)
    yield from written(whole, whole.pieces)
    yield Send(framed(whole, whole.closing) + (LAST_CHUNK if whole.chunked else b""))


def opened(whole: Answer) -> Iterator[Step]:
    yield Pause(whole.waits)
    lines = whole.head.splitlines(keepends=True) if whole.head_time else [whole.head]
    for line in lines:
        yield Send(line)
        yield Pause(whole.head_time / len(lines))
    yield Pause(whole.first_delay)


def written(whole: Answer, pieces: Iterable[bytes]) -> Iterator[Step]:
    for number, group in enumerate(grouped(iter(pieces), whole.per_write)):
        if number:
            yield Pause(whole.gap)
        yield Send(framed(whole, b"".join(group)), len(group))


def grouped(pieces: Iterator[bytes], size: int) -> Iterator[tuple[bytes, ...]]:
    for first in pieces:
        yield tuple(chain((first,), islice(pieces, size - 1)))


def framed(whole: Answer, data: bytes) -> bytes:
    return render_chunk(data) if whole.chunked else data
