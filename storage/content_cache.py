"""Texts of artifacts, read through a cache. A text is known by its digest, wherever it comes from."""

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Protocol

from storage.artifacts import Artifacts
from storage.blobs import caller_folder
from storage.caller import Caller
from storage.redis import RedisLocks

OnCacheOperation = Callable[[str, bool], None]

_POLL_SECONDS = 0.02


class ContentCacheBackend(Protocol):
    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes, ttl: float) -> None: ...

    async def drop(self, keys: Sequence[str]) -> None: ...

    async def sweep(self) -> None: ...


class ContentCache:
    """Many that want one text at once cause one reading: by a task in this process and, with `turns`, among processes.

    `counted` is told of each reading: what it was for, and whether the cache had it.
    """

    def __init__(
        self,
        artifacts: Artifacts,
        cache: ContentCacheBackend,
        *,
        ttl: float = 86400.0,
        on_operation: OnCacheOperation = lambda _operation, _hit: None,
        locks: RedisLocks | None = None,
    ) -> None:
        self._artifacts = artifacts
        self._cache = cache
        self._ttl = ttl
        self._counted = on_operation
        self._turns = locks
        self._going: dict[str, asyncio.Task[tuple[str, bool]]] = {}
        self._sweeper: asyncio.Task[None] | None = None

    def start(self, every: float = 30.0) -> None:
        """Has the cache swept every so many seconds."""
        self._sweeper = asyncio.create_task(self._sweep_forever(every), name="texts")

    async def get(self, caller: Caller, digest: str, operation: str) -> str:
        """Raises `UnknownText`, `BlobLost` or `StorageFailed`."""
        key = _key(caller, digest)
        going = self._going.get(key) or self._started(key, caller, digest)
        # Who leaves does not take it from the others.
        text, hit = await asyncio.shield(going)
        self._counted(operation, hit)
        return text

    async def put(self, caller: Caller, digest: str, text: str) -> None:
        """What has just been written will be read."""
        await self._cache.put(_key(caller, digest), text.encode(), self._ttl)

    async def drop(self, caller: Caller, digests: Sequence[str]) -> None:
        """What has been deleted is not to lie about."""
        await self._cache.drop([_key(caller, digest) for digest in digests])

    async def aclose(self) -> None:
        tasks = [task for task in (self._sweeper, *self._going.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _started(self, key: str, caller: Caller, digest: str) -> asyncio.Task[tuple[str, bool]]:
        going = asyncio.create_task(self._read(key, caller, digest), name="text")
        self._going[key] = going
        going.add_done_callback(lambda task: self._ended(key, task))
        return going

    def _ended(self, key: str, task: asyncio.Task[tuple[str, bool]]) -> None:
        del self._going[key]
        if not task.cancelled():
            # All who waited may have left; then nobody else would look at it.
            task.exception()

    async def _read(self, key: str, caller: Caller, digest: str) -> tuple[str, bool]:
        if (found := await self._from_cache(key, digest)) is not None:
            return found, True
        if self._turns is None:
            return await self._load(key, caller, digest), False
        return await self._load_once(self._turns, key, caller, digest), False

    async def _load_once(self, turns: RedisLocks, key: str, caller: Caller, digest: str) -> str:
        ours = await self._wait_for_other(turns, key, digest)
        try:
            # Who had the turn before us has left it there.
            found = await self._from_cache(key, digest) if ours is not None else None
            return found if found is not None else await self._load(key, caller, digest)
        finally:
            if ours:
                await turns.release(key)

    async def _wait_for_other(self, turns: RedisLocks, key: str, digest: str) -> bool | None:
        """Waits for our turn, or for the text, or for as long as a turn takes; as `Turns.claim` says it."""
        loop = asyncio.get_running_loop()
        until = loop.time() + turns.seconds
        while (ours := await turns.claim(key)) is False and loop.time() < until:
            await asyncio.sleep(_POLL_SECONDS)
            if await self._from_cache(key, digest) is not None:
                return False
        return ours

    async def _load(self, key: str, caller: Caller, digest: str) -> str:
        text = await self._artifacts.text(caller, digest)
        await self._cache.put(key, text.encode(), self._ttl)
        return text

    async def _from_cache(self, key: str, digest: str) -> str | None:
        found = await self._cache.get(key)
        if found is None or sha256(found).hexdigest() != digest:
            return None
        return found.decode()

    async def _sweep_forever(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            await self._cache.sweep()


def _key(caller: Caller, digest: str) -> str:
    return f"{caller_folder(caller)}:{digest}"
