"""What may be forgotten at any time: values under keys, in this process or in a Redis that replicas share."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from time import monotonic

from redis.asyncio import Redis

from storage.redis import Reach


@dataclass(slots=True)
class _Value:
    """`data` is one value, or those of a list, latest first."""

    data: bytes | tuple[bytes, ...]
    size: int
    ends: float


class MemoryCache:
    """Values in this process. What was used longest ago makes room when keys and values exceed `most` bytes."""

    def __init__(self, most: int, clock: Callable[[], float] = monotonic) -> None:
        self._most = most
        self._clock = clock
        self._values: OrderedDict[str, _Value] = OrderedDict()
        self._size = 0

    async def get(self, key: str) -> bytes | None:
        data = self._found(_value(key))
        return data if isinstance(data, bytes) else None

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        # Whoever hands in a buffer of another kind may go on writing to it.
        self._keep(_value(key), bytes(value), ttl)

    async def listed(self, key: str) -> Sequence[bytes]:
        data = self._found(_list(key))
        return data if isinstance(data, tuple) else ()

    async def push(self, key: str, value: bytes, *, most: int, ttl: float) -> None:
        before = self._found(_list(key))
        kept = before if isinstance(before, tuple) else ()
        self._keep(_list(key), (bytes(value), *kept[: most - 1]), ttl)

    def _found(self, key: str) -> bytes | tuple[bytes, ...] | None:
        value = self._values.get(key)
        if value is None:
            return None
        if value.ends <= self._clock():
            self._drop(key)
            return None
        self._values.move_to_end(key)
        return value.data

    def _keep(self, key: str, data: bytes | tuple[bytes, ...], ttl: float) -> None:
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
        self._reach = Reach("cache", timeout=timeout)

    async def get(self, key: str) -> bytes | None:
        found = await self._reach.ask(lambda: self._client.get(self._prefix + _value(key)))
        return found if isinstance(found, bytes) else None

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        name = self._prefix + _value(key)
        await self._reach.ask(lambda: self._client.set(name, bytes(value), px=_milliseconds(ttl)))

    async def listed(self, key: str) -> Sequence[bytes]:
        found = await self._reach.ask(lambda: self._client.lrange(self._prefix + _list(key), 0, -1))
        return tuple(value for value in found or () if isinstance(value, bytes))

    async def push(self, key: str, value: bytes, *, most: int, ttl: float) -> None:
        name = self._prefix + _list(key)

        async def pushed() -> None:
            async with self._client.pipeline(transaction=True) as commands:
                commands.lpush(name, bytes(value))
                commands.ltrim(name, 0, most - 1)
                commands.pexpire(name, _milliseconds(ttl))
                await commands.execute()

        await self._reach.ask(pushed)


def _value(key: str) -> str:
    return f"value:{key}"


def _list(key: str) -> str:
    return f"list:{key}"


def _milliseconds(seconds: float) -> int:
    return max(1, ceil(seconds * 1000))
