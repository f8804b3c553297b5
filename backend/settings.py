"""Every setting of the service, composed of the packages' own. Read once, at the edge, and then handed on as values."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from agents.registry import GraphFile
from backend.security.signatures import parse_secret
from llm.settings import PROFILES, ModelSettings
from observability.settings import ObservabilitySettings
from storage.settings import StorageSettings


class ServerSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    request_max_bytes: int = Field(
        10 * 1024 * 1024, ge=1024, description="Maximum size of a request body in bytes; larger ones get 413."
    )
    keep_alive_seconds: float = Field(
        15.0, gt=0, description="Interval of keep-alive comments on idle event streams, in seconds."
    )
    run_idle_seconds: float = Field(
        900.0, ge=0, description="Seconds without any event after which a run is ended; 0 turns this off."
    )
    shutdown_grace_seconds: float = Field(
        5.0,
        ge=0,
        le=600,
        description="Seconds that runs get to finish after SIGTERM; another process continues the rest.",
    )
    worker_threads: int = Field(
        64, ge=4, le=1024, description="Threads for blocking nodes and tools; each occupies one while it runs."
    )
    cors_origins: tuple[str, ...] = Field(
        (), description="Allowed CORS origins, comma-separated; `*` for all. Empty: only the built-in page."
    )
    graph_files: tuple[str, ...] = Field(
        (),
        description="LangGraph graphs to serve as agents, comma-separated: `id=path/to/module.py:graph`, or a "
        "project's folder with its `langgraph.json`.",
    )

    agent_settings_file: Path | None = Field(
        None,
        description="TOML file with one table of overrides per agent: `on_disconnect`, `profile`, "
        "`review_mode`, `rubric`, `max_revisions`, `judge_timeout_seconds`.",
    )
    legacy_routes: bool = Field(
        True, description="Serve the routes of the first generation of clients; if false they answer 410."
    )
    rubrics_dir: Path | None = Field(
        None, description="Folder with your own rubrics (TOML); one with the name of a built-in rubric replaces it."
    )
    leak_action: Literal["remove", "refuse"] = Field(
        "remove",
        description="What `enforce` does when an answer leaks a secret or a prompt: `remove` the "
        "passage, or `refuse` the answer. In artifacts the passage is always removed.",
    )
    judge_samples: int = Field(3, ge=1, le=9, description="How many times the judge rates one text.")
    memory_extraction: bool = Field(
        True, description="Let the canvas agent learn memories about a user (`fast` profile)."
    )
    auto_titles: bool = Field(True, description="Generate titles for threads without one (`fast` profile).")
    webhook_secret: SecretStr | None = Field(
        None, description="Secret that signs webhooks (Standard Webhooks, `whsec_…`); without it webhooks are refused."
    )
    webhook_allow_private_networks: bool = Field(
        False, description="Allow webhooks to private networks and to this machine."
    )

    @field_validator("webhook_secret")
    @classmethod
    def _is_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            parse_secret(secret.get_secret_value())
        return secret

    @field_validator("graph_files")
    @classmethod
    def _are_graphs(cls, graphs: tuple[str, ...]) -> tuple[str, ...]:
        for graph in graphs:
            GraphFile.parse(graph)
        return graphs

    @property
    def parse_graph_files(self) -> tuple[GraphFile, ...]:
        return tuple(file for graph in self.graph_files for file in GraphFile.parse(graph))


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    server: ServerSettings = ServerSettings()
    storage: StorageSettings = StorageSettings()
    models: ModelSettings = ModelSettings()
    observability: ObservabilitySettings = ObservabilitySettings()


# The one place that says which variable is which setting.
VARIABLES: Mapping[str, tuple[str, str]] = {
    "AGENKIT_HOST": ("server", "host"),
    "AGENKIT_PORT": ("server", "port"),
    "AGENKIT_REQUEST_MAX_BYTES": ("server", "request_max_bytes"),
    "AGENKIT_KEEP_ALIVE_SECONDS": ("server", "keep_alive_seconds"),
    "AGENKIT_SHUTDOWN_GRACE_SECONDS": ("server", "shutdown_grace_seconds"),
    "AGENKIT_WORKER_THREADS": ("server", "worker_threads"),
    "AGENKIT_CORS_ORIGINS": ("server", "cors_origins"),
    "AGENKIT_GRAPH_FILES": ("server", "graph_files"),
    "AGENKIT_AGENT_SETTINGS_FILE": ("server", "agent_settings_file"),
    "AGENKIT_LEGACY_ROUTES": ("server", "legacy_routes"),
    "LANGFUSE_PUBLIC_KEY": ("observability", "langfuse_public_key"),
    "LANGFUSE_SECRET_KEY": ("observability", "langfuse_secret_key"),
    "LANGFUSE_BASE_URL": ("observability", "langfuse_base_url"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("observability", "otlp_base_url"),
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": ("observability", "otlp_endpoint"),
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS": ("observability", "otlp_headers"),
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE": ("observability", "otlp_certificate"),
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE": ("observability", "otlp_client_certificate"),
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY": ("observability", "otlp_client_key"),
    "OTEL_SERVICE_NAME": ("observability", "service_name"),
    "SENTRY_DSN": ("observability", "sentry_dsn"),
    "AGENKIT_TRACE_CONTENT": ("observability", "trace_content"),
    "AGENKIT_TRACE_SAMPLE_RATE": ("observability", "trace_sample_rate"),
    "AGENKIT_TRACE_RETENTION_DAYS": ("observability", "trace_retention_days"),
    "AGENKIT_ENVIRONMENT": ("observability", "environment"),
    "AGENKIT_RELEASE": ("observability", "release"),
    "AGENKIT_RUBRICS_DIR": ("server", "rubrics_dir"),
    "AGENKIT_JUDGE_SAMPLES": ("server", "judge_samples"),
    "AGENKIT_LEAK_ACTION": ("server", "leak_action"),
    "AGENKIT_MEMORY_EXTRACTION": ("server", "memory_extraction"),
    "AGENKIT_AUTO_TITLES": ("server", "auto_titles"),
    "AGENKIT_WEBHOOK_SECRET": ("server", "webhook_secret"),
    "AGENKIT_WEBHOOK_ALLOW_PRIVATE_NETWORKS": ("server", "webhook_allow_private_networks"),
    "AGENKIT_DATA_DIR": ("storage", "data_dir"),
    "AGENKIT_MIGRATE": ("storage", "migrate"),
    "AGENKIT_STATEMENT_TIMEOUT_SECONDS": ("storage", "statement_timeout_seconds"),
    "AGENKIT_STORAGE_RETRY_SECONDS": ("storage", "retry_seconds"),
    "AGENKIT_RUN_IDLE_SECONDS": ("server", "run_idle_seconds"),
    "AGENKIT_RUN_LEASE_SECONDS": ("storage", "run_lease_seconds"),
    "AGENKIT_MAX_CHECKPOINTS_PER_THREAD": ("storage", "max_checkpoints_per_thread"),
    "AGENKIT_RUN_MAX_ATTEMPTS": ("storage", "run_max_attempts"),
    "AGENKIT_REVIEW_RETENTION_DAYS": ("storage", "review_retention_days"),
    "AGENKIT_EVENT_LOG_TTL_SECONDS": ("storage", "event_log_ttl_seconds"),
    "AGENKIT_EVENT_LOG_MAX_BYTES": ("storage", "event_log_max_bytes"),
    "AGENKIT_ARTIFACT_MAX_BYTES": ("storage", "artifact_max_bytes"),
    "AGENKIT_ARTIFACT_INLINE_MAX_BYTES": ("storage", "artifact_inline_max_bytes"),
    "AGENKIT_ARTIFACT_CACHE_TTL_SECONDS": ("storage", "artifact_cache_ttl_seconds"),
    "AGENKIT_ARTIFACT_CACHE_MAX_BYTES": ("storage", "artifact_cache_max_bytes"),
    "AGENKIT_BLOB_STORE_URL": ("storage", "blob_store_url"),
    "AWS_ENDPOINT_URL": ("storage", "s3_endpoint"),
    "AWS_REGION": ("storage", "s3_region"),
    "AWS_ACCESS_KEY_ID": ("storage", "s3_key_id"),
    "AWS_SECRET_ACCESS_KEY": ("storage", "s3_secret"),
    "AWS_SESSION_TOKEN": ("storage", "s3_session_token"),
    "AGENKIT_POOL_SIZE": ("storage", "pool_size"),
    "AGENKIT_POOL_OVERFLOW": ("storage", "pool_overflow"),
    "AGENKIT_POOL_TIMEOUT_SECONDS": ("storage", "pool_timeout_seconds"),
    "AGENKIT_POOL_RECYCLE_SECONDS": ("storage", "pool_recycle_seconds"),
    "DATABASE_URL": ("storage", "database_url"),
    "REDIS_URL": ("storage", "redis_url"),
    "AGENKIT_REDIS_PREFIX": ("storage", "redis_prefix"),
    "AGENKIT_CHAT_MODELS": ("models", "chat"),
    "AGENKIT_CANVAS_MODELS": ("models", "canvas"),
    "AGENKIT_FAST_MODELS": ("models", "fast"),
    "AGENKIT_JUDGE_MODELS": ("models", "judge"),
    "AGENKIT_CHAT_MAX_OUTPUT_TOKENS": ("models", "chat_max_output_tokens"),
    "AGENKIT_CANVAS_MAX_OUTPUT_TOKENS": ("models", "canvas_max_output_tokens"),
    "AGENKIT_FAST_MAX_OUTPUT_TOKENS": ("models", "fast_max_output_tokens"),
    "AGENKIT_JUDGE_MAX_OUTPUT_TOKENS": ("models", "judge_max_output_tokens"),
    "AGENKIT_OPENAI_MODEL": ("models", "openai_model"),
    "AGENKIT_CONNECT_TIMEOUT_SECONDS": ("models", "connect_timeout_seconds"),
    "AGENKIT_FIRST_TOKEN_TIMEOUT_SECONDS": ("models", "first_token_timeout_seconds"),
    "AGENKIT_STREAM_IDLE_SECONDS": ("models", "stream_idle_seconds"),
    "AGENKIT_TOTAL_TIMEOUT_SECONDS": ("models", "total_timeout_seconds"),
    "AGENKIT_DECISION_TIMEOUT_SECONDS": ("models", "decision_timeout_seconds"),
    "AGENKIT_RETRY_MAX_ATTEMPTS": ("models", "retry_max_attempts"),
    "AGENKIT_RETRY_WAIT_MIN_SECONDS": ("models", "retry_wait_min_seconds"),
    "AGENKIT_RETRY_WAIT_MAX_SECONDS": ("models", "retry_wait_max_seconds"),
    "AGENKIT_RETRY_BUDGET_RATIO": ("models", "retry_budget_ratio"),
    "AGENKIT_BREAKER_FAILURES": ("models", "breaker_failures"),
    "AGENKIT_BREAKER_RESET_SECONDS": ("models", "breaker_reset_seconds"),
    "AGENKIT_HEDGE_QUANTILE": ("models", "hedge_quantile"),
    "AGENKIT_MODEL_MAX_CONCURRENT_CALLS": ("models", "model_max_concurrent_calls"),
    "AGENKIT_MODEL_MAX_QUEUED_CALLS": ("models", "model_max_queued_calls"),
    "AGENKIT_MODEL_QUEUE_TIMEOUT_SECONDS": ("models", "model_queue_timeout_seconds"),
    "AGENKIT_CACHE_EXACT": ("models", "cache_exact"),
    "AGENKIT_CACHE_TTL_SECONDS": ("models", "cache_ttl_seconds"),
    "AGENKIT_CACHE_MAX_BYTES": ("models", "cache_max_bytes"),
    "AGENKIT_CACHE_SHARED_BY_TENANT": ("models", "cache_shared_by_tenant"),
    "AGENKIT_CACHE_SEMANTIC": ("models", "cache_semantic"),
    "AGENKIT_CACHE_SEMANTIC_THRESHOLD": ("models", "cache_semantic_threshold"),
    "AGENKIT_CACHE_SEMANTIC_MAX_ENTRIES": ("models", "cache_semantic_max_entries"),
    "AGENKIT_EMBEDDING_MODEL": ("models", "embedding_model"),
    "AGENKIT_RUN_MAX_TOKENS": ("models", "run_max_tokens"),
    "AGENKIT_RUN_MAX_COST": ("models", "run_max_cost"),
    "AGENKIT_USER_DAILY_TOKEN_LIMIT": ("models", "user_daily_token_limit"),
    "AGENKIT_USER_DAILY_COST_LIMIT": ("models", "user_daily_cost_limit"),
    "AGENKIT_USER_MONTHLY_TOKEN_LIMIT": ("models", "user_monthly_token_limit"),
    "AGENKIT_USER_MONTHLY_COST_LIMIT": ("models", "user_monthly_cost_limit"),
    "AGENKIT_TENANT_DAILY_TOKEN_LIMIT": ("models", "tenant_daily_token_limit"),
    "AGENKIT_TENANT_DAILY_COST_LIMIT": ("models", "tenant_daily_cost_limit"),
    "AGENKIT_TENANT_MONTHLY_TOKEN_LIMIT": ("models", "tenant_monthly_token_limit"),
    "AGENKIT_TENANT_MONTHLY_COST_LIMIT": ("models", "tenant_monthly_cost_limit"),
    "AGENKIT_ANTHROPIC_MODEL": ("models", "anthropic_model"),
    "AGENKIT_OLLAMA_CONTEXT_TOKENS": ("models", "ollama_context_tokens"),
    "AGENKIT_EMBEDDED_THREADS": ("models", "embedded_threads"),
    "AGENKIT_EMBEDDED_MAX_CONCURRENT_CALLS": ("models", "embedded_max_concurrent_calls"),
    "AGENKIT_EMBEDDED_CONTEXT_TOKENS": ("models", "embedded_context_tokens"),
    "AGENKIT_EMBEDDED_MAX_OUTPUT_TOKENS": ("models", "embedded_max_output_tokens"),
    "AGENKIT_SCRIPTED_MODEL_FILE": ("models", "scripted_model_file"),
    "OPENAI_API_KEY": ("models", "openai_api_key"),
    "OPENAI_BASE_URL": ("models", "openai_base_url"),
    "ANTHROPIC_API_KEY": ("models", "anthropic_api_key"),
    "ANTHROPIC_BASE_URL": ("models", "anthropic_base_url"),
    "OLLAMA_BASE_URL": ("models", "ollama_base_url"),
    "AGENKIT_LOG_LEVEL": ("observability", "log_level"),
    "AGENKIT_LOG_LEVELS": ("observability", "log_levels"),
    "AGENKIT_LOG_FORMAT": ("observability", "log_format"),
}

# Names that Langfuse and OpenTelemetry give to what has a variable; that variable is the stronger one.
ALIASES: Mapping[str, str] = {
    "LANGFUSE_HOST": "LANGFUSE_BASE_URL",
    "LANGFUSE_RELEASE": "AGENKIT_RELEASE",
    "LANGFUSE_TRACING_ENVIRONMENT": "AGENKIT_ENVIRONMENT",
    "OTEL_EXPORTER_OTLP_HEADERS": "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_CERTIFICATE": "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY": "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
}

# Names of before 0.1.0, without their prefix: whoever still sets one is told the name it has now.
_RENAMED = """
DATA DATA_DIR
GRAPHS GRAPH_FILES
SCRIPT SCRIPTED_MODEL_FILE
BLOBS BLOB_STORE_URL
FORMER_ROUTES LEGACY_ROUTES
REFLECTIONS MEMORY_EXTRACTION
TITLES AUTO_TITLES
THREADS WORKER_THREADS
WEBHOOK_PRIVATE WEBHOOK_ALLOW_PRIVATE_NETWORKS
GAP_TIMEOUT STREAM_IDLE_SECONDS
RETRY_WAIT_LEAST RETRY_WAIT_MIN_SECONDS
RETRY_WAIT_MOST RETRY_WAIT_MAX_SECONDS
RETRY_SHARE RETRY_BUDGET_RATIO
RETRY_ATTEMPTS RETRY_MAX_ATTEMPTS
BREAKER_SECONDS BREAKER_RESET_SECONDS
CALLS_IN_FLIGHT MODEL_MAX_CONCURRENT_CALLS
CALLS_WAITING MODEL_MAX_QUEUED_CALLS
CALL_PATIENCE MODEL_QUEUE_TIMEOUT_SECONDS
LOG_SECONDS EVENT_LOG_TTL_SECONDS
LOG_BYTES EVENT_LOG_MAX_BYTES
TRACE_SHARE TRACE_SAMPLE_RATE
TRACE_DAYS TRACE_RETENTION_DAYS
LEASE RUN_LEASE_SECONDS
RUN_ATTEMPTS RUN_MAX_ATTEMPTS
RUN_TOKENS RUN_MAX_TOKENS
RUN_COST RUN_MAX_COST
USER_DAY_TOKENS USER_DAILY_TOKEN_LIMIT
USER_DAY_COST USER_DAILY_COST_LIMIT
USER_MONTH_TOKENS USER_MONTHLY_TOKEN_LIMIT
USER_MONTH_COST USER_MONTHLY_COST_LIMIT
TENANT_DAY_TOKENS TENANT_DAILY_TOKEN_LIMIT
TENANT_DAY_COST TENANT_DAILY_COST_LIMIT
TENANT_MONTH_TOKENS TENANT_MONTHLY_TOKEN_LIMIT
TENANT_MONTH_COST TENANT_MONTHLY_COST_LIMIT
CHECKPOINTS_KEPT MAX_CHECKPOINTS_PER_THREAD
ARTIFACT_BYTES ARTIFACT_MAX_BYTES
ARTIFACT_INLINE ARTIFACT_INLINE_MAX_BYTES
ARTIFACT_CACHE_SECONDS ARTIFACT_CACHE_TTL_SECONDS
ARTIFACT_CACHE_BYTES ARTIFACT_CACHE_MAX_BYTES
CHAT_OUTPUT CHAT_MAX_OUTPUT_TOKENS
CANVAS_OUTPUT CANVAS_MAX_OUTPUT_TOKENS
FAST_OUTPUT FAST_MAX_OUTPUT_TOKENS
JUDGE_OUTPUT JUDGE_MAX_OUTPUT_TOKENS
EMBEDDED_OUTPUT EMBEDDED_MAX_OUTPUT_TOKENS
EMBEDDED_CONTEXT EMBEDDED_CONTEXT_TOKENS
OLLAMA_CONTEXT OLLAMA_CONTEXT_TOKENS
EMBEDDED_SLOTS EMBEDDED_MAX_CONCURRENT_CALLS
KEEP_ALIVE KEEP_ALIVE_SECONDS
SHUTDOWN_GRACE SHUTDOWN_GRACE_SECONDS
BODY_LIMIT REQUEST_MAX_BYTES
CONNECT_TIMEOUT CONNECT_TIMEOUT_SECONDS
FIRST_TOKEN_TIMEOUT FIRST_TOKEN_TIMEOUT_SECONDS
TOTAL_TIMEOUT TOTAL_TIMEOUT_SECONDS
POOL_TIMEOUT POOL_TIMEOUT_SECONDS
POOL_RECYCLE POOL_RECYCLE_SECONDS
STATEMENT_SECONDS STATEMENT_TIMEOUT_SECONDS
CACHE_SECONDS CACHE_TTL_SECONDS
CACHE_BYTES CACHE_MAX_BYTES
CACHE_ENTRIES CACHE_SEMANTIC_MAX_ENTRIES
CACHE_THRESHOLD CACHE_SEMANTIC_THRESHOLD
EMBEDDER EMBEDDING_MODEL
RUBRICS RUBRICS_DIR
AGENT_SETTINGS AGENT_SETTINGS_FILE
"""
RETIRED: Mapping[str, str] = {
    f"AGENKIT_{old}": f"AGENKIT_{new}" for old, new in map(str.split, _RENAMED.strip().splitlines())
}

_LISTS = {"cors_origins", "graph_files", "log_levels", *PROFILES}
_SAMPLE_KEYS = {
    "changeme",
    "change-me",
    "secret",
    "password",
    "your-api-key",
    "your-key-here",
    "sk-...",
    "sk-xxx",
    "xxx",
}


class InvalidSettings(ValueError):
    """Settings that cannot be: one line for each variable, naming it and never repeating a secret's value."""


