"""What happened in each run, in order, for whoever reads it from wherever."""

import asyncio
import json
import re
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal, Protocol
from uuid import uuid4

import orjson

Event = Mapping[str, Any]

# What a delta belongs to, by its type: pieces of the same thing may travel and be kept as one.
_DELTAS: Mapping[str, str] = {
    "TEXT_MESSAGE_CONTENT": "messageId",
    "REASONING_MESSAGE_CONTENT": "messageId",
    "TOOL_CALL_ARGS": "toolCallId",
}
_POSITION = re.compile(r"([0-9a-f]{8})-([1-9]\d{0,17})")
# A merged delta stays as it is from this many characters on, so that a log never holds one endless entry.
_MAX_DELTA_LENGTH = 64 * 1024


class LogUnavailable(Exception):
    """Where logs are kept, nobody answers."""


class UnknownLog(LookupError):
    """There is no log of this run, or there is none any more."""


class BadPosition(ValueError):
    """What was given is no position of any log."""


@dataclass(frozen=True, slots=True)
class Position:
    """The place of an event: `number` counts from 1 within one `incarnation` of a log. To clients it is one word."""

    incarnation: str
    number: int

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Raises `BadPosition`."""
        if (found := _POSITION.fullmatch(text)) is None:
            raise BadPosition(f"{text!r} is no position of a log")
        return cls(found[1], int(found[2]))

    def __str__(self) -> str:
        return f"{self.incarnation}-{self.number}"


# Of a log of which a reader has heard something else: that is as good as folded away.
START = -1


def position_in(after: Position | None, incarnation: str) -> int:
    """Up to which number of that log a reader at this position has heard; one without a position begins at 0."""
    if after is None:
        return 0
    return after.number if after.incarnation == incarnation else START


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One event, or several deltas of one thing as one: then `parts` holds the number of each but the last, and how
    many characters there were with it. `number` is that of the last.
    """

    number: int
    event: Event
    parts: tuple[tuple[int, int], ...] = ()

    def after(self, number: int) -> "LogRecord | None":
        """What of it comes after that number."""
        if number >= self.number:
            return None
        heard = [length for part, length in self.parts if part <= number]
        if not heard:
            return self
        kept = tuple((part, length - heard[-1]) for part, length in self.parts if part > number)
        return LogRecord(self.number, {**self.event, "delta": self.event["delta"][heard[-1] :]}, kept)


def merge_records(entries: Iterable[LogRecord]) -> Iterator[LogRecord]:
    """Neighbouring deltas of one message or tool call as one."""
    waiting: list[LogRecord] = []
    length = 0
    for entry in entries:
        if waiting and not (_is_continuation(waiting[-1].event, entry.event) and length < _MAX_DELTA_LENGTH):
            yield _join_records(waiting)
            waiting, length = [], 0
        waiting.append(entry)
        length += len(entry.event.get("delta") or "") if entry.event["type"] in _DELTAS else 0
    if waiting:
        yield _join_records(waiting)


def _is_continuation(one: Event, other: Event) -> bool:
    key = _DELTAS.get(other["type"])
    return key is not None and one["type"] == other["type"] and one[key] == other[key]


