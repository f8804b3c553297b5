"""Run logs that replicas share, in Redis Streams.

The process that drives a run writes to its own memory first and to Redis right behind: its readers hear at once, and
with Redis away the run goes on and is caught up later. Readers elsewhere read from Redis. An entry's id in its stream
is its number, so that nothing can be written twice; a log has one owner at a time, so that a process that was thought
dead cannot write into what another has taken over.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from uuid import uuid4

import orjson
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError, ResponseError

from observability.logs import get_logger
from storage.event_log import (
    Event,
    EventLogSettings,
    LogBatch,
    LogBuffer,
    LogRecord,
    LogUnavailable,
    MemoryLog,
    OnWrite,
    Position,
    Rebuild,
    UnknownLog,
    new_incarnation,
    serialize_event,
)

_log = get_logger(__name__)

# Of a log whose run does not end: longer than any run may take.
_OPEN_SECONDS = 7 * 24 * 3600
_MAX_CONCURRENT = 500
_RETRY_SECONDS = 0.5
_CLOSE_SECONDS = 5.0
# A log is looked at this often, should a word of something new get lost.
_POLL_SECONDS = 1.0
# How long the readers of a log wait for a Redis that is away before they are sent away.
_MAX_SILENCE_SECONDS = 5.0

_WRITE = """
local stream, meta = KEYS[1], KEYS[2]
local owner = redis.call('HGET', meta, 'owner')
if not owner then return -1 end
if owner ~= ARGV[1] then return 0 end
if ARGV[2] == 'anew' then redis.call('DEL', stream) end
local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
local major, minor = -1, -1
if newest[1] then
    major, minor = string.match(newest[1][1], '(%d+)-(%d+)')
    major, minor = tonumber(major), tonumber(minor)
end
for at = 6, #ARGV, 2 do
    local number, place = string.match(ARGV[at], '(%d+)-(%d+)')
    number, place = tonumber(number), tonumber(place)
    if number > major or (number == major and place > minor) then
        redis.call('XADD', stream, ARGV[at], 'e', ARGV[at + 1])
    end
end
redis.call('HSET', meta, 'first', ARGV[3], 'ended', ARGV[4])
redis.call('PEXPIRE', stream, ARGV[5])
redis.call('PEXPIRE', meta, ARGV[5])
return 1
"""
_TAKE = """
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HGET', KEYS[1], 'ended') == '1' then return 0 end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'incarnation', ARGV[2])
return 1
"""


@dataclass(slots=True)
class _OwnLog:
    """A log that this process writes: up to which number Redis has it, and from which it was folded there."""

    buffer: LogBuffer
    sent: int = 0
    first: int = 0
    ended: bool = False


@dataclass(frozen=True, slots=True)
class _Meta:
    incarnation: str
    first: int
    ended: bool


@dataclass(slots=True)
class _Mirror:
    """A log of another process's as Redis has it, read once for all who read it here."""

    buffer: LogBuffer
    loaded: asyncio.Event = field(default_factory=asyncio.Event)
    readers: int = 0
    task: asyncio.Task[None] | None = None
    error: Exception | None = None

    def fail(self, error: Exception) -> None:
        self.error = error
        self.buffer.mark_lost()
        self.loaded.set()


