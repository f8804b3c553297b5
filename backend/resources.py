import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from agents.overrides import BadOverrides, read_overrides
from agents.reflections import Reflections
from agents.registry import BadAgent, Registry, build_registry
from agents.titles import Titles
from artifacts.desk import Desk
from artifacts.shelf import Shelf
from artifacts.workers import Workers
from backend.outside import Shared, counted_by, outside
from backend.retention import Retention
from backend.runs.again import Heirs
from backend.runs.fold import standing
from backend.runs.gates import Gates
from backend.runs.housekeeping import Housekeeping
from backend.runs.live import LiveRuns
from backend.runs.webhooks import Deliveries, Post
from backend.scores import Outbox
from backend.security.addresses import Gate
from backend.security.signatures import key_of
from backend.settings import Settings
from backend.spans import Keeper, open_tracing
from graphs.quality.checking import prepare
from graphs.quality.judge import Judge
from graphs.quality.rubric import BadRubric, Rubrics, UnknownRubric
from llm.errors import BadScript
from llm.factory import ModelFactory
from observability.logs import get_logger
from observability.metrics import Metrics
from observability.outlets import Outlet
from observability.tracing import Tracing
from storage import migrations
from storage.artifacts import Artifacts
from storage.blobs import open_blobs
from storage.cache import BoundedRedisCache, MemoryCache
from storage.caller import Caller
from storage.checkpoints import Checkpoints, open_checkpoints
from storage.database import Database, StorageFailed, open_database
from storage.lease import Lease
from storage.log import EventLog, LogSettings, MemoryLog
from storage.memories import Memories
from storage.redis import Pinged, Turns, open_redis
from storage.reviews import Reviews
from storage.runs import Runs
from storage.schedules import Schedules
from storage.shared_log import SharedLog
from storage.shares import Shares
from storage.spans import Spans
from storage.texts import TextCache, Texts
from storage.threads import Threads
from storage.usage import Usage
from storage.webhooks import Webhooks

_log = get_logger(__name__)

# What the start itself is busy with comes first; the first check is seldom asked for so soon.
_WARM_AFTER_SECONDS = 3.0


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
    tracing: Tracing
    spans: Spans
    outlets: Sequence[Outlet]
    keeper: Keeper
    redis: Pinged | None
    gates: Gates
    workers: Workers
    shelf: Shelf
    memories: Memories
    reviews: Reviews
    webhooks: Webhooks
    schedules: Schedules
    revision: str

    def desk(self, caller: Caller, thread: str, run: str) -> Desk:
        """The shelf in a caller's name, on a thread by its internal id."""
        return Desk(self.shelf, self.memories, self.reviews, self.workers, caller, thread, run)


class StartRefused(Exception):
    """The settings name something that cannot be had; it is logged already."""


@asynccontextmanager
async def open_resources(settings: Settings, metrics: Metrics) -> AsyncIterator[Resources]:
    """Open what the settings ask for. Raises `StartRefused`."""
    async with AsyncExitStack() as stack:
        threads = ThreadPoolExecutor(settings.server.threads, thread_name_prefix="agenkit")
        asyncio.get_running_loop().set_default_executor(threads)
        try:
            resources = await _opened(stack, settings, metrics)
        except (StorageFailed, BadAgent, BadOverrides, BadScript, BadRubric, UnknownRubric) as error:
            _log.error("start_refused", reason=str(error))
            raise StartRefused(str(error)) from None
        yield resources


