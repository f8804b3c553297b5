import asyncio
import os
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from agents.registry import BadAgent, Registry, build_registry
from backend.outside import Shared, outside
from backend.runs.live import LiveRuns
from backend.settings import Settings
from llm.errors import BadScript
from llm.factory import ModelFactory
from observability.logs import get_logger
from observability.metrics import Metrics
from storage import migrations
from storage.checkpoints import open_checkpointer
from storage.database import Database, StorageFailed, open_database
from storage.log import MemoryLog
from storage.redis import open_redis
from storage.runs import Runs
from storage.usage import Usage

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Resources:
    """Everything that lives as long as the process: opened in order, closed in reverse."""

    settings: Settings
    database: Database
    models: ModelFactory
    agents: Registry
    live: LiveRuns
    revision: str


@asynccontextmanager
async def open_resources(settings: Settings, metrics: Metrics) -> AsyncIterator[Resources]:
    """Opens what the settings ask for. What cannot be had stops the start: `StorageFailed`, `BadAgent`, `BadScript`."""
    async with AsyncExitStack() as stack:
        threads = ThreadPoolExecutor(settings.server.threads, thread_name_prefix="agenkit")
        asyncio.get_running_loop().set_default_executor(threads)
        try:
            resources = await _opened(stack, settings, metrics)
        except (StorageFailed, BadAgent, BadScript) as error:
            _log.error("start_refused", reason=str(error))
            raise
        yield resources


async def _opened(stack: AsyncExitStack, settings: Settings, metrics: Metrics) -> Resources:
    revision = await asyncio.to_thread(_migrated, settings)
    database = open_database(settings.storage)
    stack.push_async_callback(database.aclose)
    await database.ping()
    checkpointer = await stack.enter_async_context(open_checkpointer(settings.storage))
    registry = build_registry(settings.server.graph_files, checkpointer)
    books = Usage(database)
    books.start()
    stack.push_async_callback(books.aclose)
    shared = await _shared(stack, settings)
    models = ModelFactory(settings.models, outside(metrics, books, shared, settings.models.cache_bytes))
    stack.push_async_callback(models.aclose)
    live = LiveRuns(
        log=MemoryLog(),
        runs=Runs(database, owner=_owner(), lease=settings.storage.lease),
        metrics=metrics,
        grace=settings.server.shutdown_grace,
        lease=settings.storage.lease,
    )
    stack.push_async_callback(live.aclose)
    await models.start()
    live.start()
    return Resources(settings, database, models, registry, live, revision)


async def _shared(stack: AsyncExitStack, settings: Settings) -> Shared | None:
    if settings.storage.redis_url is None:
        return None
    redis = await stack.enter_async_context(open_redis(settings.storage.redis_url.get_secret_value()))
    return Shared(redis, settings.storage.redis_prefix)


def _migrated(settings: Settings) -> str:
    url = settings.storage.database
    if settings.storage.migrates_at_start:
        migrations.upgrade(url)
    current, needed = migrations.current(url), migrations.head()
    if current != needed:
        raise StorageFailed(
            f"The schema is at {current or 'nothing'} and this version needs {needed}: run "
            "`agenkit migrate up`, or set AGENKIT_MIGRATE=on"
        )
    return needed


def _owner() -> str:
    # Names this process among replicas, for people; the last part is what makes it the only one of its name.
    return f"{socket.gethostname()[:32]}:{os.getpid()}:{uuid4().hex[:12]}"
