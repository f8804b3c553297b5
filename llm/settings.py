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

    openai_api_key: SecretStr | None = Field(None, description="OpenAI is a provider when this is set.")
    openai_base_url: str = Field(
        "https://api.openai.com/v1", description="Where OpenAI's API is spoken; any server that speaks it will do."
    )
    openai_model: str = Field(
        "gpt-5-mini", min_length=1, description="The model of OpenAI's that the `chat` profile takes."
    )
    ollama_base_url: str = Field(
        "http://127.0.0.1:11434", description="An Ollama that answers here is a provider, asked each minute."
    )
    ollama_context_tokens: int = Field(
        8192,
        ge=256,
        description="Tokens of context that an Ollama's models are run with, where their own files say nothing else.",
    )
    embedded_threads: int = Field(2, ge=1, le=256, description="Threads of the embedded model's process.")
    embedded_max_concurrent_calls: int = Field(
        4, ge=1, le=64, description="Answers that the embedded model writes side by side."
    )
    embedded_context_tokens: int = Field(
        8192, ge=512, le=8192, description="Tokens of context that the embedded model's answers share."
    )
    embedded_max_output_tokens: int = Field(
        1024, ge=16, le=8192, description="Tokens after which an answer of the embedded model ends, finished or not."
    )
    scripted_model_file: Path | None = Field(
        None, description="A JSON file that makes the provider `scripted`, a fake for tests and demos."
    )
    anthropic_api_key: SecretStr | None = Field(None, description="Anthropic is a provider when this is set.")
    anthropic_base_url: str = Field("https://api.anthropic.com", description="Where Anthropic's API is spoken.")
    anthropic_model: str = Field(
        "claude-sonnet-4-5", min_length=1, description="The model of Anthropic's that a profile with no setting takes."
    )
    chat: tuple[str, ...] = Field(
        (),
        description="The `chat` profile: model specs, best first, with commas between, each with limits of its own if "
        "need be (`openai:gpt-5-mini?max_tokens=2000&first_token_seconds=10`). Empty: whatever is there.",
    )
    canvas: tuple[str, ...] = Field((), description="The `canvas` profile. Empty: that of `chat`.")
    fast: tuple[str, ...] = Field((), description="The `fast` profile, for small steps. Empty: that of `chat`.")
    judge: tuple[str, ...] = Field((), description="The `judge` profile. Empty: that of `chat`.")
    chat_max_output_tokens: int | None = Field(
        4096, ge=16, description="Tokens after which an answer of the profile ends."
    )
    canvas_max_output_tokens: int | None = Field(
        None, ge=16, description="The same for `canvas`. Unset: the model's own limit."
    )
    fast_max_output_tokens: int | None = Field(4096, ge=16, description="The same for `fast`.")
    judge_max_output_tokens: int | None = Field(4096, ge=16, description="The same for `judge`.")
    connect_timeout_seconds: float = Field(5.0, gt=0, description="Seconds to reach a provider.")
    first_token_timeout_seconds: float = Field(
        60.0, gt=0, description="Seconds to the first token; for a plain call, to its end."
    )
    stream_idle_seconds: float = Field(60.0, gt=0, description="Seconds of silence within an answer.")
    total_timeout_seconds: float = Field(600.0, gt=0, description="Seconds that one answer of one model may take.")
    decision_timeout_seconds: float = Field(
        180.0,
        gt=0,
        description="Seconds that a step may take in which a model decides what is to be done. Who is too slow for it "
        "is not counted as failed.",
    )
    retry_max_attempts: int = Field(3, ge=1, le=10, description="How often a model is asked for one answer.")
    retry_wait_min_seconds: float = Field(
        1.0, ge=0, description="Seconds of the shortest wait before it is asked again."
    )
    retry_wait_max_seconds: float = Field(
        10.0, gt=0, description="Seconds of the longest; who asks for more is passed over."
    )
    retry_budget_ratio: float = Field(
        0.2, ge=0, le=10, description="Retries that a call earns; ten more may be saved up."
    )
    breaker_failures: int = Field(5, ge=1, description="Failures in a row after which a model is left alone.")
    breaker_reset_seconds: float = Field(30.0, gt=0, description="Seconds until it is tried again, once.")
    hedge_quantile: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="When an answer has not begun within the time that this share of answers took (0.95), the next "
        "model is asked as well, and the first to speak wins. 0: never.",
    )
    model_max_concurrent_calls: int = Field(
        64, ge=1, description="Calls that one provider is sent at once by one process."
    )
    model_max_queued_calls: int = Field(256, ge=0, description="Calls that may wait for their turn at one provider.")
    model_queue_timeout_seconds: float = Field(30.0, gt=0, description="Seconds that a call waits for its turn.")
    cache_exact: Literal["off", "temperature_0", "all"] = Field(
        "temperature_0",
        description="Which calls are answered from memory where all that is asked is the same: those with temperature "
        "0, `all`, or none (`off`).",
    )
    cache_ttl_seconds: float = Field(3600.0, gt=0, description="Seconds that an answer is remembered.")
    cache_max_bytes: int = Field(
        64 * 1024 * 1024, ge=0, description="Bytes that one process remembers; with REDIS_URL it is remembered there."
    )
    cache_shared_by_tenant: bool = Field(
        False, description="Whether a person may be given what another of the same tenant was answered."
    )
    cache_semantic: bool = Field(
        False, description="Answer from memory also where the last question means the same, without tools and schemas."
    )
    cache_semantic_threshold: float = Field(
        0.97, gt=0, le=1, description="Cosine from which on two questions mean the same."
    )
    cache_semantic_max_entries: int = Field(
        256, ge=1, le=4096, description="Questions that are compared in one conversation."
    )
    embedding_model: str = Field(
        "embedded:minilm",
        description="What makes vectors of texts: a spec as models have (`openai:text-embedding-3-small`, `ollama:…`).",
    )
    run_max_tokens: int | None = Field(None, ge=1, description="Tokens that one run may spend. Unset: any number.")
    run_max_cost: Decimal | None = Field(None, gt=0, description="Dollars that one run may spend. Unset: any amount.")
    user_daily_token_limit: int | None = Field(
        None, ge=1, description="Tokens that one person may spend in a day (UTC)."
    )
    user_daily_cost_limit: Decimal | None = Field(None, gt=0, description="Dollars that one person may spend in a day.")
    user_monthly_token_limit: int | None = Field(None, ge=1, description="Tokens that one person may spend in a month.")
    user_monthly_cost_limit: Decimal | None = Field(
        None, gt=0, description="Dollars that one person may spend in a month."
    )
    tenant_daily_token_limit: int | None = Field(None, ge=1, description="Tokens that one tenant may spend in a day.")
    tenant_daily_cost_limit: Decimal | None = Field(
        None, gt=0, description="Dollars that one tenant may spend in a day."
    )
    tenant_monthly_token_limit: int | None = Field(
        None, ge=1, description="Tokens that one tenant may spend in a month."
    )
    tenant_monthly_cost_limit: Decimal | None = Field(
        None, gt=0, description="Dollars that one tenant may spend in a month."
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