async def _opened(stack: AsyncExitStack, settings: Settings, metrics: Metrics) -> Resources:
    revision = await asyncio.to_thread(_migrated, settings)
    database = open_database(settings.storage)
    stack.push_async_callback(database.aclose)
    await database.ping()
    lease = Lease(settings.storage.lease)
    checkpoints = await stack.enter_async_context(open_checkpoints(settings.storage, lease))
    threads = Threads(database, checkpoints, lease=settings.storage.lease)
    books = Usage(database)
    books.start()
    stack.push_async_callback(books.aclose)
    shared = await _shared(stack, settings)
    models = ModelFactory(settings.models, outside(metrics, books, shared, settings.models.cache_bytes))
    stack.push_async_callback(models.aclose)
    overrides = await asyncio.to_thread(read_overrides, settings.server.agent_settings)
    registry = build_registry(settings.server.graph_files, checkpoints.saver, models.call_counter, overrides)
    owner = _owner()
    runs = Runs(
        database,
        owner=owner,
        lease=settings.storage.lease,
        heartbeats=_heartbeats(stack, settings, database),
    )
    webhooks = Webhooks(database, owner=owner, lease=settings.storage.lease)
    schedules = Schedules(database, owner=owner)
    log = await _log_of_runs(stack, settings, shared, metrics)
    stack.push_async_callback(log.aclose)
    blobs = await stack.enter_async_context(open_blobs(settings.storage))
    artifacts = Artifacts(database, blobs, inline=settings.storage.artifact_inline)
    texts = _texts(stack, settings, artifacts, shared, metrics)
    shelf = Shelf(artifacts, Shares(database), texts, most=settings.storage.artifact_bytes)
    memories, reviews = Memories(database), Reviews(database)
    workers = Workers(prepare)
    stack.push_async_callback(workers.aclose)
    workers.warm(_WARM_AFTER_SECONDS)
    gates = Gates(models, *await asyncio.to_thread(_reading, settings), workers, settings.server.leak_action)
    for served in registry:
        if served.agent.rubric is not None:
            gates.rubrics.get(served.agent.rubric)
    spans = Spans(database)
    tracing, outlets, keeper = _traced(stack, settings, spans, metrics)
    retention = Retention(
        {
            "spans": (spans.sweep, settings.observability.trace_days),
            "reviews": (reviews.sweep, settings.storage.review_retention_days),
        }
    )
    retention.start()
    stack.push_async_callback(retention.aclose)
    await _scored(stack, settings, reviews, metrics)
    house = Housekeeping(
        titles=Titles(models, threads, tracing, enabled=settings.server.titles),
        reflections=Reflections(models, memories, tracing, enabled=settings.server.reflections),
        threads=threads,
        artifacts=artifacts,
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
        heirs=Heirs(registry, models, gates),
        attempts=settings.storage.run_attempts,
        idle_seconds=settings.server.run_idle_seconds,
        storage_timeout=settings.storage.retry_seconds,
        desks=partial(Desk, shelf, memories, reviews, workers),
        tracing=tracing,
    )
    stack.push_async_callback(live.aclose)
    await models.start()
    live.start()
    if settings.server.webhook_secret is not None:
        post = Post(
            key_of(settings.server.webhook_secret.get_secret_value()), Gate(private=settings.server.webhook_private)
        )
        deliveries = Deliveries(webhooks, runs=runs, live=live, agents=registry, post=post, metrics=metrics)
        stack.push_async_callback(deliveries.aclose)
        deliveries.start()
    return Resources(
        settings=settings,
        database=database,
        checkpoints=checkpoints,
        threads=threads,
        models=models,
        agents=registry,
        runs=runs,
        live=live,
        tracing=tracing,
        spans=spans,
        outlets=outlets,
        keeper=keeper,
        redis=None if shared is None else Pinged(shared.redis),
        gates=gates,
        workers=workers,
        shelf=shelf,
        memories=memories,
        reviews=reviews,
        webhooks=webhooks,
        schedules=schedules,
        revision=revision,
    )


def _heartbeats(stack: AsyncExitStack, settings: Settings, database: Database) -> Database:
    """A connection that nothing else waits for."""
    if settings.storage.embedded:
        return database
    own = open_database(settings.storage, connections=1)
    stack.push_async_callback(own.aclose)
    return own


def _traced(
    stack: AsyncExitStack, settings: Settings, spans: Spans, metrics: Metrics
) -> tuple[Tracing, Sequence[Outlet], Keeper]:
    tracing, kept, outlets = open_tracing(settings.observability, metrics)
    keeper = Keeper(spans, kept, metrics.spans.labels("store", "dropped").inc)
    keeper.start()
    stack.push_async_callback(keeper.aclose)
    for outlet in outlets:
        stack.push_async_callback(asyncio.to_thread, outlet.shutdown)
    return tracing, outlets, keeper


async def _scored(stack: AsyncExitStack, settings: Settings, reviews: Reviews, metrics: Metrics) -> None:
    if settings.observability.langfuse_public_key is not None:
        outbox = await asyncio.to_thread(Outbox, reviews, settings.observability, metrics)
        stack.push_async_callback(outbox.aclose)
        outbox.start()


def _texts(
    stack: AsyncExitStack, settings: Settings, artifacts: Artifacts, shared: Shared | None, metrics: Metrics
) -> Texts:
    most = settings.storage.artifact_cache_bytes
    cache: TextCache = MemoryCache(most)
    turns = None
    if shared is not None:
        cache = BoundedRedisCache(shared.redis, f"{shared.prefix}texts:", most)
        turns = Turns(shared.redis, f"{shared.prefix}turns:")
    texts = Texts(
        artifacts,
        cache,
        ttl=settings.storage.artifact_cache_seconds,
        counted=counted_by(metrics, "artifact"),
        turns=turns,
    )
    texts.start()
    stack.push_async_callback(texts.aclose)
    return texts


async def _shared(stack: AsyncExitStack, settings: Settings) -> Shared | None:
    if settings.storage.redis_url is None:
        return None
    redis = await stack.enter_async_context(open_redis(settings.storage.redis_url.get_secret_value()))
    return Shared(redis, settings.storage.redis_prefix)


async def _log_of_runs(stack: AsyncExitStack, settings: Settings, shared: Shared | None, metrics: Metrics) -> EventLog:
    def wrote(what: str) -> None:
        metrics.log_writes.labels(what).inc()

    kept = LogSettings(seconds=settings.storage.log_seconds, most_bytes=settings.storage.log_bytes)
    if shared is None or settings.storage.redis_url is None:
        return MemoryLog(kept, standing, wrote=wrote)
    url = settings.storage.redis_url.get_secret_value()
    word = await stack.enter_async_context(open_redis(url, connections=2))
    return SharedLog(shared.redis, word, shared.prefix, kept, standing, wrote=wrote)


def _reading(settings: Settings) -> tuple[Rubrics, Judge]:
    return Rubrics.read(settings.server.rubrics), Judge.read(samples=settings.server.judge_samples)


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
