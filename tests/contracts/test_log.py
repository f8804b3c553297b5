"""Logs of runs in this process and in Redis, under one contract."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from storage.event_log import (
    BadPosition,
    Event,
    EventLog,
    EventLogSettings,
    LogBatch,
    LogRecord,
    LogUnavailable,
    MemoryLog,
    Position,
    UnknownLog,
    merge_records,
)
from storage.shared_event_log import SharedLog
from tests.waiting import LIMIT_SECONDS, wait_for

Opened = Callable[..., Any]


def _fold(events: Iterable[Event]) -> Sequence[Event]:
    """All text that was said, as one event: enough to tell whether something was lost."""
    said: dict[str, str] = {}
    for event in events:
        if event["type"] == "FOLDED":
            said |= event["said"]
        elif "delta" in event:
            said[event["messageId"]] = said.get(event["messageId"], "") + event["delta"]
    return [{"type": "FOLDED", "said": said}]


def _say(text: str, message: str = "m") -> Event:
    return {"type": "TEXT_MESSAGE_CONTENT", "messageId": message, "delta": text}


OTHER: Event = {"type": "STEP_STARTED", "stepName": "s"}


@pytest.fixture(params=["memory", "redis", "redis from elsewhere"])
def opened(request: pytest.FixtureRequest) -> Opened:
    """Makes a log to write to and one to read from: in one process the same."""
    shared = request.param != "memory"
    url, prefix = (request.getfixturevalue(name) if shared else "" for name in ("redis_url", "redis_prefix"))

    @asynccontextmanager
    async def made(**settings: Any) -> AsyncIterator[tuple[EventLog, EventLog]]:
        kept = EventLogSettings(**settings)
        if not shared:
            own = MemoryLog(kept, _fold)
            yield own, own
            return
        clients = [Redis.from_url(url, driver_info=None) for _ in range(2)]
        logs = [SharedLog(client, client, prefix, kept, _fold) for client in clients]
        yield (logs[0], logs[1] if request.param.endswith("elsewhere") else logs[0])
        for log, client in zip(logs, clients, strict=True):
            await log.aclose()
            await client.aclose()

    return made


async def _all(log: EventLog, run: str, after: Position | None = None) -> list[LogBatch]:
    batches = list[LogBatch]()
    await _read_into(batches, log, run, after)
    return batches


async def _read_into(batches: list[LogBatch], log: EventLog, run: str, after: Position | None = None) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        async for batch in log.read(run, after):
            batches.append(batch)  # noqa: PERF401  # what has come is looked at meanwhile


def _heard(batches: Sequence[LogBatch]) -> list[tuple[int, Event]]:
    return [(entry.number, entry.event) for batch in batches for entry in batch.records]


def _text(batches: Sequence[LogBatch]) -> str:
    """What a reader has of the one message, whether it heard it or was told."""
    text = ""
    for batch in batches:
        for entry in batch.records:
            if entry.event["type"] == "FOLDED":
                text = entry.event["said"].get("m", "")
            elif "delta" in entry.event:
                text += entry.event["delta"]
    return text


async def test_what_is_written_is_read_in_order_by_whoever_comes_when(opened: Opened) -> None:
    async with opened() as (writer, reader):
        await writer.open("r")
        early = asyncio.create_task(_all(reader, "r"))
        for event in (OTHER, _say("Hel"), _say("lo")):
            await writer.append("r", [event])
            await asyncio.sleep(0)
        await writer.append("r", [OTHER, OTHER])
        await writer.end("r")
        late = await _all(reader, "r")
        assert _text(await early) == _text(late) == "Hello"
        numbers = [number for number, _ in _heard(await early)]
        assert numbers == sorted(set(numbers))
        assert _heard(late)[-1] == (5, OTHER)


async def test_from_a_position_exactly_the_rest_is_read_also_within_a_merged_delta(opened: Opened) -> None:
    words = ["The ", "sea ", "is ", "", "deep ", "and ", "old."]
    async with opened() as (writer, reader):
        await writer.open("r")
        for word in words:
            await writer.append("r", [_say(word)])
        live, _ = await writer.rebuild("r")
        await writer.end("r")
        await _settled(reader, "r")
        for heard in range(len(words) + 1):
            rest = await _all(reader, "r", Position(live.incarnation, heard) if heard else None)
            assert _text(rest) == "".join(words[heard:])
            assert not any(batch.is_rebuilt for batch in rest)


async def _settled(log: EventLog, run: str) -> None:
    """Waits until a reader elsewhere sees the end."""
    async with asyncio.timeout(LIMIT_SECONDS):
        async for _ in log.read(run):
            pass


async def test_a_position_of_an_earlier_log_is_told_how_things_stand(opened: Opened) -> None:
    async with opened() as (writer, reader):
        await writer.open("r")
        await writer.append("r", [_say("Hel"), _say("lo")])
        await _until(reader, "r", 2)
        batches = list[LogBatch]()
        reading = asyncio.create_task(_read_into(batches, reader, "r", Position("0123abcd", 1)))
        await wait_for(lambda: batches)
        await writer.append("r", [_say(", you")])
        await writer.end("r")
        await reading
        assert batches[0].is_rebuilt
        assert _text(batches) == "Hello, you"


async def _until(log: EventLog, run: str, number: int) -> None:
    async def has_come() -> bool:
        return (await log.rebuild(run))[0].number >= number

    await wait_for(has_come)


async def test_a_log_that_grows_too_large_is_folded_and_goes_on(opened: Opened) -> None:
    async with opened(max_bytes=20_000) as (writer, reader):
        await writer.open("r")
        for at in range(400):
            await writer.append("r", [_say(f"word {at} "), OTHER])
        await writer.end("r")
        await _settled(reader, "r")
        position, events = await reader.rebuild("r")
        assert position.number == 800
        assert len(events) < 400
        whole = "".join(f"word {at} " for at in range(400))
        assert _text(await _all(reader, "r")) == whole
        # Who was far behind is told how things stand, who was near gets the rest.
        behind = await _all(reader, "r", Position(position.incarnation, 3))
        assert behind[0].is_rebuilt
        assert _text(behind) == whole
        near = await _all(reader, "r", Position(position.incarnation, 797))
        assert not near[0].is_rebuilt
        assert _text(near) == "word 399 "


async def test_a_reader_that_is_overtaken_by_the_folding_loses_nothing(opened: Opened) -> None:
    async with opened(max_bytes=20_000) as (writer, reader):
        await writer.open("r")
        heard: list[LogBatch] = []
        overtaken = asyncio.Event()

        async def slowly() -> None:
            async for batch in reader.read("r"):
                heard.append(batch)
                await overtaken.wait()

        reading = asyncio.create_task(slowly())
        for at in range(600):
            await writer.append("r", [_say(f"{at} "), OTHER])
            if at == 0:
                await wait_for(lambda: heard)
        await writer.end("r")
        await _settled(reader, "r")
        overtaken.set()
        async with asyncio.timeout(LIMIT_SECONDS):
            await reading
        assert _text(heard) == "".join(f"{at} " for at in range(600))


async def test_what_is_not_there_is_said_to_be_unknown(opened: Opened) -> None:
    async with opened() as (_, reader):
        assert not await reader.has("nobody")
        with pytest.raises(UnknownLog):
            await _all(reader, "nobody")
        with pytest.raises(UnknownLog):
            await reader.rebuild("nobody")


async def test_odd_values_survive(opened: Opened) -> None:
    odd: Event = {"type": "CUSTOM", "name": "odd", "value": {"big": 10**30, "half": "\ud83d", "none": None}}
    async with opened() as (writer, reader):
        await writer.open("r")
        await writer.append("r", [odd])
        await writer.end("r")
        await _settled(reader, "r")
        assert _heard(await _all(reader, "r")) == [(1, odd)]


@pytest.mark.parametrize("seed", range(5))
async def test_readers_who_come_and_go_get_each_character_once(opened: Opened, seed: int) -> None:
    dice = random.Random(seed)
    words = [f"{at}{'🌊' * dice.randint(0, 2)} " for at in range(120)]
    async with opened() as (writer, reader):
        await writer.open("r")

        async def come_and_go() -> str:
            text, after, ended = "", None, False
            own = random.Random(dice.random())
            while not ended:
                patience = own.randint(1, 6)
                ended = True
                async for batch in reader.read("r", after):
                    assert not batch.is_rebuilt
                    text += _text([batch])
                    after = Position(batch.incarnation, batch.records[-1].number)
                    patience -= 1
                    if patience == 0:
                        ended = False
                        break
            return text

        readers = [asyncio.create_task(come_and_go()) for _ in range(10)]
        for word in words:
            await writer.append("r", [_say(word)])
            await asyncio.sleep(dice.random() * 0.004)
        await writer.end("r")
        async with asyncio.timeout(LIMIT_SECONDS):
            assert set(await asyncio.gather(*readers)) == {"".join(words)}


async def test_a_log_is_kept_for_a_while_and_then_forgotten() -> None:
    now = 0.0
    log = MemoryLog(EventLogSettings(ttl_seconds=10.0), _fold, lambda: now)
    await log.open("old")
    await log.end("old")
    now = 9.0
    assert await log.has("old")
    now = 11.0
    assert not await log.has("old")


async def test_of_many_logs_the_oldest_go_first() -> None:
    log = MemoryLog(EventLogSettings(max_total_bytes=2000), _fold)
    for at in range(5):
        await log.open(f"r{at}")
        await log.append(f"r{at}", [_say("x" * 600)])
        if at != 1:
            await log.end(f"r{at}")
    # One that goes on is never dropped.
    assert [await log.has(f"r{at}") for at in range(5)] == [False, True, False, True, True]


async def test_with_redis_away_a_run_goes_on_and_is_caught_up(redis_url: str, redis_prefix: str) -> None:
    async with _pair(redis_url, redis_prefix) as (here, there):
        await here.open("r")
        await here.append("r", [_say("Before, ")])
        await _until(there, "r", 1)
        away = _Away(here)
        await away.gone()
        await here.append("r", [_say("meanwhile ")])
        with pytest.raises(LogUnavailable):
            await here.open("another")
        assert (await here.rebuild("r"))[0].number == 2
        assert (await there.rebuild("r"))[0].number == 1
        await away.back()
        await here.append("r", [_say("and after.")])
        await here.end("r")
        assert _text(await _all(there, "r")) == "Before, meanwhile and after."


async def test_each_write_is_told(redis_url: str, redis_prefix: str) -> None:
    told = Counter[str]()

    def wrote(what: str) -> None:
        told[what] += 1

    client = Redis.from_url(redis_url, driver_info=None)
    log = SharedLog(client, client, redis_prefix, EventLogSettings(), _fold, on_write=wrote)
    await log.open("r")
    await log.append("r", [_say("Hel")])
    await _until_told(told, "shared")
    away = _Away(log)
    await away.gone()
    await log.append("r", [_say("lo")])
    await _until_told(told, "failed")
    await away.back()
    await _until_told(told, "shared", times=told["shared"] + 1)
    assert told["kept"] == 2
    await log.aclose()
    await client.aclose()


async def _until_told(told: Counter[str], what: str, times: int = 1) -> None:
    await wait_for(lambda: told[what] >= times)


async def test_what_redis_forgets_is_written_again(redis_url: str, redis_prefix: str, redis_client: Redis) -> None:
    async with _pair(redis_url, redis_prefix) as (here, there):
        await here.open("r")
        await here.append("r", [_say("Hel")])
        await _until(there, "r", 1)
        for key in [key async for key in redis_client.scan_iter(match=f"{redis_prefix}*")]:
            await redis_client.delete(key)
        await here.append("r", [_say("lo")])
        await here.end("r")
        await _until_there(there, "r")
        assert _text(await _all(there, "r")) == "Hello"


async def _until_there(log: EventLog, run: str) -> None:
    await wait_for(lambda: log.has(run))


async def test_a_log_that_was_taken_over_is_written_by_its_new_owner_only(redis_url: str, redis_prefix: str) -> None:
    async with _pair(redis_url, redis_prefix) as (thought_dead, heir):
        await thought_dead.open("r")
        await thought_dead.append("r", [_say("Hello")])
        await _until(heir, "r", 1)
        batches = list[LogBatch]()
        local = asyncio.create_task(_read_into(batches, thought_dead, "r"))
        await wait_for(lambda: batches)
        before, _ = await thought_dead.rebuild("r")
        assert await heir.take_over("r")
        await thought_dead.append("r", [_say(" from"), _say(" the grave")])
        await heir.append("r", [_say(", heir")])
        await heir.end("r")
        # Whoever read the old owner's memory is told how things stand, and goes on elsewhere.
        await local
        assert batches[-1].is_rebuilt or any(batch.is_rebuilt for batch in batches)
        assert _text(batches) == "Hello, heir"
        await thought_dead.append("r", [_say("never")])
        await thought_dead.end("r")
        assert not await heir.take_over("r")
        async with _pair(redis_url, redis_prefix) as (_, third):
            assert _text(await _all(third, "r")) == "Hello, heir"
            # A number that the old owner gave may be another event's now.
            again = await _all(third, "r", Position(before.incarnation, 3))
            assert again[0].is_rebuilt
            assert _text(again) == "Hello, heir"


async def test_the_end_of_a_long_log_is_not_seen_before_all_of_it(redis_url: str, redis_prefix: str) -> None:
    async with _pair(redis_url, redis_prefix) as (here, there):
        await here.open("r")
        await here.append("r", [OTHER] * 1200)
        write = here._write

        async def slowly(**asked: Any) -> Any:
            told = await write(**asked)
            await asyncio.sleep(0.05)
            return told

        here._write = slowly  # type: ignore[assignment]
        reading = asyncio.create_task(_all(there, "r"))
        await here.append("r", [OTHER])
        await here.end("r")
        assert len(_heard(await reading)) == 1201


@asynccontextmanager
async def _pair(url: str, prefix: str) -> AsyncIterator[tuple[SharedLog, SharedLog]]:
    clients = [Redis.from_url(url, driver_info=None) for _ in range(2)]
    logs = [SharedLog(client, client, prefix, EventLogSettings(), _fold) for client in clients]
    yield logs[0], logs[1]
    for log, client in zip(logs, clients, strict=True):
        await log.aclose()
        await client.aclose()


class _Away:
    """Points a log's client at a port where nobody listens."""

    def __init__(self, log: SharedLog) -> None:
        self._pool = log._redis.connection_pool
        self._port = self._pool.connection_kwargs["port"]

    async def gone(self) -> None:
        await self._at(1)

    async def back(self) -> None:
        await self._at(self._port)

    async def _at(self, port: int) -> None:
        self._pool.connection_kwargs["port"] = port
        await self._pool.disconnect()
        self._pool.reset()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("word", ["", "1", "0123abcd", "0123abcd-", "0123abcd-0", "0123abcd-01", "0123ABCD-1", "x-1"])
