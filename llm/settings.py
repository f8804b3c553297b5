from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from llm.spec import ModelSpec


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
    embedded_threads: int = Field(2, ge=1, le=256, description="Threads of the embedded model's process.")
    embedded_slots: int = Field(4, ge=1, le=64, description="Answers that the embedded model writes side by side.")
    embedded_context: int = Field(
        8192, ge=512, le=8192, description="Tokens of context that the embedded model's answers share."
    )
    embedded_output: int = Field(
        1024, ge=16, le=8192, description="Tokens after which an answer of the embedded model ends, finished or not."
    )
    script: Path | None = Field(
        None, description="A JSON file that makes the provider `scripted`, a fake for tests and demos."
    )
    chat: tuple[str, ...] = Field(
        (), description="The `chat` profile: model specs, best first, with commas between. Empty: whatever is there."
    )
    connect_timeout: float = Field(5.0, gt=0, description="Seconds to reach a provider.")
    first_token_timeout: float = Field(
        60.0, gt=0, description="Seconds to the first token; for a plain call, to its end."
    )
    gap_timeout: float = Field(60.0, gt=0, description="Seconds of silence within an answer.")
    total_timeout: float = Field(600.0, gt=0, description="Seconds that one answer of one model may take.")
    retry_attempts: int = Field(3, ge=1, le=10, description="How often a model is asked for one answer.")
    retry_wait_least: float = Field(1.0, ge=0, description="Seconds of the shortest wait before it is asked again.")
    retry_wait_most: float = Field(10.0, gt=0, description="Seconds of the longest; who asks for more is passed over.")
    retry_share: float = Field(0.2, ge=0, le=10, description="Retries that a call earns; ten more may be saved up.")
    breaker_failures: int = Field(5, ge=1, description="Failures in a row after which a model is left alone.")
    breaker_seconds: float = Field(30.0, gt=0, description="Seconds until it is tried again, once.")

    @property
    def silence(self) -> float:
        """Seconds after which a provider's client gives up by itself: later than the deadlines, which say it better."""
        return max(self.first_token_timeout, self.gap_timeout) + 5

    @field_validator("chat")
    @classmethod
    def _are_specs(cls, specs: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ModelSpec.parse(spec)) for spec in specs)

    @field_validator("openai_base_url", "ollama_base_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no http(s) address")
        if urlsplit(url).port == 0 or not urlsplit(url).hostname:
            raise ValueError(f"{url!r} names no host to ask")
        return url.rstrip("/")
