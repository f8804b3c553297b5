"""What may be forgotten at any time: values under keys, in this process or in a Redis that replicas share."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from time import monotonic

from redis.asyncio import Redis

from storage.redis import GuardedRedis

# Values that are looked at in one go.
_SCAN_SIZE = 1000


@dataclass(slots=True)
class _Value:
    """`data` is one value, or those of a list, latest first."""

    data: bytes | tuple[bytes, ...]
    size: int
    ends: float


class MemoryCache:
    """Values in this process. What was used longest ago makes room when keys and values exceed `most` bytes."""

    def __init__(self, max_bytes: int, clock: Callable[[], float] = monotonic) -> None:
        self._most = max_bytes
        self._clock = clock
        self._values: OrderedDict[str, _Value] = OrderedDict()
        self._size = 0

    @property
    def size(self) -> int:
        """Of keys and values, in bytes."""
        return self._size

    async def get(self, key: str) -> bytes | None:
        data = self._find(_value(key))
        return data if isinstance(data, bytes) else None

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        # Whoever hands in a buffer of another kind may go on writing to it.
        self._store(_value(key), bytes(value), ttl)

    async def get_list(self, key: str) -> Sequence[bytes]:
        data = self._find(_list(key))
        return data if isinstance(data, tuple) else ()

    async def push(self, key: str, value: bytes, *, max_items: int, ttl: float) -> None:
        before = self._find(_list(key))
        kept = before if isinstance(before, tuple) else ()
        self._store(_list(key), (bytes(value), *kept[: max_items - 1]), ttl)

    async def drop(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._drop(_value(key))

    async def sweep(self) -> None:
        """Gives back the room of values whose time is over, and holds nobody up meanwhile."""
        names = list(self._values)
        for begin in range(0, len(names), _SCAN_SIZE):
            now = self._clock()
            for name in names[begin : begin + _SCAN_SIZE]:
                if (value := self._values.get(name)) is not None and value.ends <= now:
                    self._drop(name)
            await asyncio.sleep(0)

    def _find(self, key: str) -> bytes | tuple[bytes, ...] | None:
        value = self._values.get(key)
        if value is None:
            return None
        if value.ends <= self._clock():
            self._drop(key)
            return None
        self._values.move_to_end(key)
        return value.data

    def _store(self, key: str, data: bytes | tuple[bytes, ...], ttl: float) -> None:
        self._drop(key)
        size = len(key.encode()) + (len(data) if isinstance(data, bytes) else sum(map(len, data)))
        if size > self._most:
            # It would push out everything, and then itself.
            return
        self._values[key] = _Value(data, size, self._clock() + ttl)
        self._size += size
        while self._size > self._most:
            self._drop(next(iter(self._values)))

    def _drop(self, key: str) -> None:
        value = self._values.pop(key, None)
        self._size -= value.size if value else 0


class RedisCache:
    """Values in Redis, under names that begin with `prefix`. One that does not answer in time has nothing."""

    def __init__(self, client: Redis, prefix: str, *, timeout: float = 0.2) -> None:
        self._client = client
        self._prefix = prefix
        self._reach = GuardedRedis("cache", timeout=timeout)

    async def get(self, key: str) -> bytes | None:
        found = await self._reach.ask(lambda: self._client.get(self._prefix + _value(key)))
        return found if isinstance(found, bytes) else None

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        name = self._prefix + _value(key)
        await self._reach.ask(lambda: self._client.set(name, bytes(value), px=_milliseconds(ttl)))

    async def get_list(self, key: str) -> Sequence[bytes]:
        found = await self._reach.ask(lambda: self._client.lrange(self._prefix + _list(key), 0, -1))
        return tuple(value for value in found or () if isinstance(value, bytes))

    async def push(self, key: str, value: bytes, *, max_items: int, ttl: float) -> None:
        name = self._prefix + _list(key)

        async def pushed() -> None:
            async with self._client.pipeline(transaction=True) as commands:
                commands.lpush(name, bytes(value))
                commands.ltrim(name, 0, max_items - 1)
                commands.pexpire(name, _milliseconds(ttl))
                await commands.execute()

        await self._reach.ask(pushed)


# Entries that one call of the script drops: while it runs, nobody else's command does.
_DROPPED_VALUE = 100
_MAX_CALLS = 1000
# A value that is larger is fetched by a command of its own, which has time by its size.
_LARGE = 100_000
_BYTES_PER_SECOND = 10_000_000

# What is kept: in KEYS[1] the keys by when they were last used, in KEYS[2] by when they end (microseconds), in KEYS[3]
# their sizes and, under the empty key, the sum of them. A value whose time is over is gone by itself; here its room is
# given back. Says whether there is more to drop.
_PUT = f"""
local used, ends, sizes, values = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local most, key, ttl = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local left = {_DROPPED_VALUE}

