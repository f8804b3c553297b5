"""Every metric there is, declared here and nowhere else; docs/observability.md lists them, and a test compares.

Labels take values from closed sets only (route templates, ids of agents that are served, models that were resolved):
what a caller makes up never becomes a series.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """One process's counters. Built once and handed in; a second instance counts for itself."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "request_count",
            "HTTP requests answered.",
            ("endpoint", "agent_id", "status"),
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "request_duration_seconds",
            "From a request's arrival to the end of its answer; a stream's whole life.",
            ("endpoint", "agent_id"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.sse_connections = Gauge("agenkit_sse_connections", "Event streams open now.", registry=self.registry)
        self.sse_write_stall_seconds = Histogram(
            "agenkit_sse_write_stall_seconds",
            "From handing a piece to a reader's connection until it takes the next; what comes meanwhile waits.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.event_log_writes = Counter(
            "agenkit_event_log_writes",
            "Writes to run logs: kept (in the memory of this process), shared (in Redis), failed (tried again).",
            ("result",),
            registry=self.registry,
        )
        self.runs = Counter("agenkit_runs", "Runs ended.", ("agent_id", "status"), registry=self.registry)
        self.agent_errors = Counter(
            "agent_errors", "Runs that ended in an error.", ("agent_id", "error_type"), registry=self.registry
        )
        self.run_time_to_first_token_seconds = Histogram(
            "agenkit_run_time_to_first_token_seconds",
            "From the opening of a run to the first piece of an answer.",
            ("agent_id",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.tokens = Counter(
            "llm_token_count",
            "Tokens that models read (input) and wrote (output).",
            ("model", "operation"),
            registry=self.registry,
        )

        self.llm_calls = Counter(
            "agenkit_llm_calls", "Attempts at a model, by how they ended.", ("model", "outcome"), registry=self.registry
        )
        self.call_seconds = Histogram(
            "llm_call_duration_seconds",
            "One attempt at a model, from its first byte sent to its end.",
            ("model",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.model_first_token_seconds = Histogram(
            "agenkit_llm_time_to_first_token_seconds",
            "From an attempt at a model to the first piece of its answer.",
            ("model",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.cost = Counter(
            "agenkit_llm_cost_dollars",
            "Dollars spent on calls whose price is known.",
            ("model",),
            registry=self.registry,
        )
        self.unpriced_tokens = Counter(
            "agenkit_llm_unpriced_tokens",
            "Tokens of calls whose price nobody knows.",
            ("model",),
            registry=self.registry,
        )
        self.fallback_events = Counter(
            "agenkit_llm_fallback_events",
            "What happened to models of a chain: skipped, fallback (failed, and another took over), exhausted "
            "(failed, and nobody was left), hedged.",
            ("model", "event"),
            registry=self.registry,
        )
        self.retries = Counter(
            "agenkit_llm_retries",
            "Attempts after the first at the same model for one answer.",
            ("model",),
            registry=self.registry,
        )
        self.queue_seconds = Histogram(
            "agenkit_llm_queue_seconds",
            "From a call's arrival at a provider's queue to its turn; 0 for who does not wait.",
            ("provider",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.queue_depth = Gauge(
            "agenkit_llm_queue_depth",
            "Calls that wait for their turn at a provider now.",
            ("provider",),
            registry=self.registry,
        )
        self.breakers = Gauge(
            "agenkit_llm_breaker_open",
            "1 while a model is left alone, or tried again; else 0.",
            ("model",),
            registry=self.registry,
        )
        self.webhook_deliveries = Counter(
            "agenkit_webhook_deliveries",
            "Attempts at webhooks: delivered, failed (tried again), given_up, gone (its run was deleted).",
            ("status",),
            registry=self.registry,
        )
        self.spans = Counter(
            "agenkit_spans",
            "What became of spans: dropped, exported or failed at an outlet; values that were cut, or closed in.",
            ("exporter", "result"),
            registry=self.registry,
        )
        self.score_exports = Counter(
            "agenkit_score_exports",
            "Reviews and feedback on their way to Langfuse: exported, failed (tried again), given_up, without_trace.",
            ("result",),
            registry=self.registry,
        )
        self.legacy_requests = Counter(
            "agenkit_legacy_requests", "Requests at addresses that will go.", ("route",), registry=self.registry
        )
        self.cache_operations = Counter(
            "cache_operations", "Caches asked.", ("operation", "hit_miss"), registry=self.registry
        )

    def exposition(self) -> bytes:
        return generate_latest(self.registry)
