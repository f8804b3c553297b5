from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


class StorageSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(Path(".agenkit"), description="Folder of the embedded database and its checkpoints.")
    database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL (`postgresql://…`) or another SQLite file; without it, SQLite in AGENKIT_DATA_DIR.",
    )
    redis_url: SecretStr | None = Field(
        None, description="Redis, for what replicas share: event logs, circuit breakers, caches."
    )
    redis_prefix: str = Field(
        "agenkit:",
        description="Prefix of our Redis keys; use one per deployment on a shared Redis.",
    )
    run_max_attempts: int = Field(
        2,
        ge=1,
        le=10,
        description="How many processes may try one run: when one dies, the next continues "
        "from the thread's last checkpoint. 1: the run fails instead.",
    )
    review_retention_days: float = Field(365.0, ge=0, description="Days to keep reviews and feedback; 0: forever.")
    event_log_ttl_seconds: float = Field(3600.0, ge=0, description="Seconds to keep a run's events after its end.")
    event_log_max_bytes: int = Field(
        8 * 1024 * 1024,
        ge=65536,
        description="Maximum size of one run's event log in bytes; older events are then compacted.",
    )
    migrate: Literal["auto", "on", "off"] = Field(
        "auto", description="Upgrade the schema at start: `auto` does so on SQLite, `on` everywhere."
    )
    pool_size: int = Field(5, ge=1, le=200, description="Open database connections to keep (PostgreSQL).")
    pool_overflow: int = Field(10, ge=0, le=200, description="Additional connections under load (PostgreSQL).")
    pool_timeout_seconds: float = Field(10.0, gt=0, description="Seconds to wait for a connection (PostgreSQL).")
    pool_recycle_seconds: float = Field(
        1800.0, gt=0, description="Seconds after which a connection is replaced (PostgreSQL)."
    )
    statement_timeout_seconds: float = Field(
        10.0,
        ge=1,
        le=600,
        description="Timeout of one statement in seconds (PostgreSQL); not for migrations.",
    )
    retry_seconds: float = Field(
        60.0, ge=0, le=3600, description="Seconds that a run waits for an unavailable database before it fails."
    )
    run_lease_seconds: float = Field(
        6.0, ge=1, le=3600, description="Seconds without a heartbeat after which a run counts as lost."
    )

    blob_store_url: str | None = Field(
        None,
        description="Store for long artifact texts: a folder or `s3://bucket/prefix`; default: `blobs` "
        "in AGENKIT_DATA_DIR.",
    )
    s3_endpoint: str | None = Field(None, description="S3 endpoint if not AWS; `http://…` is accepted.")
    s3_region: str | None = Field(None, description="S3 region.")
    s3_key_id: str | None = Field(None, description="S3 access key id; default: AWS's credential chain.")
    s3_secret: SecretStr | None = Field(None, description="S3 secret access key.")
    s3_session_token: SecretStr | None = Field(None, description="S3 session token of temporary credentials.")
    artifact_max_bytes: int = Field(
        2_000_000, ge=1024, le=64 * 1024 * 1024, description="Maximum size of an artifact in bytes."
    )
    artifact_inline_max_bytes: int = Field(
        65536,
        ge=0,
        description="Artifact texts up to this many bytes are stored in the database, longer ones as blobs.",
    )
    artifact_cache_ttl_seconds: float = Field(86400.0, gt=0, description="Seconds to cache an artifact's text.")
    artifact_cache_max_bytes: int = Field(
        64 * 1024 * 1024, ge=0, description="Maximum size of the artifact cache in bytes, per process or in Redis."
    )

    max_checkpoints_per_thread: int = Field(
        100,
        ge=0,
        description="How many of a thread's newest checkpoints to keep; forks cannot go further back. 0: all.",
    )

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None:
            return url
        parsed = _parsed(url)
        in_memory = parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}
        if parsed.get_backend_name() not in _DRIVERS or in_memory:
            raise ValueError("expected postgresql://… or sqlite:///… with a file")
        return url

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("expected redis://…, rediss://… or unix://…")
        return url

    @field_validator("blob_store_url")
    @classmethod
    def _is_place(cls, blobs: str | None) -> str | None:
        if blobs is not None and "://" in blobs and not blobs.startswith(("s3://", "file://")):
            raise ValueError("expected a folder, file://… or s3://…")
        if blobs is not None and blobs.startswith("s3://") and not urlsplit(blobs).netloc:
            raise ValueError("expected s3://bucket or s3://bucket/prefix")
        return blobs

    @field_validator("s3_endpoint")
    @classmethod
    def _is_endpoint(cls, endpoint: str | None) -> str | None:
        if endpoint is not None and not endpoint.startswith(("http://", "https://")):
            raise ValueError("expected https://… or http://…")
        return endpoint

    @property
    def database(self) -> URL:
        """The address with the driver that we use, whatever driver the setting names."""
        if self.database_url is None:
            return URL.create("sqlite+aiosqlite", database=str(self.data_dir / "agenkit.db"))
        url = _parsed(self.database_url)
        return url.set(drivername=_DRIVERS[url.get_backend_name()])

    @property
    def embedded(self) -> bool:
        return self.database.get_backend_name() == "sqlite"

    @property
    def migrates_at_start(self) -> bool:
        return self.migrate == "on" or (self.migrate == "auto" and self.embedded)


def _parsed(url: SecretStr) -> URL:
    try:
        # SQLAlchemy does not know the short name that many hosts hand out.
        return make_url(url.get_secret_value().replace("postgres://", "postgresql://", 1))
    except ArgumentError:
        # Its own message would print the address, password and all.
        raise ValueError("expected postgresql://… or sqlite:///…") from None
