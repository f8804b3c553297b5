import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from agents.memory_extraction import MemoryExtraction
from agents.overrides import InvalidOverrides, read_overrides
from agents.registry import AgentRegistry, InvalidAgent, build_registry
from agents.titles import TitleGenerator
from artifacts.service import ArtifactService
from artifacts.workers import Workers
from artifacts.workspace import RunWorkspace
from backend.model_hooks import RedisConnection, build_model_hooks, count_operations
from backend.retention import Retention
from backend.runs.follow_up import FollowUp
from backend.runs.rebuild import rebuild_events
from backend.runs.recovered_requests import RecoveredRequests
from backend.runs.reviewers import Reviewers
from backend.runs.service import RunService
from backend.runs.webhooks import WebhookDelivery, WebhookSender
from backend.score_outbox import ScoreOutbox
from backend.security.addresses import OutboundGuard
from backend.security.signatures import parse_secret
from backend.settings import Settings
from backend.span_writer import SpanWriter, open_tracing
from graphs.quality.judge import Judge
from graphs.quality.rubric import InvalidRubric, Rubrics, UnknownRubric
from graphs.quality.run_checks import prepare
from llm.errors import InvalidScript
from llm.factory import ModelFactory
from observability.exporters import SpanSender
from observability.logs import get_logger
from observability.metrics import Metrics
from observability.tracing import Tracing
from storage import migrations
from storage.artifacts import Artifacts
from storage.blobs import open_blobs
from storage.cache import BoundedRedisCache, MemoryCache
from storage.caller import Caller
from storage.checkpoints import Checkpoints, open_checkpoints
from storage.content_cache import ContentCache, ContentCacheBackend
from storage.database import Database, StorageFailed, open_database
from storage.event_log import EventLog, EventLogSettings, MemoryLog
from storage.lease import Lease
from storage.memories import Memories
from storage.redis import RedisLocks, RedisProbe, open_redis
from storage.reviews import Reviews
from storage.runs import Runs
from storage.schedules import Schedules
from storage.shared_event_log import SharedLog
from storage.shares import Shares
from storage.spans import SpanStore
from storage.threads import Threads
from storage.usage_ledger import UsageLedger
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
    agents: AgentRegistry
    runs: Runs
    run_service: RunService
    tracing: Tracing
    spans: SpanStore
    exporters: Sequence[SpanSender]
    span_writer: SpanWriter
    redis: RedisProbe | None
    reviewers: Reviewers
    workers: Workers
    artifacts: ArtifactService
    memories: Memories
    reviews: Reviews
    webhooks: Webhooks
    schedules: Schedules
    revision: str

    def workspace(self, caller: Caller, thread: str, run: str) -> RunWorkspace:
        """The shelf in a caller's name, on a thread by its internal id."""
        return RunWorkspace(self.artifacts, self.memories, self.reviews, self.workers, caller, thread, run)


class StartRefused(Exception):
    """The settings name something that cannot be had; it is logged already."""


@asynccontextmanager
async def open_resources(settings: Settings, metrics: Metrics) -> AsyncIterator[Resources]:
    """Open what the settings ask for. Raises `StartRefused`."""
    async with AsyncExitStack() as stack:
        threads = ThreadPoolExecutor(settings.server.worker_threads, thread_name_prefix="agenkit")
        asyncio.get_running_loop().set_default_executor(threads)
        try:
            resources = await _open_all(stack, settings, metrics)
        except (StorageFailed, InvalidAgent, InvalidOverrides, InvalidScript, InvalidRubric, UnknownRubric) as error:
            _log.error("startup_failed", reason=str(error))
            raise StartRefused(str(error)) from None
        yield resources


