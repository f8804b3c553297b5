"""What the model layer is given by the house, and what it tells it: the metrics, the books, what replicas share."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from time import time_ns

from llm.allowance import Period, Sum, Who
from llm.cache.answers import Counted
from llm.catalog import ModelInfo
from llm.context import CallContext
from llm.factory import Outside
from llm.meter import Spent
from observability.metrics import Metrics
from observability.tracing import SpanKind, calling_model, recorded, token_classes
from observability.tracing import noted as noted_span
from storage.breakers import RedisBreakers
from storage.cache import MemoryCache, RedisCache
from storage.redis import RedisClient
from storage.usage import Spending, Usage


@dataclass(frozen=True, slots=True)
class Shared:
    """A Redis, and what the names of our keys in it begin with."""

    redis: RedisClient
    prefix: str


def counted_by(metrics: Metrics, kind: SpanKind) -> Counted:
    """Tells of a cache that was asked, in the metrics and as a span of that kind."""

    def counted(operation: str, hit: bool) -> None:
        found = "hit" if hit else "miss"
        metrics.cache.labels(operation, found).inc()
        noted_span(f"{kind} {operation}", kind, found=found)

    return counted


def outside(metrics: Metrics, usage: Usage, shared: Shared | None, cache_bytes: int) -> Outside:
    def bill(spent: Spent, context: CallContext) -> None:
        _count(metrics, spent)
        if spent.by_factory:
            _trace(spent)
        usage.add(context.tenant, context.user, _spending(spent))

    def noticed(what: str, info: ModelInfo, why: str) -> None:
        if what == "retried":
            metrics.retries.labels(str(info.spec)).inc()
        else:
            metrics.candidates.labels(str(info.spec), what).inc()
        if (call := calling_model()) is not None:
            call.warn()
        noted_span(what, "event", provider=info.spec.provider, model=str(info.spec), reason=why)

    return Outside(
        bill=bill,
        noticed=noticed,
        books=_Books(usage),
        breakers=RedisBreakers(shared.redis, f"{shared.prefix}breakers:") if shared else None,
        cache=RedisCache(shared.redis, f"{shared.prefix}answers:") if shared else MemoryCache(cache_bytes),
        counted=counted_by(metrics, "cache"),
        waited=lambda provider, seconds: metrics.queue_seconds.labels(provider).observe(seconds),
        queues=lambda provider, gate: metrics.queue_depth.labels(provider).set_function(lambda: gate.waiting),
    )


class _Books:
    def __init__(self, usage: Usage) -> None:
        self._usage = usage

    async def spent(self, tenant: str, user: str, at: datetime) -> Mapping[tuple[Who, Period], Sum]:
        told = await self._usage.spent(tenant, user, at.date())
        return {
            ("user", "day"): _sum(told.user_day),
            ("user", "month"): _sum(told.user_month),
            ("tenant", "day"): _sum(told.tenant_day),
            ("tenant", "month"): _sum(told.tenant_month),
        }


def _sum(spending: Spending) -> Sum:
    return Sum(spending.tokens, spending.cost)


def _spending(spent: Spent) -> Spending:
    return Spending(
        calls=1,
        input_tokens=spent.tokens.input,
        output_tokens=spent.tokens.output,
        unpriced_tokens=spent.tokens.total if spent.cost is None else 0,
        cost=spent.cost if spent.cost is not None else Decimal(0),
    )


def _trace(spent: Spent) -> None:
    """One attempt at one model, beneath the call that it was made for."""
    opened = recorded(f"attempt {spent.spec}", "attempt", spent.seconds)
    if opened is None:
        return
    dollars = None if spent.cost is None else float(spent.cost)
    opened.set(
        provider=spent.spec.provider,
        model=spent.spec.name,
        outcome=spent.outcome,
        reason=spent.reason,
        input_tokens=spent.tokens.input,
        output_tokens=spent.tokens.output,
        estimated=spent.estimated,
        cost_usd=dollars,
        first_token_seconds=spent.first_token,
    )
    if (call := calling_model()) is not None:
        tokens = spent.tokens
        parts = {"cached": tokens.cached, "cache_write": tokens.cache_write, "reasoning": tokens.reasoning}
        call.spend(token_classes(tokens.input, tokens.output, **parts), dollars)
        if spent.first_token is not None:
            call.began_to_answer(time_ns() - int((spent.seconds - spent.first_token) * 1e9))
        if spent.outcome == "ok":
            call.put("gen_ai.response.model", spent.spec.name)
            call.put("langfuse.observation.model.name", spent.spec.name)
    if spent.outcome not in {"ok", "stopped"}:
        opened.fail(spent.outcome)
    opened.end()


def _count(metrics: Metrics, spent: Spent) -> None:
    model = str(spent.spec)
    metrics.calls.labels(model, spent.outcome).inc()
    metrics.call_seconds.labels(model).observe(spent.seconds)
    if spent.first_token is not None:
        metrics.model_first_token_seconds.labels(model).observe(spent.first_token)
    metrics.tokens.labels(model, "input").inc(spent.tokens.input)
    metrics.tokens.labels(model, "output").inc(spent.tokens.output)
    if spent.cost is None:
        metrics.unpriced.labels(model).inc(spent.tokens.total)
    else:
        metrics.cost.labels(model).inc(float(spent.cost))