class SharedLog:
    """`word` is a client of its own: it only listens for the word that there is something new."""

    def __init__(
        self,
        redis: Redis,
        word: Redis,
        prefix: str,
        settings: EventLogSettings,
        rebuild: Rebuild,
        *,
        on_write: OnWrite = lambda what: None,
    ) -> None:
        self._redis = redis
        self._prefix = f"{prefix}log:"
        self._settings = settings
        self._fold = rebuild
        self._me = uuid4().hex
        self._wrote = on_write
        self._memory = MemoryLog(settings, rebuild, on_write=on_write)
        self._own: dict[str, _OwnLog] = {}
        self._mirrors: dict[str, _Mirror] = {}
        self._unsent: dict[str, None] = {}
        self._some = asyncio.Event()
        self._closing = False
        self._dismissed = False
        self._write = redis.register_script(_WRITE)
        self._take = redis.register_script(_TAKE)
        self._words = _Channels(word, f"{self._prefix}new:")
        self._writer = asyncio.create_task(self._write_forever(), name="run logs")

    def _keys(self, run: str) -> tuple[str, str]:
        return f"{self._prefix}{{{run}}}", f"{self._prefix}{{{run}}}:meta"

    async def open(self, run: str) -> None:
        incarnation = new_incarnation()
        await self._create(run, incarnation)
        self._own[run] = _OwnLog(self._memory.begin(run, incarnation))

    async def _create(self, run: str, incarnation: str) -> None:
        stream, meta = self._keys(run)
        told: dict[Any, Any] = {"incarnation": incarnation, "owner": self._me, "first": 0, "ended": 0}
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.delete(stream, meta)
                pipe.hset(meta, mapping=told)
                pipe.expire(meta, _OPEN_SECONDS)
                await pipe.execute()
        except (RedisError, OSError) as error:
            raise LogUnavailable("Run logs cannot be kept now") from error

    async def has_other_readers(self, run: str) -> bool:
        try:
            return await self._words.subscriber_count(self._redis, run) > 0
        except (RedisError, OSError):
            # Nobody can read it there now.
            return False

    async def release_readers(self) -> None:
        self._dismissed = True
        await self._memory.release_readers()
        for mirror in self._mirrors.values():
            mirror.buffer.mark_lost()

    async def delete(self, runs: Sequence[str]) -> None:
        await self._memory.delete(runs)
        keys = [key for run in runs for key in self._keys(run)]
        try:
            for at in range(0, len(keys), _MAX_CONCURRENT):
                await self._redis.delete(*keys[at : at + _MAX_CONCURRENT])
        except (RedisError, OSError) as error:
            raise LogUnavailable("Run logs cannot be dropped now") from error

    async def take_over(self, run: str) -> bool:
        """Makes this process the one that writes a log which another left behind; `False` where there is none."""
        stream, meta = self._keys(run)
        try:
            # What the owner before had told its own readers may be more than Redis has of it: their positions are of
            # another log.
            if not await self._take(keys=[meta], args=[self._me, new_incarnation()]):
                return False
            found = await self._meta(run)
            entries = await self._range(stream, "-")
        except (RedisError, OSError, UnknownLog):
            return False
        record = self._memory.begin(run, found.incarnation)
        record.records, record.first = entries, found.first
        record.last = entries[-1].number if entries else 0
        self._own[run] = _OwnLog(record, sent=record.last, first=record.first)
        return True

    async def append(self, run: str, events: Sequence[Event]) -> None:
        if run in self._own:
            await self._memory.append(run, events)
            self._mark(run)

    async def end(self, run: str) -> None:
        if (own := self._own.get(run)) is not None:
            await self._memory.end(run)
            own.ended = True
            self._mark(run)

    def _mark(self, run: str) -> None:
        self._unsent[run] = None
        self._some.set()

    async def has(self, run: str) -> bool:
        if self._memory.record(run) is not None or run in self._mirrors:
            return True
        try:
            return bool(await self._redis.exists(self._keys(run)[1]))
        except (RedisError, OSError) as error:
            raise LogUnavailable("Run logs cannot be read now") from error

    async def rebuild(self, run: str) -> tuple[Position, Sequence[Event]]:
        if self._memory.record(run) is not None:
            return await self._memory.rebuild(run)
        if (mirror := self._mirrors.get(run)) is not None and mirror.loaded.is_set() and mirror.error is None:
            record = mirror.buffer
            return Position(record.incarnation, record.last), [entry.event for entry in record.records]
        try:
            meta = await self._meta(run)
            entries = await self._range(self._keys(run)[0], "-")
        except (RedisError, OSError) as error:
            raise LogUnavailable("Run logs cannot be read now") from error
        last = entries[-1].number if entries else 0
        return Position(meta.incarnation, last), [entry.event for entry in entries]

    async def read(self, run: str, after: Position | None = None) -> AsyncGenerator[LogBatch]:
        if (record := self._memory.record(run)) is not None:
            async with aclosing(record.read(after)) as batches:
                async for batch in batches:
                    if batch.records:
                        after = Position(batch.incarnation, batch.records[-1].number)
                    yield batch
            if not record.lost or self._dismissed:
                return
        async with aclosing(self._read(run, after)) as batches:
            async for batch in batches:
                yield batch

    async def _read(self, run: str, after: Position | None) -> AsyncGenerator[LogBatch]:
        mirror = self._mirrors.get(run)
        if mirror is None:
            mirror = self._mirrors[run] = _Mirror(LogBuffer("", self._settings.max_bytes, self._fold))
            mirror.task = asyncio.create_task(self._follow(run, mirror), name=f"mirror of {run}")
        mirror.readers += 1
        try:
            await mirror.loaded.wait()
            if mirror.error is None:
                async with aclosing(mirror.buffer.read(after, lags=True)) as batches:
                    async for batch in batches:
                        yield batch
            if mirror.error is not None:
                raise mirror.error
        finally:
            mirror.readers -= 1
            if not mirror.readers:
                self._drop(run, mirror)

    def _drop(self, run: str, mirror: _Mirror) -> None:
        if mirror.task is not None:
            mirror.task.cancel()
        if self._mirrors.get(run) is mirror:
            del self._mirrors[run]

    async def _follow(self, run: str, mirror: _Mirror) -> None:
        """Reads a log of Redis into its mirror, until it ends."""
        seen_at = monotonic()
        async with self._words.channel_of(run) as word:
            while not (mirror.buffer.ended or mirror.buffer.lost):
                word.clear()
                try:
                    await self._load(run, mirror)
                    seen_at = monotonic()
                except UnknownLog as error:
                    mirror.fail(error)
                except (RedisError, OSError) as error:
                    if monotonic() - seen_at > _MAX_SILENCE_SECONDS:
                        mirror.fail(LogUnavailable("Run logs cannot be read now"))
                        _log.warning("event_log_unavailable", run=run, error=type(error).__name__)
                    await asyncio.sleep(_RETRY_SECONDS)
                    continue
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await word.wait()
        # Whoever comes from now on begins anew: those who read here keep what they have.
        if self._mirrors.get(run) is mirror:
            del self._mirrors[run]

    async def _load(self, run: str, mirror: _Mirror) -> None:
        meta, record, stream = await self._meta(run), mirror.buffer, self._keys(run)[0]
        # Who takes the log over goes on with what is read here.
        record.incarnation = meta.incarnation
        if record.last < meta.first:
            record.replace(await self._range(stream, "-"), first=meta.first)
        else:
            found = [entry.after(record.last) for entry in await self._range(stream, f"({record.last}-{2**63}")]
            record.extend([entry for entry in found if entry is not None])
        if meta.ended:
            record.end(monotonic())
        mirror.loaded.set()

    async def _meta(self, run: str) -> _Meta:
        told: Any = await self._redis.hgetall(self._keys(run)[1])
        if not told:
            raise UnknownLog(run)
        return _Meta(told[b"incarnation"].decode(), int(told[b"first"]), told[b"ended"] == b"1")

    async def _range(self, stream: str, start: str) -> list[LogRecord]:
        found: list[LogRecord] = []
        while True:
            rows: Any = await self._redis.xrange(stream, start, "+", count=_MAX_CONCURRENT)
            found.extend(_read_entry(key, fields) for key, fields in rows)
            if len(rows) < _MAX_CONCURRENT:
                return found
            start = f"({rows[-1][0].decode()}"

    async def _write_forever(self) -> None:
        behind = False
        while not self._closing:
            await self._some.wait()
            self._some.clear()
            ahead = await self._write_all()
            if not ahead and not behind:
                _log.warning("event_log_lagging", runs=len(self._unsent))
            elif ahead and behind:
                _log.info("event_log_recovered")
            behind = not ahead
            if behind and not self._closing:
                await asyncio.sleep(_RETRY_SECONDS)
                self._some.set()

    async def _write_all(self) -> bool:
        """Whether all that there was to write could be written."""
        runs, self._unsent = list(self._unsent), {}
        left = list[str]()
        for at, run in enumerate(runs):
            try:
                await self._send(run)
                self._wrote("shared")
            except ResponseError:
                # Redis is there and refuses this one, for want of room perhaps: the others come first next time.
                self._wrote("failed")
                left.append(run)
            except (RedisError, OSError, LogUnavailable):
                self._wrote("failed")
                left = [*runs[at:], *left]
                break
        self._unsent = dict.fromkeys([*self._unsent, *left])
        return not left

    async def _send(self, run: str) -> None:
        if (own := self._own.get(run)) is None:
            return
        record, ended = own.buffer, own.ended
        # Compacted or folded since: what Redis has is replaced.
        anew = ended or own.first != record.first
        entries = list(record.records) if anew else list(record.since(own.sent))
        first, last = record.first, record.last
        told = await self._write_records(run, entries, anew=anew, first=first, ended=ended)
        if told < 0:
            # Redis has forgotten it: from the beginning.
            await self._create(run, record.incarnation)
            told = await self._write_records(run, record.records, anew=True, first=first, ended=ended)
        own.sent, own.first = last, first
        await self._words.publish(self._redis, run)
        if told == 0:
            _log.warning("event_log_taken_over", run=run)
            record.mark_lost()
        if told == 0 or ended:
            self._own.pop(run, None)
            self._memory.drop(run)

    async def _write_records(
        self, run: str, entries: Sequence[LogRecord], *, anew: bool, first: int, ended: bool
    ) -> int:
        seconds = self._settings.ttl_seconds if ended else _OPEN_SECONDS
        rows = list(_rows(entries))
        parts = [rows[at : at + _MAX_CONCURRENT] for at in range(0, len(rows), _MAX_CONCURRENT)] or [[]]
        for at, part in enumerate(parts):
            # It has not ended for a reader before its last part is there.
            last = at == len(parts) - 1
            head = [self._me, "anew" if anew and at == 0 else "more", first, int(ended and last), int(seconds * 1000)]
            words = [word for row in part for word in row]
            if (told := int(await self._write(keys=list(self._keys(run)), args=[*head, *words]))) != 1:
                return told
        return 1

    async def aclose(self) -> None:
        """What is not written yet is tried once more."""
        # Not by a cancel: the client's own time-outs may swallow one.
        self._closing = True
        self._some.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._writer
        if self._unsent:
            _log.error("event_log_dropped", runs=len(self._unsent))
        for run, mirror in list(self._mirrors.items()):
            mirror.buffer.mark_lost()
            self._drop(run, mirror)
        await self._words.aclose()


