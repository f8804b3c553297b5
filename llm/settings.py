from pathlib import Path

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
    script: Path | None = Field(
        None, description="A JSON file that makes the provider `scripted`, a fake for tests and demos."
    )
    chat: tuple[str, ...] = Field(
        (), description="The `chat` profile: model specs, best first, with commas between. Empty: whatever is there."
    )
    timeout: float = Field(60.0, gt=0, description="Seconds that a provider may be silent.")

    @field_validator("chat")
    @classmethod
    def _are_specs(cls, specs: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ModelSpec.parse(spec)) for spec in specs)

    @field_validator("openai_base_url", "ollama_base_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no http(s) address")
        return url.rstrip("/")
