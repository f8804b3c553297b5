from decimal import Decimal
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from llm.budgets import Budget, Budgets
from llm.cache.settings import CacheSettings
from llm.spec import LinkSpec

# What an agent may be served by; each has a list of candidates and an output limit in the settings.
PROFILES = ("chat", "canvas", "fast", "judge")


class ModelSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    openai_api_key: SecretStr | None = Field(None, description="OpenAI API key; enables the provider.")
    openai_base_url: str = Field(
        "https://api.openai.com/v1", description="Base URL of OpenAI or of any compatible server."
    )
    openai_model: str = Field("gpt-5-mini", min_length=1, description="OpenAI model of the `chat` profile.")
    ollama_base_url: str = Field("http://127.0.0.1:11434", description="URL of Ollama; checked every minute.")
    ollama_context_tokens: int = Field(
        8192,
        ge=256,
        description="Context size of Ollama models in tokens, unless the model file sets one.",
    )
    embedded_threads: int = Field(2, ge=1, le=256, description="Threads of the embedded model.")
    embedded_max_concurrent_calls: int = Field(
        4, ge=1, le=64, description="Answers that the embedded model generates concurrently."
    )
    embedded_context_tokens: int = Field(
        8192, ge=512, le=8192, description="Context of the embedded model in tokens, shared by its answers."
    )
    embedded_max_output_tokens: int = Field(
        1024, ge=16, le=8192, description="Maximum tokens of an answer of the embedded model."
    )
    scripted_model_file: Path | None = Field(
        None, description="JSON script of the provider `scripted`, a fake for tests and demos."
    )
    anthropic_api_key: SecretStr | None = Field(None, description="Anthropic API key; enables the provider.")
    anthropic_base_url: str = Field("https://api.anthropic.com", description="Base URL of Anthropic.")
    anthropic_model: str = Field(
        "claude-sonnet-4-5", min_length=1, description="Anthropic model of profiles without a setting."
    )
    chat: tuple[str, ...] = Field(
        (),
        description="The `chat` profile: model specs, best first, comma-separated, each with optional limits "
        "(`openai:gpt-5-mini?max_tokens=2000&first_token_seconds=10`). Empty: the models that are available.",
    )
    canvas: tuple[str, ...] = Field((), description="The `canvas` profile. Empty: that of `chat`.")
    fast: tuple[str, ...] = Field((), description="The `fast` profile, for small steps. Empty: that of `chat`.")
    judge: tuple[str, ...] = Field((), description="The `judge` profile. Empty: that of `chat`.")
    chat_max_output_tokens: int | None = Field(4096, ge=16, description="Maximum tokens of an answer of this profile.")
    canvas_max_output_tokens: int | None = Field(
        None, ge=16, description="The same for `canvas`. Unset: the model's own limit."
    )
    fast_max_output_tokens: int | None = Field(4096, ge=16, description="The same for `fast`.")
    judge_max_output_tokens: int | None = Field(4096, ge=16, description="The same for `judge`.")
    connect_timeout_seconds: float = Field(5.0, gt=0, description="Timeout of connecting to a provider, in seconds.")
    first_token_timeout_seconds: float = Field(
        60.0, gt=0, description="Timeout until the first token, in seconds; for a call without a stream, until its end."
    )
    stream_idle_seconds: float = Field(60.0, gt=0, description="Timeout between two tokens of a stream, in seconds.")
    total_timeout_seconds: float = Field(600.0, gt=0, description="Timeout of one model's whole answer, in seconds.")
    decision_timeout_seconds: float = Field(
        180.0,
        gt=0,
        description="Timeout of a step in which a model only decides what to do, in seconds. Reaching it "
        "does not count as a failure of the model.",
    )
    retry_max_attempts: int = Field(3, ge=1, le=10, description="Maximum attempts at one model for one answer.")
    retry_wait_min_seconds: float = Field(1.0, ge=0, description="Minimum wait before a retry, in seconds.")
    retry_wait_max_seconds: float = Field(
        10.0, gt=0, description="Maximum wait before a retry, in seconds; a provider that asks for more is skipped."
    )
    retry_budget_ratio: float = Field(
        0.2, ge=0, le=10, description="Retry budget: retries per call (0.2 = 20 %), burst 10."
    )
    breaker_failures: int = Field(
        5, ge=1, description="Consecutive failures after which a model's circuit breaker opens."
    )
    breaker_reset_seconds: float = Field(
        30.0, gt=0, description="Seconds until an open breaker lets one probe through."
    )
    hedge_quantile: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="When an answer has not begun within the time that this share of answers took (0.95), the next "
        "model is asked as well, and the first to speak wins. 0: never.",
    )
    model_max_concurrent_calls: int = Field(
        64, ge=1, description="Maximum concurrent calls to one provider per process."
    )
    model_max_queued_calls: int = Field(256, ge=0, description="Maximum queued calls per provider.")
    model_queue_timeout_seconds: float = Field(
        30.0, gt=0, description="Maximum time in a provider's queue, in seconds."
    )
    cache_exact: Literal["off", "temperature_0", "all"] = Field(
        "temperature_0",
        description="Which calls are answered from memory where all that is asked is the same: those with temperature "
        "0, `all`, or none (`off`).",
    )
    cache_ttl_seconds: float = Field(3600.0, gt=0, description="Seconds to cache an answer.")
    cache_max_bytes: int = Field(
        64 * 1024 * 1024,
        ge=0,
        description="Maximum size of the answer cache in bytes, per process; with REDIS_URL the cache is in Redis.",
    )
    cache_shared_by_tenant: bool = Field(False, description="Share cached answers between the users of a tenant.")
    cache_semantic: bool = Field(
        False,
        description="Also answer from the cache when the last question means the same (no tools, no schema).",
    )
    cache_semantic_threshold: float = Field(
        0.97, gt=0, le=1, description="Cosine similarity from which two questions count as the same."
    )
    cache_semantic_max_entries: int = Field(
        256, ge=1, le=4096, description="Maximum questions to compare in one conversation."
    )
    embedding_model: str = Field(
        "embedded:minilm",
        description="Embedding model: a spec as for models (`openai:text-embedding-3-small`, `ollama:…`).",
    )
    run_max_tokens: int | None = Field(None, ge=1, description="Maximum tokens of one run. Unset: no limit.")
    run_max_cost: Decimal | None = Field(None, gt=0, description="Maximum cost of one run in dollars. Unset: no limit.")
    user_daily_token_limit: int | None = Field(None, ge=1, description="Maximum tokens of a user per day (UTC).")
    user_daily_cost_limit: Decimal | None = Field(None, gt=0, description="Maximum cost of a user per day, in dollars.")
    user_monthly_token_limit: int | None = Field(None, ge=1, description="Maximum tokens of a user per month.")
    user_monthly_cost_limit: Decimal | None = Field(
        None, gt=0, description="Maximum cost of a user per month, in dollars."
    )
    tenant_daily_token_limit: int | None = Field(None, ge=1, description="Maximum tokens of a tenant per day.")
    tenant_daily_cost_limit: Decimal | None = Field(
        None, gt=0, description="Maximum cost of a tenant per day, in dollars."
    )
    tenant_monthly_token_limit: int | None = Field(None, ge=1, description="Maximum tokens of a tenant per month.")
    tenant_monthly_cost_limit: Decimal | None = Field(
        None, gt=0, description="Maximum cost of a tenant per month, in dollars."
    )

    @property
    def read_timeout_seconds(self) -> float:
        """Seconds after which a provider's client gives up by itself: later than the deadlines, which say it better."""
        return max(self.first_token_timeout_seconds, self.stream_idle_seconds) + 5

    def profile(self, name: str) -> tuple[LinkSpec, ...]:
        """The candidates of a profile, best first; none where the setting leaves it to what is there."""
        named: tuple[str, ...] = getattr(self, name) or self.chat
        return tuple(map(LinkSpec.parse, named))

    def max_output_tokens(self, profile: str) -> int | None:
        tokens: int | None = getattr(self, f"{profile}_max_output_tokens")
        return tokens

    @property
    def cache(self) -> CacheSettings:
        return CacheSettings(
            exact=self.cache_exact,
            ttl=self.cache_ttl_seconds,
            shared_by_tenant=self.cache_shared_by_tenant,
            semantic=self.cache_semantic,
            threshold=self.cache_semantic_threshold,
            entries=self.cache_semantic_max_entries,
            embedder=self.embedding_model,
        )

    @property
    def budgets(self) -> Budgets:
        return {
            ("user", "day"): Budget(self.user_daily_token_limit, self.user_daily_cost_limit),
            ("user", "month"): Budget(self.user_monthly_token_limit, self.user_monthly_cost_limit),
            ("tenant", "day"): Budget(self.tenant_daily_token_limit, self.tenant_daily_cost_limit),
            ("tenant", "month"): Budget(self.tenant_monthly_token_limit, self.tenant_monthly_cost_limit),
        }

    @field_validator(*PROFILES)
    @classmethod
    def _are_candidates(cls, specs: tuple[str, ...]) -> tuple[str, ...]:
        for spec in specs:
            LinkSpec.parse(spec)
        return tuple(spec.strip() for spec in specs)

    @field_validator("openai_base_url", "ollama_base_url", "anthropic_base_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no http(s) address")
        if urlsplit(url).port == 0 or not urlsplit(url).hostname:
            raise ValueError(f"{url!r} names no host to ask")
        return url.rstrip("/")