def _rows(entries: Iterable[LogRecord]) -> Iterable[tuple[str, bytes]]:
    """Ids and payloads; entries of one number, which stand for what was folded, are told apart by their place."""
    number, place = -1, 0
    for entry in entries:
        number, place = entry.number, place + 1 if entry.number == number else 0
        told: dict[str, Any] = {"e": entry.event} | ({"p": entry.parts} if entry.parts else {})
        yield f"{entry.number}-{place}", serialize_event(told)


def _parsed(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return json.loads(payload)


def _read_entry(key: bytes, fields: Mapping[bytes, bytes]) -> LogRecord:
    told = _parsed(fields[b"e"])
    parts = tuple((number, length) for number, length in told.get("p", ()))
    return LogRecord(int(key.partition(b"-")[0]), told["e"], parts)


class _Channels:
    """One connection that hears of all runs that somebody here follows."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        # A mirror that ends and the next one of the same run may overlap.
        self._followed: dict[str, list[asyncio.Event]] = {}
        # Those of which Redis has not been asked for word yet.
        self._unheard: set[str] = set()
        self._heard: PubSub | None = None
        self._listening: asyncio.Task[None] | None = None
        self._closed = False

    def channel_of(self, run: str) -> "_Subscription":
        return _Subscription(self, run)

    async def publish(self, redis: Redis, run: str) -> None:
        await redis.publish(f"{self._prefix}{run}", b"")

    async def subscriber_count(self, redis: Redis, run: str) -> int:
        """How many processes follow a run. The one that writes it reads its memory, and does not."""
        ((_, count),) = await redis.pubsub_numsub(f"{self._prefix}{run}")
        return int(count)

    async def subscribe(self, run: str, event: asyncio.Event) -> None:
        if run not in self._followed:
            self._unheard.add(run)
        self._followed.setdefault(run, []).append(event)
        if self._heard is None:
            self._heard = self._client.pubsub()
        # Where Redis is away, the listener asks again; who follows looks by itself meanwhile.
        with suppress(RedisError, OSError):
            await self._subscribe(self._heard)
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen(self._heard), name="words of run logs")

    async def _subscribe(self, heard: PubSub) -> None:
        if runs := list(self._unheard):
            await heard.subscribe(*(f"{self._prefix}{run}" for run in runs))
            self._unheard.difference_update(runs)

    async def unsubscribe(self, run: str, event: asyncio.Event) -> None:
        self._followed[run].remove(event)
        if self._followed[run]:
            return
        del self._followed[run]
        self._unheard.discard(run)
        if self._heard is not None:
            with suppress(RedisError, OSError):
                await self._heard.unsubscribe(f"{self._prefix}{run}")

    async def _listen(self, heard: PubSub) -> None:
        while not self._closed:
            try:
                await self._subscribe(heard)
                message = await heard.get_message(ignore_subscribe_messages=True, timeout=_POLL_SECONDS)
            except (RedisError, OSError, RuntimeError):
                # Readers look by themselves meanwhile; the client subscribes anew when it is back.
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if message is None:
                continue
            run = message["channel"].decode().removeprefix(self._prefix)
            for event in self._followed.get(run, ()):
                event.set()

    async def aclose(self) -> None:
        self._closed = True
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._heard is not None:
            await self._heard.aclose()  # type: ignore[no-untyped-call]


class _Subscription:
    def __init__(self, words: _Channels, run: str) -> None:
        self._words = words
        self._run = run
        self._event = asyncio.Event()

    async def __aenter__(self) -> asyncio.Event:
        await self._words.subscribe(self._run, self._event)
        return self._event

    async def __aexit__(self, *_: object) -> None:
        await self._words.unsubscribe(self._run, self._event)