def test_what_is_no_position_is_refused(word: str) -> None:
    with pytest.raises(BadPosition):
        Position.parse(word)


def test_merging_keeps_the_place_of_each_part() -> None:
    entries = [LogRecord(at, _say(word)) for at, word in enumerate(["ab", "c", "", "def"], 1)]
    (once,) = merge_records(entries)
    assert (once.number, once.event["delta"], once.parts) == (4, "abcdef", ((1, 2), (2, 3), (3, 3)))
    (twice,) = merge_records([*merge_records(entries[:2]), *merge_records(entries[2:])])
    assert twice == once
    rests = [once.after(number) for number in range(5)]
    assert [rest.event["delta"] if rest else None for rest in rests] == ["abcdef", "cdef", "def", "def", None]
    assert rests[1] is not None
    again = rests[1].after(2)
    assert again is not None
    assert again.event["delta"] == "def"
    assert (
        len(list(merge_records([LogRecord(1, _say("a")), LogRecord(2, _say("b", "other")), LogRecord(3, OTHER)]))) == 3
    )


async def test_one_read_of_redis_serves_all_readers_of_a_process(
    redis_url: str, redis_prefix: str, redis_client: Redis
) -> None:
    async with _pair(redis_url, redis_prefix) as (here, there):
        await here.open("r")
        heard = [list[LogBatch]() for _ in range(100)]
        readers = [asyncio.create_task(_read_into(batches, there, "r")) for batches in heard]
        before = await _reads(redis_client)
        for at in range(20):
            await here.append("r", [_say(f"{at} ")])
            await wait_for(lambda at=at: all(_text(batches).endswith(f"{at} ") for batches in heard))  # type: ignore[misc, arg-type]
        reads = await _reads(redis_client) - before
        await here.end("r")
        await asyncio.gather(*readers)
    # Two commands for each look at the log, and a look for each piece; one more a second where nothing has come.
    assert reads < 2 * 20 * 10


async def _reads(client: Redis) -> int:
    told: dict[str, dict[str, int]] = await client.info("commandstats")
    return sum(told.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("xrange", "hgetall"))


async def test_reader_waits_for_a_redis_that_comes_back(redis_url: str, redis_prefix: str) -> None:
    async with _pair(redis_url, redis_prefix) as (here, there):
        await here.open("r")
        await here.append("r", [_say("Hello")])
        await _until(there, "r", 1)
        away = _Away(there)
        await away.gone()
        batches = list[LogBatch]()
        reading = asyncio.create_task(_read_into(batches, there, "r"))
        await asyncio.sleep(0)
        await away.back()
        await here.end("r")
        await reading
        assert _text(batches) == "Hello"
