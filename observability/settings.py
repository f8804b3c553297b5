import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

Level = Literal["debug", "info", "warning", "error"]
_PACKAGE_LEVEL = re.compile(rf"[A-Za-z_][\w.]*=(?:{'|'.join(get_args(Level))})")
_Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


class ObservabilitySettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    log_level: Level = Field("info", description="Minimum log level; for libraries at least `info`.")
    log_levels: tuple[str, ...] = Field(
        (),
        description="Levels of single packages, comma-separated: `storage=debug,httpx=error`. "
        "At `debug`, libraries log user text.",
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="`auto` is JSON, or plain text in a terminal."
    )
    langfuse_public_key: str | None = Field(
        None, description="Langfuse public key; with the secret key, spans are sent to Langfuse."
    )
    langfuse_secret_key: SecretStr | None = Field(None, description="Langfuse's secret key.")
    langfuse_base_url: _Url = Field("https://cloud.langfuse.com", description="Langfuse URL.")
    otlp_base_url: _Url | None = Field(
        None,
        description="OTLP collector (HTTP), for example `http://collector:4318`; traces go to its `/v1/traces`.",
    )
    otlp_endpoint: _Url | None = Field(
        None, description="Full URL for traces instead, for example `http://collector:4318/v1/traces`."
    )
    otlp_headers: SecretStr | None = Field(
        None, description="Headers for this collector only: `name=value`, comma-separated."
    )
    otlp_certificate: Path | None = Field(None, description="CA bundle (PEM) to verify the collector.")
    otlp_client_certificate: Path | None = Field(None, description="Client certificate (PEM) for the collector.")
    otlp_client_key: Path | None = Field(None, description="Key of the client certificate (PEM), if in another file.")
    service_name: str = Field("agenkit", max_length=200, description="`service.name` of every span.")
    sentry_dsn: SecretStr | None = Field(
        None, description="Errors go to Sentry too, scrubbed; needs the extra `sentry` (`pip install agenkit[sentry]`)."
    )
    trace_content: bool = Field(True, description="Record prompts and answers in spans, redacted.")
    trace_sample_rate: float = Field(
        1.0, ge=0, le=1, description="Share of runs that are traced (0 to 1); a run is traced wholly or not at all."
    )
    trace_retention_days: float = Field(30.0, ge=0, description="Days to keep spans in the database; 0: forever.")
    environment: str = Field(
        "production",
        pattern=r"^[a-z0-9_-]{1,40}$",
        description="Environment on every span: `production`, `staging`, …",
    )
    release: str = Field("", max_length=200, description="Release on every span.")

    @field_validator("log_levels")
    @classmethod
    def _are_levels(cls, levels: tuple[str, ...]) -> tuple[str, ...]:
        for told in levels:
            if not _PACKAGE_LEVEL.fullmatch(told):
                raise ValueError(f"{told!r} is no PACKAGE=LEVEL; levels are {', '.join(get_args(Level))}")
        return levels

    @property
    def package_levels(self) -> Mapping[str, str]:
        return dict(told.split("=") for told in self.log_levels)

    @property
    def traces_endpoint(self) -> str | None:
        """The full address of a collector."""
        if self.otlp_endpoint or self.otlp_base_url is None:
            return self.otlp_endpoint
        return f"{self.otlp_base_url.rstrip('/')}/v1/traces"

    @field_validator("langfuse_public_key")
    @classmethod
    def _is_key(cls, key: str | None) -> str | None:
        return key or None

    @model_validator(mode="after")
    def _has_both_keys(self) -> "ObservabilitySettings":
        if (self.langfuse_public_key is None) != (self.langfuse_secret_key is None):
            raise ValueError("Langfuse needs both of its keys")
        return self
