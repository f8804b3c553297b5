"""The ways in which a provider misbehaves: a closed set.

`after` counts streamed pieces. 0 is before the first byte where the fault is one of the transport, and before the first
piece where it is one of the content; more than there are is right before the end. An answer that is not streamed breaks
in its middle, however many were asked for, and counts its halves as two pieces.
"""

import math
from dataclasses import dataclass

from tests.loopback.script import Reply

COUNTING = Reply("one two three four five six seven eight nine ten")
ACCENTED = Reply("naïve café ☕ crème")


@dataclass(frozen=True, slots=True)
class Problem:
    """An error body; `ollama` is its wording there, where it differs."""

    message: str
    type: str = "server_error"
    code: str | None = None
    param: str | None = None
    ollama: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody listens: from the moment when this is next in the queue, for `seconds` or until `reopen()`.

    Idle connections are closed too, so that a client's pool does not get round it. Returned by a rule, where the
    request is already here, it resets that connection and then closes the listener.
    """

    seconds: float = math.inf


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is torn down with a RST."""

    after: int = 0
    reply: Reply = COUNTING


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ends with an orderly FIN, the answer does not."""

    after: int = 0
    reply: Reply = COUNTING


@dataclass(frozen=True, slots=True)
class Stall:
    """Silence on an open connection, for ever or for `seconds`; then the answer goes on."""

    after: int = 0
    seconds: float = math.inf
    reply: Reply = COUNTING


@dataclass(frozen=True, slots=True)
class GarbledFraming:
    """Bytes that are no HTTP: in place of a status line, or of a chunk's size."""

    after: int = 0
    reply: Reply = COUNTING


@dataclass(frozen=True, slots=True)
class SlowHeader:
    """The header comes line by line, spread over `seconds`, so that no single read takes long."""

    seconds: float = 1.0
    reply: Reply = COUNTING


@dataclass(frozen=True, slots=True)
class Status:
    """An answer with this status; a `Problem` is spelled as the format spells errors, other bodies go as they are."""

    code: int
    body: Problem | bytes = Problem("The server had an error while processing your request.")
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class MalformedChunk:
    """One well framed event whose JSON stops half way."""

    after: int = 0
    reply: Reply = COUNTING


@dataclass(frozen=True, slots=True)
class TruncatedUtf8:
    """One event with a character of which the second byte is missing."""

    after: int = 0
    reply: Reply = COUNTING


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """An error inside a stream that began with status 200; the stream ends there."""

    after: int = 0
    problem: Problem = Problem("The model runner has stopped.")
    reply: Reply = COUNTING


@dataclass(frozen=True, slots=True)
class EmptyStream:
    """Status 200, the right header, no body at all."""


@dataclass(frozen=True, slots=True)
class WrongContentType:
    """Status 200 and somebody else's page, as from a proxy."""

    content_type: str = "text/html"
    body: bytes = b"<html><body>Please sign in to the network.</body></html>"


@dataclass(frozen=True, slots=True)
class Endless:
    """Pieces that never end; white space where the answer is not streamed."""

    piece: str = "and on "
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Shredded:
    """A right answer of which every write has `size` bytes, wherever that cuts lines and characters."""

    size: int = 1
    reply: Reply = ACCENTED


WithoutAnswer = Refused | Reset | Cut | Stall | GarbledFraming
Changed = (
    SlowHeader
    | Status
    | MalformedChunk
    | TruncatedUtf8
    | ErrorEvent
    | EmptyStream
    | WrongContentType
    | Endless
    | Shredded
)
Fault = WithoutAnswer | Changed
