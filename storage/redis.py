"""Redis: how it is reached, and how it is asked by those who can do without an answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from math import ceil
from time import monotonic
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from observability.logs import get_logger
from storage.database import StorageFailed

_log = get_logger(__name__)

T = TypeVar("T")

# What those above hand on without knowing what it is.
RedisClient = Redis

_CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 10.0


class RedisProbe:
    """A Redis, for whoever only wants to know that it is there."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def ping(self) -> None:
        """Raises `StorageFailed`."""
        try:
            await self._client.ping()
        except (RedisError, OSError) as error:
            raise StorageFailed("Redis does not answer") from error


@asynccontextmanager
async def open_redis(url: str, *, connections: int = 50, wait: float = 5.0) -> AsyncIterator[Redis]:
    """A client that answers in bytes, over at most `connections`; who finds none free waits for `wait` seconds.

    A command that blocks must ask for less than ten seconds: after those the connection counts as dead.

    Raises `StorageFailed` where nobody answers, or somebody who is no Redis.
    """
    client = Redis.from_pool(_pool(url, connections, wait))
    try:
        await _check_version(client, url)
        yield client
    finally:
        await client.aclose()


def _pool(url: str, connections: int, wait: float) -> BlockingConnectionPool:
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=connections,
            timeout=wait,
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=_ANSWER_SECONDS,
            health_check_interval=30,
            # A write that may have been done is not done again unasked; a connection that has died is made anew anyway.
            retry=Retry(NoBackoff(), 0),
            # To tell the server its version, the client would read files at its first connection, in the loop.
            driver_info=None,
        )
        # What it does not know among the address's parameters, it would find at the first connection only.
        pool.connection_class(**pool.connection_kwargs)
    except (ValueError, TypeError):
        # Their messages quote parts of the address.
        raise StorageFailed("REDIS_URL is no address of a Redis: expected redis://, rediss:// or unix://") from None
    return pool


async def _check_version(client: Redis, url: str) -> None:
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise StorageFailed(f"Redis at {_address_of(url)} does not answer: {why}") from error


def _address_of(url: str) -> str:
    """Where it is, without who asks and with which password."""
    parts = urlsplit(url)
    return parts.path if parts.scheme == "unix" else f"{parts.hostname or 'localhost'}:{parts.port or 6379}"


class GuardedRedis:
    """Asks a Redis that its caller can do without: soon there is an answer, or there is `None`.

    One that has not answered is left alone for `pause` seconds, so that an outage does not cost every caller its
    patience.
    """

    _QUIET_SECONDS = 60.0

    def __init__(
        self, purpose: str, *, timeout: float, pause: float = 2.0, clock: Callable[[], float] = monotonic
    ) -> None:
        self._what = purpose
        self._clock = clock
        self._timeout = timeout
        self._pause = pause
        self._asks_again = 0.0
        self._tells_again = 0.0

    async def ask(self, command: Callable[[], Awaitable[T]], *, seconds: float | None = None) -> T | None:
        if self._clock() < self._asks_again:
            return None
        try:
            async with asyncio.timeout(self._timeout if seconds is None else seconds):
                return await command()
        except (RedisError, OSError) as error:
            # A time-out is an OSError.
            self._mark_unavailable(error)
            return None

    def _mark_unavailable(self, error: Exception) -> None:
        now = self._clock()
        self._asks_again = now + self._pause
        if now >= self._tells_again:
            self._tells_again = now + self._QUIET_SECONDS
            _log.warning("redis_unavailable", missed_by=self._what, error=type(error).__name__)


# Only by who took it: it may have ended, and be another's since.
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class RedisLocks:
    """One process at a time does a thing, of those that share a Redis; one that dies has its turn for `seconds`."""

    def __init__(self, client: Redis, prefix: str, *, seconds: float = 5.0, timeout: float = 0.2) -> None:
        self.seconds = seconds
        self._client = client
        self._prefix = prefix
        self._owner = uuid4().hex
        self._release = client.register_script(_RELEASE)
        self._reach = GuardedRedis("turns", timeout=timeout)

    async def claim(self, key: str) -> bool | None:
        """Whether it is ours now; `None` where Redis does not say."""
        name, until = self._prefix + key, ceil(self.seconds * 1000)

        async def claimed() -> bool:
            return bool(await self._client.set(name, self._owner, nx=True, px=until))

        return await self._reach.ask(claimed)

    async def release(self, key: str) -> None:
        await self._reach.ask(lambda: self._release(keys=[self._prefix + key], args=[self._owner]))
