from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


class StorageSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Field(Path(".agenkit"), description="The folder of the embedded database and checkpoints.")
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL (`postgresql://…`) or another SQLite file; without it, SQLite in AGENKIT_DATA."
    )
    redis_url: SecretStr | None = Field(
        None, description="Redis, for what replicas share: the states of breakers, and remembered answers."
    )
    redis_prefix: str = Field(
        "agenkit:",
        description="What the names of our keys in Redis begin with; another for each deployment that shares it.",
    )
    run_attempts: int = Field(
        2,
        ge=1,
        le=10,
        description="How many processes may drive one run: after the first has died, the next goes on "
        "from the thread's last checkpoint. 1: such a run is ended.",
    )
    log_seconds: float = Field(3600.0, ge=0, description="Seconds that the events of a run are kept after its end.")
    log_bytes: int = Field(
        8 * 1024 * 1024, ge=65536, description="Bytes of one run's events before the first of them are folded together."
    )
    migrate: Literal["auto", "on", "off"] = Field(
        "auto", description="Bring the schema up to date at start-up: `auto` does it on SQLite, `on` everywhere."
    )
    pool_size: int = Field(5, ge=1, le=200, description="Database connections kept open (PostgreSQL).")
    pool_overflow: int = Field(10, ge=0, le=200, description="Connections beyond them in a rush (PostgreSQL).")
    pool_timeout: float = Field(10.0, gt=0, description="Seconds to wait for a connection (PostgreSQL).")
    pool_recycle: float = Field(1800.0, gt=0, description="Seconds after which a connection is made anew (PostgreSQL).")
    lease: float = Field(
        15.0, ge=1, le=3600, description="Seconds without a heartbeat after which a run counts as lost."
    )

    checkpoints_kept: int = Field(
        100, ge=0, description="The newest checkpoints of a thread that are kept; forks reach no further back. 0: all."
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

    @property
    def database(self) -> URL:
        """The address with the driver that we use, whatever driver the setting names."""
        if self.database_url is None:
            return URL.create("sqlite+aiosqlite", database=str(self.data / "agenkit.db"))
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