def read_settings(environment: Mapping[str, str], file: Path | None = Path(".env")) -> Settings:
    """Settings from the environment, and beneath it from a `.env` file. Raises `BadSettings`."""
    written = {key: value for key, value in dotenv_values(file).items() if value} if file else {}
    given = {**written, **{key: value for key, value in environment.items() if value}}
    refused = [f"{name}: {why}" for name, why in _refused_variables(given)]
    if refused:
        raise InvalidSettings("\n".join(refused))
    try:
        return Settings.model_validate(_nest(given))
    except ValidationError as error:
        raise InvalidSettings("\n".join(_validation_lines(error, given))) from None


def _refused_variables(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in given:
        if name in RETIRED:
            yield name, f"this setting is now called {RETIRED[name]}"
        elif name.startswith("AGENKIT_") and name not in VARIABLES:
            yield name, "no such setting"
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        if given.get(name, "").strip().lower() in _SAMPLE_KEYS:
            yield name, "this is a sample, not a key"


def _nest(given: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    nested: dict[str, dict[str, Any]] = {}
    for name, (package, field) in VARIABLES.items():
        if (source := _source(name, given)) is not None:
            text = given[source].strip()
            value = tuple(part.strip() for part in text.split(",") if part.strip()) if field in _LISTS else text
            nested.setdefault(package, {})[field] = value
    return nested


def _source(name: str, given: Mapping[str, str]) -> str | None:
    """The variable that gives a setting its value: its own, or an alias of it."""
    aliases = (alias for alias, of in ALIASES.items() if of == name)
    return next((each for each in (name, *aliases) if each in given), None)


def _validation_lines(error: ValidationError, given: Mapping[str, str]) -> Iterator[str]:
    names = {place: _source(name, given) or name for name, place in VARIABLES.items()}
    for detail in error.errors(include_input=False, include_url=False):
        place = tuple(str(part) for part in detail["loc"][:2])
        name = names.get((place[0], place[1])) if len(place) == 2 else None
        yield f"{name or '.'.join(place)}: {detail['msg'].removeprefix('Value error, ')}"