local function drop(name)
    local size = redis.call('HGET', sizes, name)
    redis.call('DEL', values .. name)
    redis.call('ZREM', used, name)
    redis.call('ZREM', ends, name)
    if size then
        redis.call('HDEL', sizes, name)
        redis.call('HINCRBY', sizes, '', -size)
    end
end

if key ~= '' then
    drop(key)
    redis.call('SET', values .. key, ARGV[5], 'PX', ttl)
    redis.call('ZADD', used, now, key)
    redis.call('ZADD', ends, now + ttl * 1000, key)
    redis.call('HSET', sizes, key, #ARGV[5] + #key)
    redis.call('HINCRBY', sizes, '', #ARGV[5] + #key)
    for _, name in ipairs(KEYS) do redis.call('PEXPIRE', name, math.max(ttl, redis.call('PTTL', name))) end
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, left)) do
    drop(name)
    left = left - 1
end
while tonumber(redis.call('HGET', sizes, '') or 0) > most do
    local first = redis.call('ZRANGE', used, 0, 0)[1]
    if not first then return 0 end
    if left == 0 then return 1 end
    drop(first)
    left = left - 1
end
return left == 0 and 1 or 0
"""

# The value, or the size of a large one.
_GET = f"""
local size = redis.call('STRLEN', KEYS[2])
if size == 0 and redis.call('EXISTS', KEYS[2]) == 0 then return nil end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], 'XX', time[1] * 1000000 + time[2], ARGV[1])
if size > {_LARGE} then return size end
return redis.call('GET', KEYS[2])
"""


class BoundedRedisCache:
    """Values in Redis that take no more than `most` bytes together, whoever puts them. What was used longest ago makes
    room.

    Redis' own bound would let the logs of runs go for them, or refuse those.
    """

    def __init__(self, client: Redis, prefix: str, max_bytes: int, *, timeout: float = 0.2) -> None:
        self._client = client
        self._prefix = prefix
        self._most = max_bytes
        self._timeout = timeout
        self._put = client.register_script(_PUT)
        self._get = client.register_script(_GET)
        self._reach = GuardedRedis("cache", timeout=timeout)

    async def get(self, key: str) -> bytes | None:
        name = self._prefix + _value(key)
        found = await self._reach.ask(lambda: self._get(keys=[f"{self._prefix}used", name], args=[key]))
        if isinstance(found, int):
            found = await self._reach.ask(lambda: self._client.get(name), seconds=self._time_for(found))
        return found if isinstance(found, bytes) else None

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        # One that is greater would push out everything, and then itself.
        if len(value) + len(key.encode()) <= self._most and await self._make_room(key, _milliseconds(ttl), value):
            await self.sweep()

    async def drop(self, keys: Sequence[str]) -> None:
        names = [self._prefix + _value(key) for key in keys]
        if names:
            # Their room is given back when they would have ended.
            await self._reach.ask(lambda: self._client.delete(*names))

    async def sweep(self) -> None:
        """Gives back room, a little at a time, until there is enough."""
        for _ in range(_MAX_CALLS):
            if not await self._make_room("", 0, b""):
                return

    async def _make_room(self, key: str, ttl: int, value: bytes) -> bool:
        """Whether there is more to drop."""
        names = [f"{self._prefix}{name}" for name in ("used", "ends", "sizes")]
        arguments: list[str | int | bytes] = [self._prefix + _value(""), self._most, key, ttl, value]
        asked = self._reach.ask(lambda: self._put(keys=names, args=arguments), seconds=self._time_for(len(value)))
        return bool(await asked)

    def _time_for(self, size: int) -> float:
        """Seconds that a value of that size may be on its way: a slow one does not mean that Redis is away."""
        return self._timeout + size / _BYTES_PER_SECOND


def _value(key: str) -> str:
    return f"value:{key}"


def _list(key: str) -> str:
    return f"list:{key}"


def _milliseconds(seconds: float) -> int:
    return max(1, ceil(seconds * 1000))
