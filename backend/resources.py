import asyncio
import os
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from agents.registry import BadAgent, Registry, build_registry
from agents.titles import Titles
from backend.outside import Shared, outside
from backend.runs.again import Heirs
from backend.runs.fold import standing
from backend.runs.housekeeping import Housekeeping
from backend.runs.live import LiveRuns
from backend.runs.webhooks import Deliveries, Post
from backend.security.addresses import Gate
from backend.security.signatures import key_of
from backend.settings import Settings
from llm.errors import BadScript
from llm.factory import ModelFactory
from observability.logs import get_logger
from observability.metrics import Metrics
from storage import migrations
from storage.checkpoints import Checkpoints, open_checkpoints
from storage.database import Database, StorageFailed, open_database
from storage.lease import Lease
from storage.log import EventLog, LogSettings, MemoryLog
from storage.redis import open_redis
from storage.runs import Runs
from storage.schedules import Schedules
from storage.shared_log import SharedLog
from storage.threads import Threads
from storage.usage import Usage
from storage.webhooks import Webhooks

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Resources:
    """Everything that lives as long as the process: opened in order, closed in reverse."""

    settings: Settings
    database: Database
    checkpoints: Checkpoints
    threads: Threads
    models: ModelFactory
    agents: Registry
    runs: Runs
    live: LiveRuns
    webhooks: Webhooks
    schedules: Schedules
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
    lease = Lease(settings.storage.lease)
    checkpoints = await stack.enter_async_context(open_checkpoints(settings.storage, lease))
    threads = Threads(database, checkpoints, lease=settings.storage.lease)
    registry = build_registry(settings.server.graph_files, checkpoints.saver)
    books = Usage(database)
    books.start()
    stack.push_async_callback(books.aclose)
    shared = await _shared(stack, settings)
    models = ModelFactory(settings.models, outside(metrics, books, shared, settings.models.cache_bytes))
    stack.push_async_callback(models.aclose)
    owner = _owner()
    runs = Runs(database, owner=owner, lease=settings.storage.lease)
    webhooks = Webhooks(database, owner=owner, lease=settings.storage.lease)
    schedules = Schedules(database, owner=owner)
    log = await _log_of_runs(stack, settings, shared)
    stack.push_async_callback(log.aclose)
    house = Housekeeping(
        titles=Titles(models, threads, enabled=settings.server.titles),
        threads=threads,
        checkpoints=checkpoints,
        keep=settings.storage.checkpoints_kept,
    )
    live = LiveRuns(
        log=log,
        runs=runs,
        metrics=metrics,
        grace=settings.server.shutdown_grace,
        lease=lease,
        alone=settings.storage.embedded,
        house=house,
        heirs=Heirs(registry, models),
        attempts=settings.storage.run_attempts,
    )
    stack.push_async_callback(live.aclose)
    await models.start()
    live.start()
    if settings.server.webhook_secret is not None:
        post = Post(
            key_of(settings.server.webhook_secret.get_secret_value()), Gate(private=settings.server.webhook_private)
        )
        deliveries = Deliveries(webhooks, runs=runs, live=live, agents=registry, post=post)
        stack.push_async_callback(deliveries.aclose)
        deliveries.start()
    return Resources(
        settings, database, checkpoints, threads, models, registry, runs, live, webhooks, schedules, revision
    )


async def _shared(stack: AsyncExitStack, settings: Settings) -> Shared | None:
    if settings.storage.redis_url is None:
        return None
    redis = await stack.enter_async_context(open_redis(settings.storage.redis_url.get_secret_value()))
    return Shared(redis, settings.storage.redis_prefix)


async def _log_of_runs(stack: AsyncExitStack, settings: Settings, shared: Shared | None) -> EventLog:
    kept = LogSettings(seconds=settings.storage.log_seconds, most_bytes=settings.storage.log_bytes)
    if shared is None or settings.storage.redis_url is None:
        return MemoryLog(kept, standing)
    url = settings.storage.redis_url.get_secret_value()
    word = await stack.enter_async_context(open_redis(url, connections=2))
    return SharedLog(shared.redis, word, shared.prefix, kept, standing)


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