def _join_records(entries: Sequence[LogRecord]) -> LogRecord:
    if len(entries) == 1:
        return entries[0]
    parts, said = list[tuple[int, int]](), list[str]()
    length = 0
    for entry in entries:
        parts.extend((number, length + before) for number, before in entry.parts)
        said.append(entry.event["delta"])
        length += len(said[-1])
        parts.append((entry.number, length))
    return LogRecord(entries[-1].number, {**entries[-1].event, "delta": "".join(said)}, tuple(parts[:-1]))


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Entries that follow one another. Where `folded`, they stand for everything up to the last of them."""

    incarnation: str
    records: Sequence[LogRecord]
    is_rebuilt: bool = False

    def positions(self) -> Iterator[tuple[str, Event]]:
        for entry in self.records:
            yield f"{self.incarnation}-{entry.number}", entry.event


# Events that bring a reader who knows nothing to the place where these led.
Rebuild = Callable[[Iterable[Event]], Iterable[Event]]


# Told of each write: `kept` in this process's memory, `shared` with the others, or `failed`, and to be tried again.
OnWrite = Callable[[Literal["kept", "shared", "failed"]], None]


class EventLog(Protocol):
    """Runs are known by their internal id. One process writes a run's log; any may read it."""

    async def open(self, run: str) -> None:
        """Raises `LogUnavailable`: a run must not be accepted whose log would be lost."""
        ...

    async def append(self, run: str, events: Sequence[Event]) -> None: ...

    async def end(self, run: str) -> None:
        """Says that nothing comes after: readers finish, and the log is compacted and kept for a while."""
        ...

    async def has(self, run: str) -> bool: ...

    def read(self, run: str, after: Position | None = None) -> AsyncGenerator[LogBatch]:
        """What comes after that position, as much at a time as is there, until the end of the run.

        From a position of an earlier log, or from one whose entries are folded away, the first batch is `folded`.
        Raises `UnknownLog`.
        """
        ...

    async def rebuild(self, run: str) -> tuple[Position, Sequence[Event]]:
        """All that happened so far, and where that is. Raises `UnknownLog`."""
        ...

    async def take_over(self, run: str) -> bool:
        """Makes this process the one that writes a log which another left behind; `False` where there is none."""
        ...

    async def has_other_readers(self, run: str) -> bool:
        """Whether another process has readers of a log that this one writes."""
        ...

    async def release_readers(self) -> None:
        """Sends away all who read here: what goes on is to be read from another process."""
        ...

    async def delete(self, runs: Sequence[str]) -> None:
        """Drops the logs of runs that have ended. Raises `LogUnavailable`."""
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class EventLogSettings:
    """`seconds` that a log is kept after its run, `most_bytes` of one run's events before its head is folded, and
    `all_bytes` that one process keeps of runs that have ended: past them the oldest go earlier.
    """

    ttl_seconds: float = 3600.0
    max_bytes: int = 8 * 1024 * 1024
    max_total_bytes: int = 256 * 1024 * 1024


class MemoryLog:
    """Logs in this process, gone with it."""

    def __init__(
        self,
        settings: EventLogSettings,
        rebuild: Rebuild,
        clock: Callable[[], float] = monotonic,
        on_write: OnWrite = lambda what: None,
    ) -> None:
        self._settings = settings
        self._fold = rebuild
        self._clock = clock
        self._wrote = on_write
        self._runs: dict[str, LogBuffer] = {}
        # Of those that have ended, in that order, how many bytes each takes.
        self._ended: OrderedDict[str, int] = OrderedDict()
        self._ended_bytes = 0

    async def open(self, run: str) -> None:
        self.begin(run)

    def begin(self, run: str, incarnation: str | None = None) -> "LogBuffer":
        self._forget_old()
        self.drop(run)
        record = self._runs[run] = LogBuffer(incarnation or new_incarnation(), self._settings.max_bytes, self._fold)
        return record

    def record(self, run: str) -> "LogBuffer | None":
        return self._runs.get(run)

    def drop(self, run: str) -> None:
        self._runs.pop(run, None)
        self._ended_bytes -= self._ended.pop(run, 0)

    async def take_over(self, run: str) -> bool:
        # Its process took it along.
        return False

    async def has_other_readers(self, run: str) -> bool:
        return False

    async def release_readers(self) -> None:
        for record in self._runs.values():
            record.mark_lost()

    async def delete(self, runs: Sequence[str]) -> None:
        for run in runs:
            self.drop(run)

    async def append(self, run: str, events: Sequence[Event]) -> None:
        if (record := self._runs.get(run)) is not None:
            record.append(events)
            self._wrote("kept")

    async def end(self, run: str) -> None:
        if (record := self._runs.get(run)) is not None and not record.ended:
            record.end(self._clock())
            self._ended[run] = record.size
            self._ended_bytes += record.size

    async def has(self, run: str) -> bool:
        self._forget_old()
        return run in self._runs

    async def read(self, run: str, after: Position | None = None) -> AsyncGenerator[LogBatch]:
        if (record := self._runs.get(run)) is None:
            raise UnknownLog(run)
        async with aclosing(record.read(after)) as batches:
            async for batch in batches:
                yield batch

    async def rebuild(self, run: str) -> tuple[Position, Sequence[Event]]:
        if (record := self._runs.get(run)) is None:
            raise UnknownLog(run)
        return Position(record.incarnation, record.last), [entry.event for entry in record.records]

    async def aclose(self) -> None:
        for run in list(self._runs):
            self.drop(run)

    def _forget_old(self) -> None:
        before = self._clock() - self._settings.ttl_seconds
        while self._ended:
            first = next(iter(self._ended))
            ended_at = self._runs[first].ended_at
            if ended_at is not None and ended_at >= before and self._ended_bytes <= self._settings.max_total_bytes:
                return
            self.drop(first)


