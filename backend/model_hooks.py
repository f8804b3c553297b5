"""What the model layer is given by the house, and what it tells it: the metrics, the books, what replicas share."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from time import time_ns

from llm.budgets import BudgetScope, Period, SpentSoFar
from llm.cache.cached_model import OnCacheOperation
from llm.catalog import ModelInfo
from llm.context import CallContext
from llm.factory import ModelHooks
from llm.meter import CallUsage
from observability.metrics import Metrics
from observability.tracing import SpanKind, is_calling_model, record_span, token_classes
from observability.tracing import add_event as noted_span
from storage.breakers import RedisBreakers
from storage.cache import MemoryCache, RedisCache
from storage.redis import RedisClient
from storage.usage_ledger import UsageLedger, UsageTotals


@dataclass(frozen=True, slots=True)
class RedisConnection:
    """A Redis, and what the names of our keys in it begin with."""

    redis: RedisClient
    prefix: str


def count_operations(metrics: Metrics, kind: SpanKind) -> OnCacheOperation:
    """Tells of a cache that was asked, in the metrics and as a span of that kind."""

    def counted(operation: str, hit: bool) -> None:
        found = "hit" if hit else "miss"
        metrics.cache_operations.labels(operation, found).inc()
        noted_span(f"{kind} {operation}", kind, found=found)

    return counted


def build_model_hooks(
    metrics: Metrics, usage: UsageLedger, shared: RedisConnection | None, cache_bytes: int
) -> ModelHooks:
    def bill(call_usage: CallUsage, context: CallContext) -> None:
        _count_call(metrics, call_usage)
        if call_usage.by_factory:
            _annotate_span(call_usage)
        usage.add(context.tenant, context.user, _spending(call_usage))

    def noticed(what: str, info: ModelInfo, why: str) -> None:
        if what == "retried":
            metrics.retries.labels(str(info.spec)).inc()
        else:
            metrics.fallback_events.labels(str(info.spec), what).inc()
        if (call := is_calling_model()) is not None:
            call.warn()
        noted_span(what, "event", provider=info.spec.provider, model=str(info.spec), reason=why)

    return ModelHooks(
        bill=bill,
        on_fallback=noticed,
        ledger=_LedgerReader(usage),
        breakers=RedisBreakers(shared.redis, f"{shared.prefix}breakers:") if shared else None,
        cache=RedisCache(shared.redis, f"{shared.prefix}answers:") if shared else MemoryCache(cache_bytes),
        on_cache_operation=count_operations(metrics, "cache"),
        on_queue_wait=lambda provider, seconds: metrics.queue_seconds.labels(provider).observe(seconds),
        queues=lambda provider, limiter: metrics.queue_depth.labels(provider).set_function(lambda: limiter.queued),
    )


class _LedgerReader:
    def __init__(self, usage: UsageLedger) -> None:
        self._usage = usage

    async def usage_of(self, tenant: str, user: str, at: datetime) -> Mapping[tuple[BudgetScope, Period], SpentSoFar]:
        told = await self._usage.totals(tenant, user, at.date())
        return {
            ("user", "day"): _sum(told.user_day),
            ("user", "month"): _sum(told.user_month),
            ("tenant", "day"): _sum(told.tenant_day),
            ("tenant", "month"): _sum(told.tenant_month),
        }


def _sum(spending: UsageTotals) -> SpentSoFar:
    return SpentSoFar(spending.tokens, spending.cost)


def _spending(usage: CallUsage) -> UsageTotals:
    return UsageTotals(
        calls=1,
        input_tokens=usage.tokens.input,
        output_tokens=usage.tokens.output,
        unpriced_tokens=usage.tokens.total if usage.cost is None else 0,
        cost=usage.cost if usage.cost is not None else Decimal(0),
    )


def _annotate_span(usage: CallUsage) -> None:
    """One attempt at one model, beneath the call that it was made for."""
    opened = record_span(f"attempt {usage.spec}", "attempt", usage.duration_seconds)
    if opened is None:
        return
    dollars = None if usage.cost is None else float(usage.cost)
    opened.set_attributes(
        provider=usage.spec.provider,
        model=usage.spec.name,
        outcome=usage.outcome,
        reason=usage.reason,
        input_tokens=usage.tokens.input,
        output_tokens=usage.tokens.output,
        estimated=usage.estimated,
        cost_usd=dollars,
        first_token_seconds=usage.first_token_seconds,
    )
    if (call := is_calling_model()) is not None:
        tokens = usage.tokens
        parts = {"cached": tokens.cached, "cache_write": tokens.cache_write, "reasoning": tokens.reasoning}
        call.set_usage(token_classes(tokens.input, tokens.output, **parts), dollars)
        if usage.first_token_seconds is not None:
            call.set_first_token_at(time_ns() - int((usage.duration_seconds - usage.first_token_seconds) * 1e9))
        if usage.outcome == "ok":
            call.set_attribute("gen_ai.response.model", usage.spec.name)
            call.set_attribute("langfuse.observation.model.name", usage.spec.name)
    if usage.outcome not in {"ok", "stopped"}:
        opened.fail(usage.outcome)
    opened.end()


def _count_call(metrics: Metrics, usage: CallUsage) -> None:
    model = str(usage.spec)
    metrics.llm_calls.labels(model, usage.outcome).inc()
    metrics.call_seconds.labels(model).observe(usage.duration_seconds)
    if usage.first_token_seconds is not None:
        metrics.model_first_token_seconds.labels(model).observe(usage.first_token_seconds)
    metrics.tokens.labels(model, "input").inc(usage.tokens.input)
    metrics.tokens.labels(model, "output").inc(usage.tokens.output)
    if usage.cost is None:
        metrics.unpriced_tokens.labels(model).inc(usage.tokens.total)
    else:
        metrics.cost.labels(model).inc(float(usage.cost))
