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

    host: str = Field("127.0.0.1", min_length=1, description="The address to listen at.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen at; 0 takes a free one.")
    request_max_bytes: int = Field(
        10 * 1024 * 1024, ge=1024, description="Bytes of a request's body; past them it is a 413."
    )
    keep_alive_seconds: float = Field(
        15.0, gt=0, description="Seconds between comments on a stream that has nothing to say."
    )
    run_idle_seconds: float = Field(
        900.0, ge=0, description="Seconds without any event of a run after which it is ended; 0: it never is."
    )
    shutdown_grace_seconds: float = Field(
        5.0,
        ge=0,
        le=600,
        description="Seconds that runs may go on after SIGTERM; then the next start or another replica does.",
    )
    worker_threads: int = Field(
        64, ge=4, le=1024, description="Threads for nodes and tools that block; each holds one for as long as it runs."
    )
    cors_origins: tuple[str, ...] = Field(
        (), description="Origins of other front ends, with commas between; `*` for all. None: only our own page."
    )
    graph_files: tuple[str, ...] = Field(
        (),
        description="LangGraph graphs to serve as agents, with commas between: `id=path/to/module.py:graph`, or a "
        "project's folder with its `langgraph.json`.",
    )

    agent_settings_file: Path | None = Field(
        None,
        description="A TOML file with a table for each agent that is to differ: `on_disconnect`, `profile`, `review`, "
        "`rubric`, `revisions`, `judge_timeout_seconds`.",
    )
    legacy_routes: bool = Field(
        True, description="Answer at the addresses of the first generation of clients; else they are told 410."
    )
    rubrics_dir: Path | None = Field(
        None, description="A folder of rubrics of your own (TOML); one of ours is replaced by one of the same name."
    )
    leak_action: Literal["remove", "refuse"] = Field(
        "remove",
        description="What an enforced review does about a secret or a prompt that an answer leaks: `remove` the "
        "passage, or `refuse` the answer. Of artifacts the passage is removed.",
    )
    judge_samples: int = Field(3, ge=1, le=9, description="How often the judge reads one text.")
    memory_extraction: bool = Field(
        True, description="Let the canvas note, by the `fast` profile, how people like things written."
    )
    auto_titles: bool = Field(True, description="Give threads without a title one, made by the `fast` profile.")
    webhook_secret: SecretStr | None = Field(
        None, description="Signs webhooks (Standard Webhooks, `whsec_…`); without it no run takes one."
    )
    webhook_allow_private_networks: bool = Field(
        False, description="Let webhooks lead into private networks, and to this machine."
    )

    @field_validator("webhook_secret")
    @classmethod
    def _is_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            parse_secret(secret.get_secret_value())
        return secret

    @field_validator("graphs")
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
    "AGENKIT_BODY_LIMIT": ("server", "body_limit"),
    "AGENKIT_KEEP_ALIVE": ("server", "keep_alive"),
    "AGENKIT_SHUTDOWN_GRACE": ("server", "shutdown_grace"),
    "AGENKIT_THREADS": ("server", "threads"),
    "AGENKIT_CORS_ORIGINS": ("server", "cors_origins"),
    "AGENKIT_GRAPHS": ("server", "graphs"),
    "AGENKIT_AGENT_SETTINGS": ("server", "agent_settings"),
    "AGENKIT_FORMER_ROUTES": ("server", "former_routes"),
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
    "AGENKIT_TRACE_SHARE": ("observability", "trace_share"),
    "AGENKIT_TRACE_DAYS": ("observability", "trace_days"),
    "AGENKIT_ENVIRONMENT": ("observability", "environment"),
    "AGENKIT_RELEASE": ("observability", "release"),
    "AGENKIT_RUBRICS": ("server", "rubrics"),
    "AGENKIT_JUDGE_SAMPLES": ("server", "judge_samples"),
    "AGENKIT_LEAK_ACTION": ("server", "leak_action"),
    "AGENKIT_REFLECTIONS": ("server", "reflections"),
    "AGENKIT_TITLES": ("server", "titles"),
    "AGENKIT_WEBHOOK_SECRET": ("server", "webhook_secret"),
    "AGENKIT_WEBHOOK_PRIVATE": ("server", "webhook_private"),
    "AGENKIT_DATA": ("storage", "data"),
    "AGENKIT_MIGRATE": ("storage", "migrate"),
    "AGENKIT_STATEMENT_SECONDS": ("storage", "statement_seconds"),
    "AGENKIT_STORAGE_RETRY_SECONDS": ("storage", "retry_seconds"),
    "AGENKIT_RUN_IDLE_SECONDS": ("server", "run_idle_seconds"),
    "AGENKIT_LEASE": ("storage", "lease"),
    "AGENKIT_CHECKPOINTS_KEPT": ("storage", "checkpoints_kept"),
    "AGENKIT_RUN_ATTEMPTS": ("storage", "run_attempts"),
    "AGENKIT_REVIEW_RETENTION_DAYS": ("storage", "review_retention_days"),
    "AGENKIT_LOG_SECONDS": ("storage", "log_seconds"),
    "AGENKIT_LOG_BYTES": ("storage", "log_bytes"),
    "AGENKIT_ARTIFACT_BYTES": ("storage", "artifact_bytes"),
    "AGENKIT_ARTIFACT_INLINE": ("storage", "artifact_inline"),
    "AGENKIT_ARTIFACT_CACHE_SECONDS": ("storage", "artifact_cache_seconds"),
    "AGENKIT_ARTIFACT_CACHE_BYTES": ("storage", "artifact_cache_bytes"),
    "AGENKIT_BLOBS": ("storage", "blobs"),
    "AWS_ENDPOINT_URL": ("storage", "s3_endpoint"),
    "AWS_REGION": ("storage", "s3_region"),
    "AWS_ACCESS_KEY_ID": ("storage", "s3_key_id"),
    "AWS_SECRET_ACCESS_KEY": ("storage", "s3_secret"),
    "AWS_SESSION_TOKEN": ("storage", "s3_session_token"),
    "AGENKIT_POOL_SIZE": ("storage", "pool_size"),
    "AGENKIT_POOL_OVERFLOW": ("storage", "pool_overflow"),
    "AGENKIT_POOL_TIMEOUT": ("storage", "pool_timeout"),
    "AGENKIT_POOL_RECYCLE": ("storage", "pool_recycle"),
    "DATABASE_URL": ("storage", "database_url"),
    "REDIS_URL": ("storage", "redis_url"),
    "AGENKIT_REDIS_PREFIX": ("storage", "redis_prefix"),
    "AGENKIT_CHAT_MODELS": ("models", "chat"),
    "AGENKIT_CANVAS_MODELS": ("models", "canvas"),
    "AGENKIT_FAST_MODELS": ("models", "fast"),
    "AGENKIT_JUDGE_MODELS": ("models", "judge"),
    "AGENKIT_CHAT_OUTPUT": ("models", "chat_output"),
    "AGENKIT_CANVAS_OUTPUT": ("models", "canvas_output"),
    "AGENKIT_FAST_OUTPUT": ("models", "fast_output"),
    "AGENKIT_JUDGE_OUTPUT": ("models", "judge_output"),
    "AGENKIT_OPENAI_MODEL": ("models", "openai_model"),
    "AGENKIT_CONNECT_TIMEOUT": ("models", "connect_timeout"),
    "AGENKIT_FIRST_TOKEN_TIMEOUT": ("models", "first_token_timeout"),
    "AGENKIT_GAP_TIMEOUT": ("models", "gap_timeout"),
    "AGENKIT_TOTAL_TIMEOUT": ("models", "total_timeout"),
    "AGENKIT_DECISION_TIMEOUT_SECONDS": ("models", "decision_timeout_seconds"),
    "AGENKIT_RETRY_ATTEMPTS": ("models", "retry_attempts"),
    "AGENKIT_RETRY_WAIT_LEAST": ("models", "retry_wait_least"),
    "AGENKIT_RETRY_WAIT_MOST": ("models", "retry_wait_most"),
    "AGENKIT_RETRY_SHARE": ("models", "retry_share"),
    "AGENKIT_BREAKER_FAILURES": ("models", "breaker_failures"),
    "AGENKIT_BREAKER_SECONDS": ("models", "breaker_seconds"),
    "AGENKIT_HEDGE_QUANTILE": ("models", "hedge_quantile"),
    "AGENKIT_CALLS_IN_FLIGHT": ("models", "calls_in_flight"),
    "AGENKIT_CALLS_WAITING": ("models", "calls_waiting"),
    "AGENKIT_CALL_PATIENCE": ("models", "call_patience"),
    "AGENKIT_CACHE_EXACT": ("models", "cache_exact"),
    "AGENKIT_CACHE_SECONDS": ("models", "cache_seconds"),
    "AGENKIT_CACHE_BYTES": ("models", "cache_bytes"),
    "AGENKIT_CACHE_SHARED_BY_TENANT": ("models", "cache_shared_by_tenant"),
    "AGENKIT_CACHE_SEMANTIC": ("models", "cache_semantic"),
    "AGENKIT_CACHE_THRESHOLD": ("models", "cache_threshold"),
    "AGENKIT_CACHE_ENTRIES": ("models", "cache_entries"),
    "AGENKIT_EMBEDDER": ("models", "embedder"),
    "AGENKIT_RUN_TOKENS": ("models", "run_tokens"),
    "AGENKIT_RUN_COST": ("models", "run_cost"),
    "AGENKIT_USER_DAY_TOKENS": ("models", "user_day_tokens"),
    "AGENKIT_USER_DAY_COST": ("models", "user_day_cost"),
    "AGENKIT_USER_MONTH_TOKENS": ("models", "user_month_tokens"),
    "AGENKIT_USER_MONTH_COST": ("models", "user_month_cost"),
    "AGENKIT_TENANT_DAY_TOKENS": ("models", "tenant_day_tokens"),
    "AGENKIT_TENANT_DAY_COST": ("models", "tenant_day_cost"),
    "AGENKIT_TENANT_MONTH_TOKENS": ("models", "tenant_month_tokens"),
    "AGENKIT_TENANT_MONTH_COST": ("models", "tenant_month_cost"),
    "AGENKIT_ANTHROPIC_MODEL": ("models", "anthropic_model"),
    "AGENKIT_OLLAMA_CONTEXT": ("models", "ollama_context"),
    "AGENKIT_EMBEDDED_THREADS": ("models", "embedded_threads"),
    "AGENKIT_EMBEDDED_SLOTS": ("models", "embedded_slots"),
    "AGENKIT_EMBEDDED_CONTEXT": ("models", "embedded_context"),
    "AGENKIT_EMBEDDED_OUTPUT": ("models", "embedded_output"),
    "AGENKIT_SCRIPT": ("models", "script"),
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

_LISTS = {"cors_origins", "graphs", "log_levels", *PROFILES}
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
    unknown = [name for name in given if name.startswith("AGENKIT_") and name not in VARIABLES]
    yield from ((name, "no such setting") for name in unknown)
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
