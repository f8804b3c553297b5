"""Two caches, one contract; and what each of them alone has to hold."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from structlog.testing import capture_logs

from llm.cache.settings import CacheSettings
from llm.cache.store import CacheStore
from storage.cache import MemoryCache, RedisCache
from storage.database import StorageFailed
from storage.redis import GuardedRedis, open_redis
from tests.conftest import CountingRedis
from tests.unit.test_cache import END, Kept, Meaning
from tests.waiting import LIMIT_SECONDS, ManualClock, wait_for


@pytest.fixture(params=["memory", "redis"])
def cache(request: pytest.FixtureRequest) -> CacheStore:
    if request.param == "memory":
        return MemoryCache(1_000_000)
    client: Redis = request.getfixturevalue("redis_client")
    prefix: str = request.getfixturevalue("redis_prefix")
    return RedisCache(client, prefix, timeout=LIMIT_SECONDS)


async def test_what_was_put_is_there_and_what_was_not_is_not(cache: CacheStore) -> None:
    await cache.put("a", b"\x00one\xff", 60)
    await cache.put("b", b"", 60)
    assert [await cache.get(key) for key in ("a", "b", "c")] == [b"\x00one\xff", b"", None]


async def test_a_value_is_replaced_with_its_time(cache: CacheStore) -> None:
    await cache.put("a", b"old", 0.05)
    await cache.put("a", b"new", 600)
    # What is put later with the time that the first had is gone, and so would the first be.
    await cache.put("b", b"one", 0.05)
    await _gone(cache, "b")
    assert await cache.get("a") == b"new"


async def test_a_value_is_gone_after_its_time(cache: CacheStore) -> None:
    await cache.put("a", b"one", 0.05)
    await cache.push("a", b"one", max_items=3, ttl=0.05)
    await _gone(cache, "a")
    assert await wait_for(lambda: _lists_nothing(cache, "a"))


async def _gone(cache: CacheStore, key: str) -> None:
    async def gone() -> bool:
        return await cache.get(key) is None

    await wait_for(gone)


async def _lists_nothing(cache: CacheStore, key: str) -> bool:
    return not await cache.get_list(key)


async def test_what_is_kept_is_not_shared_with_who_gave_it(cache: CacheStore) -> None:
    given = bytearray(b"one")
    await cache.put("a", given, 60)  # type: ignore[arg-type,unused-ignore]  # as a careless caller would
    await cache.push("a", given, max_items=3, ttl=60)  # type: ignore[arg-type,unused-ignore]
    given[:] = b"two"
    assert await cache.get("a") == b"one"
    assert list(await cache.get_list("a")) == [b"one"]


async def test_a_list_keeps_the_latest(cache: CacheStore) -> None:
    assert list(await cache.get_list("a")) == []
    for value in (b"1", b"2", b"3", b"4"):
        await cache.push("a", value, max_items=3, ttl=60)
    assert list(await cache.get_list("a")) == [b"4", b"3", b"2"]
    await cache.push("a", b"5", max_items=1, ttl=60)
    assert list(await cache.get_list("a")) == [b"5"]


async def test_a_value_and_a_list_of_one_name_are_two(cache: CacheStore) -> None:
    await cache.put("a", b"value", 60)
    await cache.push("a", b"listed", max_items=3, ttl=60)
    assert await cache.get("a") == b"value"
    assert list(await cache.get_list("a")) == [b"listed"]


async def test_many_at_once_push_each_its_own(cache: CacheStore) -> None:
    pushed = {str(n).encode() for n in range(20)}
    await asyncio.gather(*(cache.push("a", value, max_items=50, ttl=60) for value in pushed))
    assert set(await cache.get_list("a")) == pushed


async def _kept(cache: CacheStore, keys: str) -> str:
    return "".join([key for key in keys if await cache.get(key) is not None])


# A key is stored as `value:` and itself: seven bytes, and four of value.
FOUR = b"1234"
ROW = len("value:a") + len(FOUR)


async def test_memory_is_bounded_by_bytes_and_forgets_what_was_used_longest_ago() -> None:
    cache = MemoryCache(3 * ROW)
    for key in "abc":
        await cache.put(key, FOUR, 60)
    assert await cache.get("a") == FOUR
    await cache.put("d", FOUR, 60)
    assert await _kept(cache, "abcd") == "acd"
    await cache.put("e", FOUR * 4, 60)
    assert await _kept(cache, "abcde") == "e"


async def test_memory_gives_room_back() -> None:
    cache = MemoryCache(2 * ROW)
    for _ in range(5):
        await cache.put("a", FOUR, 60)
    await cache.put("b", FOUR, 60)
    assert await _kept(cache, "ab") == "ab"


async def test_what_is_greater_than_the_memory_pushes_nothing_out() -> None:
    cache = MemoryCache(3 * ROW)
    await cache.put("a", FOUR, 60)
    await cache.put("b", b"x" * 100, 60)
    assert await _kept(cache, "ab") == "a"


async def test_redis_bounds_the_time_of_all_it_keeps(redis_client: Redis, redis_prefix: str) -> None:
    cache = RedisCache(redis_client, redis_prefix)
    await cache.put("a", b"one", 60)
    await cache.push("a", b"one", max_items=3, ttl=60)
    names = [name async for name in redis_client.scan_iter(match=f"{redis_prefix}*")]
    assert len(names) == 2
    assert all([0 < await redis_client.ttl(name) <= 60 for name in names])


async def test_caches_of_two_prefixes_never_meet(redis_client: Redis, redis_prefix: str) -> None:
    ours, theirs = (RedisCache(redis_client, f"{redis_prefix}{name}:") for name in ("ours", "theirs"))
    await ours.put("a", b"one", 60)
    assert await theirs.get("a") is None


async def test_a_redis_that_hangs_is_a_miss_soon_and_is_left_alone_for_a_while(hanging_redis: CountingRedis) -> None:
    cache = RedisCache(hanging_redis, "x:", timeout=0.1)
    with capture_logs() as logs:
        await cache.put("a", b"one", 60)
        assert [await cache.get("a") for _ in range(100)] == [None] * 100
        assert list(await cache.get_list("a")) == []
        await cache.push("a", b"one", max_items=3, ttl=60)
    assert [(log["event"], log["missed_by"]) for log in logs] == [("redis_unavailable", "cache")]
    # It is left alone for two seconds at a time.
    assert hanging_redis.commands < 20


async def test_a_redis_that_is_back_is_asked_again() -> None:
    clock, answers = ManualClock(), ["away", "one", "two"]
    reach = GuardedRedis("test", timeout=LIMIT_SECONDS, pause=2, clock=clock)

    async def command() -> str:
        if (answer := answers.pop(0)) == "away":
            raise RedisError
        return answer

    assert [await reach.ask(command) for _ in range(3)] == [None] * 3
    clock.advance(2)
    assert [await reach.ask(command) for _ in range(2)] == ["one", "two"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://ann:secret@127.0.0.1:1/0", r"^Redis at 127\.0\.0\.1:1 does not answer: "),
        ("unix://ann:secret@/nowhere/redis.sock", r"^Redis at /nowhere/redis\.sock does not answer: "),
        ("redis://:sec/ret@127.0.0.1:12x", "^REDIS_URL is no address of a Redis"),
        ("redis://127.0.0.1:1/0?secret=1", "^REDIS_URL is no address of a Redis"),
        ("http://secret", "^REDIS_URL is no address of a Redis"),
    ],
)
async def test_a_redis_that_is_not_there_is_said_without_its_password(url: str, says: str) -> None:
    with pytest.raises(StorageFailed, match=says) as failed:
        async with open_redis(url):
            raise AssertionError("nobody is there")
    assert "secret" not in str(failed.value)


async def test_a_burst_waits_for_a_connection(redis_url: str, redis_prefix: str) -> None:
    async with open_redis(redis_url, connections=2) as client:
        told = await asyncio.gather(*(client.incr(f"{redis_prefix}n") for _ in range(150)))
    assert sorted(told) == list(range(1, 151))


async def test_what_one_replica_was_told_the_others_know(cache: CacheStore) -> None:
    one, other = Kept(["Hello ", "there", END], store=cache), Kept(store=cache)
    assert await one.text() == "Hello there"
    await one.settled()
    assert [await other.text(), (await other.message()).text] == ["Hello there"] * 2
    assert other.counts == [("exact", True)] * 2


async def test_what_one_replica_was_told_the_others_know_by_its_meaning(cache: CacheStore) -> None:
    meaning = Meaning(car=[1.0, 0.0], auto=[0.95, 0.2], tree=[0.0, 1.0])
    settings = CacheSettings(exact="off", semantic=True, threshold=0.9)
    one, other = (
        Kept([name, END], [f"{name} again", END], settings=settings, embeddings=meaning, store=cache)
        for name in ("one", "other")
    )
    assert await one.text("car") == "one"
    await one.settled()
    assert [await other.text("auto"), await other.text("tree")] == ["one", "other"]
    await other.settled()
    assert await one.text("tree") == "other"


async def test_a_model_answers_where_its_cache_hangs(hanging_redis: Redis) -> None:
    kept = Kept(*[["Hello", END]] * 5, store=RedisCache(hanging_redis, "x:", timeout=0.05))
    with capture_logs() as logs:
        assert [await kept.text() for _ in range(5)] == ["Hello"] * 5
    assert [log["event"] for log in logs] == ["redis_unavailable"]
