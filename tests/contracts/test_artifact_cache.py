"""Texts of artifacts behind a cache: in memory, and in a Redis that replicas share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from artifacts.service import ArtifactService, ArtifactVersion
from storage.artifacts import UnknownArtifact
from storage.blobs import caller_folder
from storage.cache import BoundedRedisCache, MemoryCache
from storage.caller import Caller
from storage.content_cache import ContentCacheBackend
from storage.content_store import UnknownContent, content_digest
from storage.redis import GuardedRedis, RedisLocks
from storage.settings import StorageSettings
from tests.conftest import CountingRedis
from tests.contracts.shelves import Begin, Process, beginning
from tests.waiting import LIMIT_SECONDS, wait_for

ANN, BOB = Caller("acme", "ann"), Caller("acme", "bob")
TEXT = "What the artifact says.\n"

T = TypeVar("T")
MakeCache = Callable[..., ContentCacheBackend]


@pytest.fixture
async def begin(tmp_path: Path) -> AsyncIterator[Begin]:
    async with beginning(StorageSettings(data_dir=tmp_path)) as begun:
        yield begun


@pytest.fixture(params=["memory", "redis"])
def make_cache(request: pytest.FixtureRequest) -> MakeCache:
    if request.param == "memory":
        return lambda most=1_000_000: MemoryCache(most)
    client: Redis = request.getfixturevalue("redis_client")
    prefix: str = request.getfixturevalue("redis_prefix")
    return lambda most=1_000_000: BoundedRedisCache(client, prefix, most, timeout=LIMIT_SECONDS)


async def _created(artifacts: ArtifactService, text: str = TEXT) -> ArtifactVersion:
    return await artifacts.create(ANN, name="Notes", kind="markdown", text=text, author="person")


async def _cold(process: Process, text: str = TEXT) -> ArtifactVersion:
    """An artifact that the cache has forgotten."""
    version = await _created(process.service, text)
    await process.texts.drop(ANN, [version.version.digest])
    return version


async def test_what_was_written_is_read_from_the_cache(begin: Begin, make_cache: MakeCache) -> None:
    process = begin(make_cache())
    version = await _created(process.service)
    assert [await process.service.read(ANN, version.artifact.id) for _ in range(2)] == [version] * 2
    written = await process.service.update(ANN, version.artifact.id, "two", base=1, author="agent", merge=False)
    assert await process.service.read(ANN, version.artifact.id) == written
    assert (process.artifacts.loads, process.counts) == (0, [("read", True)] * 3)


async def test_what_was_forgotten_is_read_once_and_then_remembered(begin: Begin, make_cache: MakeCache) -> None:
    process = begin(make_cache())
    version = await _cold(process)
    assert [await process.service.read(ANN, version.artifact.id) for _ in range(3)] == [version] * 3
    assert (process.artifacts.loads, process.counts) == (1, [("read", False), ("read", True), ("read", True)])


async def test_a_text_is_forgotten_after_its_time(begin: Begin, make_cache: MakeCache) -> None:
    process = begin(make_cache(), ttl=0.05)
    version = await _created(process.service)

    async def is_read_anew() -> bool:
        assert await process.service.read(ANN, version.artifact.id) == version
        return process.artifacts.loads > 0

    assert await wait_for(is_read_anew)


async def test_a_deleted_text_is_not_left_in_the_cache(begin: Begin, make_cache: MakeCache) -> None:
    process = begin(make_cache())
    version = await _created(process.service)
    await process.service.delete(ANN, version.artifact.id)
    with pytest.raises(UnknownContent):
        await process.texts.get(ANN, version.version.digest, "read")


async def test_the_same_text_of_two_users_is_two(begin: Begin, make_cache: MakeCache) -> None:
    process = begin(make_cache())
    version = await _created(process.service)
    with pytest.raises(UnknownContent):
        await process.texts.get(BOB, version.version.digest, "read")


async def test_a_cache_that_says_something_else_is_not_believed(begin: Begin, make_cache: MakeCache) -> None:
    cache = make_cache()
    process = begin(cache)
    version = await _created(process.service)
    await process.texts.put(ANN, version.version.digest, "Something else.")
    assert await process.service.read(ANN, version.artifact.id) == version
    assert await process.service.read(ANN, version.artifact.id) == version
    assert process.counts == [("read", False), ("read", True)]


async def _all_read(processes: list[Process], version: ArtifactVersion, times: int) -> None:
    told = await asyncio.gather(
        *(each.service.read(ANN, version.artifact.id) for _ in range(times) for each in processes)
    )
    assert told == [version] * (times * len(processes))


async def test_a_hundred_readers_of_one_process_read_once(begin: Begin, make_cache: MakeCache) -> None:
    process = begin(make_cache())
    version = await _cold(process)
    process.artifacts.rounds = 100
    await _all_read([process], version, 100)
    assert process.artifacts.loads == 1


async def test_a_hundred_readers_of_two_processes_read_once(
    begin: Begin, redis_client: Redis, redis_prefix: str
) -> None:
    one, other = (
        begin(
            BoundedRedisCache(redis_client, redis_prefix, 1_000_000, timeout=LIMIT_SECONDS),
            locks=RedisLocks(redis_client, f"{redis_prefix}turns:", timeout=LIMIT_SECONDS),
        )
        for _ in range(2)
    )
    for n in range(5):
        version = await _cold(one, f"{TEXT}{n}")
        for process in (one, other):
            process.artifacts.rounds = 100
        await _all_read([one, other], version, 50)
        assert one.artifacts.loads + other.artifacts.loads == n + 1
    assert [name async for name in redis_client.scan_iter(match=f"{redis_prefix}turns:*")] == []


async def test_a_holder_that_dies_is_not_waited_for_longer_than_its_turn(
    begin: Begin, redis_client: Redis, redis_prefix: str
) -> None:
    dead, turns = (
        RedisLocks(redis_client, f"{redis_prefix}turns:", seconds=0.5, timeout=LIMIT_SECONDS) for _ in range(2)
    )
    process = begin(BoundedRedisCache(redis_client, redis_prefix, 1_000_000, timeout=LIMIT_SECONDS), locks=turns)
    version = await _cold(process)
    assert await dead.claim(f"{caller_folder(ANN)}:{version.version.digest}")
    reading = asyncio.create_task(process.service.read(ANN, version.artifact.id))
    loads = process.artifacts.loads
    while await redis_client.exists(f"{redis_prefix}turns:{caller_folder(ANN)}:{version.version.digest}"):
        # Nobody reads before the turn of the dead is over.
        assert loads == 0
        loads = process.artifacts.loads
        await asyncio.sleep(0.01)
    assert await reading == version
    assert process.artifacts.loads == 1


async def test_a_turn_is_given_back_by_who_has_it_only(redis_client: Redis, redis_prefix: str) -> None:
    one, other = (RedisLocks(redis_client, redis_prefix, seconds=60, timeout=LIMIT_SECONDS) for _ in range(2))
    assert [await each.claim("a") for each in (one, other, one)] == [True, False, False]
    await other.release("a")
    assert await other.claim("a") is False
    await one.release("a")
    assert await other.claim("a") is True


async def test_a_reader_that_leaves_takes_nothing_from_the_others(begin: Begin, make_cache: MakeCache) -> None:
    process = begin(make_cache())
    version = await _cold(process)
    process.artifacts.gate.clear()
    readers = [asyncio.create_task(process.service.read(ANN, version.artifact.id)) for _ in range(10)]
    await wait_for(lambda: process.artifacts.loads)
    for reader in readers[:9]:
        reader.cancel()
    process.artifacts.gate.set()
    assert await readers[9] == version
    assert process.artifacts.loads == 1


async def test_what_fails_fails_for_all_who_wait_and_is_tried_again(begin: Begin, make_cache: MakeCache) -> None:
    process = begin(make_cache())
    told = await asyncio.gather(*(process.texts.get(ANN, "0" * 64, "read") for _ in range(5)), return_exceptions=True)
    assert [type(each) for each in told] == [UnknownContent] * 5
    assert process.artifacts.loads == 1
    with pytest.raises(UnknownContent):
        await process.texts.get(ANN, "0" * 64, "read")
    assert process.artifacts.loads == 2


async def test_a_redis_that_hangs_costs_little_and_the_store_is_read(
    begin: Begin, hanging_redis: CountingRedis
) -> None:
    cache = BoundedRedisCache(hanging_redis, "x:", 1_000_000, timeout=0.1)
    process = begin(cache, locks=RedisLocks(hanging_redis, "x:turns:", timeout=0.1))
    with capture_logs() as logs:
        version = await _created(process.service)
        await _all_read([process], version, 20)
        for _ in range(5):
            assert await process.service.read(ANN, version.artifact.id) == version
        await process.service.delete(ANN, version.artifact.id)
        await cache.sweep()
    assert hanging_redis.commands < 30
    assert {log["event"] for log in logs} == {"redis_unavailable"}
    with pytest.raises(UnknownArtifact):
        await process.service.read(ANN, version.artifact.id)


# A text of four bytes, under `value:` and one letter in memory, and the letter in Redis.
FOUR = b"1234"


async def _kept(cache: ContentCacheBackend, keys: str) -> str:
    return "".join([key for key in keys if await cache.get(key) is not None])


async def _lacks(cache: ContentCacheBackend, key: str) -> bool:
    return await cache.get(key) is None


async def test_what_was_used_longest_ago_makes_room_in_redis(redis_client: Redis, redis_prefix: str) -> None:
    caches = [BoundedRedisCache(redis_client, redis_prefix, 15, timeout=LIMIT_SECONDS) for _ in range(2)]
    for at, key in enumerate("abc"):
        # The first ends last.
        await caches[at % 2].put(key, FOUR, 900 - at)
    assert await caches[1].get("a") == FOUR
    await caches[0].put("d", FOUR, 600)
    assert await _kept(caches[0], "abcd") == "acd"
    await caches[0].put("a", FOUR, 600)
    await caches[1].put("e", FOUR, 600)
    assert await _kept(caches[0], "acde") == "ade"
    await caches[0].put("f", FOUR * 4, 600)
    assert await _kept(caches[0], "acdef") == "ade"
    await caches[0].put("g", b"x" * 14, 600)
    assert await _kept(caches[0], "acdefg") == "g"


async def test_a_large_value_in_redis_makes_room_a_little_at_a_time(redis_client: Redis, redis_prefix: str) -> None:
    cache = BoundedRedisCache(redis_client, redis_prefix, 6_000_000, timeout=LIMIT_SECONDS)
    for n in range(1500):
        await cache.put(f"{n:04}", b"x" * 3996, 600)
    large = b"y" * 5_000_000
    await cache.put("large", large, 600)
    assert await cache.get("large") == large
    assert int(await redis_client.hget(f"{redis_prefix}sizes", "") or 0) <= 6_000_000
    assert [await cache.get(key) is not None for key in ("0000", "1499")] == [False, True]


async def test_one_call_drops_few_and_says_that_there_are_more(redis_client: Redis, redis_prefix: str) -> None:
    cache = BoundedRedisCache(redis_client, redis_prefix, 100_000, timeout=LIMIT_SECONDS)
    for n in range(350):
        await cache.put(f"{n:03}", b"12345", 600)
    narrow = BoundedRedisCache(redis_client, redis_prefix, 0, timeout=LIMIT_SECONDS)
    assert [await narrow._make_room("", 0, b"") for _ in range(5)] == [True, True, True, False, False]


async def test_a_large_value_has_time_by_its_size() -> None:
    class Slow(GuardedRedis):
        def __init__(self) -> None:
            super().__init__("cache", timeout=0.2)
            self.seconds = list[float | None]()

        async def ask(self, command: Callable[[], Awaitable[T]], *, seconds: float | None = None) -> T | None:
            self.seconds.append(seconds)
            return None

    cache = BoundedRedisCache(Redis(), "x:", 64_000_000)
    slow = cache._reach = Slow()
    await cache.put("a", b"x" * 5_000_000, 600)
    assert slow.seconds == [0.7]


async def test_room_in_redis_is_given_back(redis_client: Redis, redis_prefix: str) -> None:
    cache = BoundedRedisCache(redis_client, redis_prefix, 10, timeout=LIMIT_SECONDS)
    await cache.put("a", FOUR, 60)
    await cache.drop(["a", "none"])
    await cache.put("a", FOUR, 60)
    await cache.put("b", FOUR, 0.05)
    await wait_for(lambda: _lacks(cache, "b"))
    await cache.sweep()
    assert await redis_client.hgetall(f"{redis_prefix}sizes") == {b"": b"5", b"a": b"5"}
    assert await redis_client.zrange(f"{redis_prefix}used", 0, -1) == [b"a"]
    assert await redis_client.zrange(f"{redis_prefix}ends", 0, -1) == [b"a"]


async def test_a_narrower_bound_is_held_by_the_sweep(redis_client: Redis, redis_prefix: str) -> None:
    wide, narrow = (
        BoundedRedisCache(redis_client, redis_prefix, most, timeout=LIMIT_SECONDS) for most in (100_000, 50)
    )
    for n in range(100):
        await wide.put(f"{n:02}", b"12345678", 60 + n)
    await narrow.sweep()
    assert sorted([name async for name in redis_client.scan_iter(match=f"{redis_prefix}value:*")]) == [
        f"{redis_prefix}value:{n:02}".encode() for n in range(95, 100)
    ]


async def test_redis_forgets_all_of_it_in_time(redis_client: Redis, redis_prefix: str) -> None:
    cache = BoundedRedisCache(redis_client, redis_prefix, 1000)
    await cache.put("a", FOUR, 60)
    await cache.put("b", FOUR, 1)
    names = [name async for name in redis_client.scan_iter(match=f"{redis_prefix}*")]
    assert len(names) == 5
    assert all([0 < await redis_client.ttl(name) <= 60 for name in names])
    assert await redis_client.ttl(f"{redis_prefix}used") > 50


async def test_memory_is_given_back_by_a_sweep_not_by_a_reader() -> None:
    now = 0.0
    cache = MemoryCache(1_000_000, clock=lambda: now)
    for n in range(3000):
        await cache.put(str(n), b"x" * 100, 10 if n % 2 else 20)
    now = 15.0
    await cache.sweep()
    assert cache.size == sum(len(f"value:{n}") + 100 for n in range(0, 3000, 2))
    assert [await cache.get("0"), await cache.get("1")] == [b"x" * 100, None]


async def test_sweeps_go_on_by_themselves_until_the_end(begin: Begin) -> None:
    cache = MemoryCache(1_000_000)
    process = begin(cache, ttl=0.05)
    process.texts.start(every=0.02)
    await _created(process.service)
    assert cache.size > 0
    await wait_for(lambda: cache.size == 0)
    await process.texts.aclose()


def test_a_text_is_known_by_its_digest() -> None:
    assert content_digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