async def _open_all(stack: AsyncExitStack, settings: Settings, metrics: Metrics) -> Resources:
    revision = await asyncio.to_thread(_migrate, settings)
    database = open_database(settings.storage)
    stack.push_async_callback(database.aclose)
    await database.ping()
    lease = Lease(settings.storage.run_lease_seconds)
    checkpoints = await stack.enter_async_context(open_checkpoints(settings.storage, lease))
    threads = Threads(database, checkpoints, lease=settings.storage.run_lease_seconds)
    ledger = UsageLedger(database)
    ledger.start()
    stack.push_async_callback(ledger.aclose)
    shared = await _open_redis(stack, settings)
    models = ModelFactory(settings.models, build_model_hooks(metrics, ledger, shared, settings.models.cache_max_bytes))
    stack.push_async_callback(models.aclose)
    overrides = await asyncio.to_thread(read_overrides, settings.server.agent_settings_file)
    registry = build_registry(settings.server.parse_graph_files, checkpoints.saver, models.call_counter, overrides)
    owner = _owner()
    runs = Runs(
        database,
        owner=owner,
        lease=settings.storage.run_lease_seconds,
        heartbeats=_heartbeats(stack, settings, database),
    )
    webhooks = Webhooks(database, owner=owner, lease=settings.storage.run_lease_seconds)
    schedules = Schedules(database, owner=owner)
    log = await _open_event_log(stack, settings, shared, metrics)
    stack.push_async_callback(log.aclose)
    blobs = await stack.enter_async_context(open_blobs(settings.storage))
    artifacts = Artifacts(database, blobs, inline=settings.storage.artifact_inline_max_bytes)
    texts = _open_content_cache(stack, settings, artifacts, shared, metrics)
    artifact_service = ArtifactService(
        artifacts, Shares(database), texts, max_bytes=settings.storage.artifact_max_bytes
    )
    memories, reviews = Memories(database), Reviews(database)
    workers = Workers(prepare)
    stack.push_async_callback(workers.aclose)
    workers.warm(_WARM_AFTER_SECONDS)
    reviewers = Reviewers(
        models, *await asyncio.to_thread(_garbage_collection, settings), workers, settings.server.leak_action
    )
    for agent in registry:
        if agent.agent.rubric is not None:
            reviewers.rubrics.get(agent.agent.rubric)
    spans = SpanStore(database)
    tracing, outlets, keeper = _open_span_store(stack, settings, spans, metrics)
    retention = Retention(
        {
            "spans": (spans.sweep, settings.observability.trace_retention_days),
            "reviews": (reviews.sweep, settings.storage.review_retention_days),
        }
    )
    retention.start()
    stack.push_async_callback(retention.aclose)
    await _open_score_export(stack, settings, reviews, metrics)
    follow_up = FollowUp(
        titles=TitleGenerator(models, threads, tracing, enabled=settings.server.auto_titles),
        memory_extraction=MemoryExtraction(models, memories, tracing, enabled=settings.server.memory_extraction),
        threads=threads,
        artifacts=artifacts,
        checkpoints=checkpoints,
        max_checkpoints=settings.storage.max_checkpoints_per_thread,
    )
    run_service = RunService(
        log=log,
        runs=runs,
        metrics=metrics,
        grace=settings.server.shutdown_grace_seconds,
        lease=lease,
        single_process=settings.storage.embedded,
        follow_up=follow_up,
        recovered_requests=RecoveredRequests(registry, models, reviewers),
        max_attempts=settings.storage.run_max_attempts,
        idle_seconds=settings.server.run_idle_seconds,
        storage_timeout=settings.storage.retry_seconds,
        workspaces=partial(RunWorkspace, artifact_service, memories, reviews, workers),
        tracing=tracing,
    )
    stack.push_async_callback(run_service.aclose)
    await models.start()
    run_service.start()
    if settings.server.webhook_secret is not None:
        post = WebhookSender(
            parse_secret(settings.server.webhook_secret.get_secret_value()),
            OutboundGuard(private=settings.server.webhook_allow_private_networks),
        )
        deliveries = WebhookDelivery(
            webhooks, runs=runs, run_service=run_service, agents=registry, post=post, metrics=metrics
        )
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
        run_service=run_service,
        tracing=tracing,
        spans=spans,
        exporters=outlets,
        span_writer=keeper,
        redis=None if shared is None else RedisProbe(shared.redis),
        reviewers=reviewers,
        workers=workers,
        artifacts=artifact_service,
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


def _open_span_store(
    stack: AsyncExitStack, settings: Settings, spans: SpanStore, metrics: Metrics
) -> tuple[Tracing, Sequence[SpanSender], SpanWriter]:
    tracing, kept, outlets = open_tracing(settings.observability, metrics)
    keeper = SpanWriter(spans, kept, metrics.spans.labels("store", "dropped").inc)
    keeper.start()
    stack.push_async_callback(keeper.aclose)
    for sender in outlets:
        stack.push_async_callback(asyncio.to_thread, sender.shutdown)
    return tracing, outlets, keeper


async def _open_score_export(stack: AsyncExitStack, settings: Settings, reviews: Reviews, metrics: Metrics) -> None:
    if settings.observability.langfuse_public_key is not None:
        outbox = await asyncio.to_thread(ScoreOutbox, reviews, settings.observability, metrics)
        stack.push_async_callback(outbox.aclose)
        outbox.start()


def _open_content_cache(
    stack: AsyncExitStack, settings: Settings, artifacts: Artifacts, shared: RedisConnection | None, metrics: Metrics
) -> ContentCache:
    most = settings.storage.artifact_cache_max_bytes
    cache: ContentCacheBackend = MemoryCache(most)
    turns = None
    if shared is not None:
        cache = BoundedRedisCache(shared.redis, f"{shared.prefix}texts:", most)
        turns = RedisLocks(shared.redis, f"{shared.prefix}turns:")
    texts = ContentCache(
        artifacts,
        cache,
        ttl=settings.storage.artifact_cache_ttl_seconds,
        on_operation=count_operations(metrics, "artifact"),
        locks=turns,
    )
    texts.start()
    stack.push_async_callback(texts.aclose)
    return texts


async def _open_redis(stack: AsyncExitStack, settings: Settings) -> RedisConnection | None:
    if settings.storage.redis_url is None:
        return None
    redis = await stack.enter_async_context(open_redis(settings.storage.redis_url.get_secret_value()))
    return RedisConnection(redis, settings.storage.redis_prefix)


async def _open_event_log(
    stack: AsyncExitStack, settings: Settings, shared: RedisConnection | None, metrics: Metrics
) -> EventLog:
    def wrote(what: str) -> None:
        metrics.event_log_writes.labels(what).inc()

    kept = EventLogSettings(
        ttl_seconds=settings.storage.event_log_ttl_seconds, max_bytes=settings.storage.event_log_max_bytes
    )
    if shared is None or settings.storage.redis_url is None:
        return MemoryLog(kept, rebuild_events, on_write=wrote)
    url = settings.storage.redis_url.get_secret_value()
    word = await stack.enter_async_context(open_redis(url, connections=2))
    return SharedLog(shared.redis, word, shared.prefix, kept, rebuild_events, on_write=wrote)


def _garbage_collection(settings: Settings) -> tuple[Rubrics, Judge]:
    return Rubrics.read(settings.server.rubrics_dir), Judge.read(samples=settings.server.judge_samples)


def _migrate(settings: Settings) -> str:
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
