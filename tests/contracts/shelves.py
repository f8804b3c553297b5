"""Shelves over one database, as several processes would have them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from artifacts.service import ArtifactService
from storage import migrations
from storage.artifacts import Artifacts
from storage.blobs import Blobs, open_blobs
from storage.cache import MemoryCache
from storage.caller import Caller
from storage.content_cache import ContentCache, ContentCacheBackend
from storage.database import Database, open_database
from storage.redis import RedisLocks
from storage.settings import StorageSettings
from storage.shares import Shares

INLINE = 20


class Watched(Artifacts):
    """Tells how often a text is read, and takes its time for it: so many rounds of the loop, and until it may go on."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        super().__init__(database, blobs, inline=INLINE)
        self.loads = 0
        self.rounds = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def text(self, caller: Caller, digest: str) -> str:
        self.loads += 1
        for _ in range(self.rounds):
            await asyncio.sleep(0)
        await self.gate.wait()
        return await super().text(caller, digest)


class Process:
    """A shelf, and what is behind it."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        cache: ContentCacheBackend | None = None,
        *,
        locks: RedisLocks | None = None,
        ttl: float = 60.0,
        max_bytes: int = 2_000_000,
    ) -> None:
        self.counts: list[tuple[str, bool]] = []
        self.cache = cache or MemoryCache(1_000_000)
        self.artifacts = Watched(database, blobs)
        self.texts = ContentCache(
            self.artifacts, self.cache, ttl=ttl, locks=locks, on_operation=lambda *told: self.counts.append(told)
        )
        self.service = ArtifactService(self.artifacts, Shares(database), self.texts, max_bytes=max_bytes)


Begin = Callable[..., Process]


@asynccontextmanager
async def beginning(settings: StorageSettings) -> AsyncIterator[Begin]:
    """What makes processes over one database, which has its tables; they all end with it."""
    await asyncio.to_thread(migrations.upgrade, settings.database)
    database = open_database(settings)
    processes = list[Process]()
    async with open_blobs(settings) as blobs:

        def begin(cache: ContentCacheBackend | None = None, **more: object) -> Process:
            processes.append(Process(database, blobs, cache, **more))  # type: ignore[arg-type]
            return processes[-1]

        yield begin
        for process in processes:
            await process.texts.aclose()
        await database.aclose()