def new_incarnation() -> str:
    return uuid4().hex[:8]


@dataclass(slots=True)
class LogBuffer:
    """The log of one run. `first` is the number of the last entry that was folded away, 0 where none was."""

    incarnation: str
    max_bytes: int
    rebuild: Rebuild
    records: list[LogRecord] = field(default_factory=list)
    last: int = 0
    first: int = 0
    ended_at: float | None = None
    # Another process writes this log now: what comes is to be read from there.
    lost: bool = False
    # About how many bytes its events take.
    size: int = 0
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def append(self, events: Sequence[Event]) -> None:
        self.extend([LogRecord(self.last + at, event) for at, event in enumerate(events, 1)])

    def extend(self, entries: Sequence[LogRecord]) -> None:
        """Adds entries that have their numbers already, in order."""
        if not entries:
            return
        self.last = entries[-1].number
        self.records.extend(entries)
        self.size += sum(_event_size(entry.event) for entry in entries)
        if self.size > self.max_bytes:
            self._make_room()
        self._wake()

    def replace(self, entries: Sequence[LogRecord], *, first: int) -> None:
        """Puts entries in place of what is there; `first` as the field."""
        self.records, self.first, self.size = [], first, 0
        self.last = max(self.last, first)
        self.extend(entries)

    def end(self, now: float) -> None:
        self.records = list(merge_records(self.records))
        self.ended_at = now
        self._wake()

    @property
    def ended(self) -> bool:
        return self.ended_at is not None

    def _make_room(self) -> None:
        """Merges, and where that is not enough, puts what happened so far into its result."""
        self.records = list(merge_records(self.records))
        self.size = sum(_event_size(entry.event) for entry in self.records)
        if self.size > self.max_bytes / 2:
            stand = list(self.rebuild(entry.event for entry in self.records))
            self.first = self.last
            self.records = [LogRecord(self.last, event) for event in stand]
            # What cannot be made smaller does not make every next event fold it again.
            self.size = min(sum(map(_event_size, stand)), self.max_bytes // 2)

    async def read(self, after: Position | None, *, lags: bool = False) -> AsyncGenerator[LogBatch]:
        """`lags`: this record may be behind what was heard elsewhere, and a position that it lacks is to come."""
        heard = position_in(after, self.incarnation)
        if heard > self.last and not lags:
            heard = START
        while True:
            if heard < self.first:
                heard = self.last
                yield self.compacted_records()
            elif heard < self.last:
                entries = self._after(heard)
                heard = self.last
                yield LogBatch(self.incarnation, entries)
            elif self.ended or self.lost:
                return
            else:
                await self._change()

    def mark_lost(self) -> None:
        self.lost = True
        self._wake()

    def compacted_records(self) -> LogBatch:
        """All that happened so far, as its result."""
        events = self.rebuild(entry.event for entry in self.records)
        return LogBatch(self.incarnation, [LogRecord(self.last, event) for event in events], is_rebuilt=True)

    def since(self, number: int) -> Sequence[LogRecord]:
        return self._after(number)

    def _after(self, number: int) -> list[LogRecord]:
        start = bisect_left(self.records, number + 1, key=lambda entry: entry.number)
        found = (entry.after(number) for entry in self.records[start:])
        return [entry for entry in found if entry is not None]

    async def _change(self) -> None:
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


def _event_size(event: Event) -> int:
    """About how many bytes an event takes; exact enough for a bound."""
    delta = event.get("delta")
    if isinstance(delta, str):
        return 120 + len(delta)
    return len(serialize_event(event))


def serialize_event(told: Mapping[str, Any]) -> bytes:
    """As JSON in one line."""
    try:
        return orjson.dumps(told)
    except orjson.JSONEncodeError:
        # Integers beyond 64 bits and halves of characters, which agents may well say: the slower writer knows both.
        return json.dumps(told, separators=(",", ":")).encode()
