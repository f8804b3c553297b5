"""The schema, as it is now. How it came to be is in migrations/; a test holds that both say the same."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.types import TypeDecorator

KEY_LENGTH = 255

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """A point in time, in UTC on both sides: SQLite forgets zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, converter: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, converter: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _owner() -> tuple[Column[str], Column[str]]:
    return (
        Column("tenant_id", String(KEY_LENGTH), nullable=False),
        Column("user_id", String(KEY_LENGTH), nullable=False),
    )


# `id` is ours; `key` is the client's, and unique among one user's only.
threads = Table(
    "threads",
    metadata,
    Column("id", String(32), primary_key=True),
    *_owner(),
    Column("client_thread_id", String(KEY_LENGTH), nullable=False),
    Column("title", String(KEY_LENGTH)),
    # `user` or `model`.
    Column("title_source", String(16)),
    # The title as it is searched in: without capitals, and with one spelling for one letter.
    Column("title_folded", Text),
    Column("metadata", JSON, nullable=False, server_default=text("'{}'")),
    # Whose graph wrote the checkpoints that a fork began with; its runs are another thread's.
    Column("forked_agent_id", String(KEY_LENGTH)),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    # Made when the column was called `key`: SQLite cannot rename a constraint.
    UniqueConstraint("tenant_id", "user_id", "client_thread_id", name="uq_threads_tenant_id_user_id_key"),
    Index("ix_threads_updated", "tenant_id", "user_id", "updated_at", "id"),
    Index("ix_threads_created", "tenant_id", "user_id", "created_at", "id"),
)

# Ids whose checkpoints have no thread: it was deleted a moment ago, or is being made. What stays here is swept.
orphaned_threads = Table(
    "orphaned_threads",
    metadata,
    Column("id", String(32), primary_key=True),
    *_owner(),
    Column("since", Moment, nullable=False),
    Index("ix_orphaned_threads_since", "since"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(32), primary_key=True),
    *_owner(),
    Column("client_run_id", String(KEY_LENGTH), nullable=False),
    Column("thread_id", String(32), ForeignKey("threads.id", ondelete="CASCADE"), nullable=False),
    Column("agent_id", String(KEY_LENGTH), nullable=False),
    Column("model", String(KEY_LENGTH)),
    Column("status", String(16), nullable=False),
    Column("error_code", String(64)),
    Column("usage", JSON),
    Column("owner", String(64), nullable=False),
    Column("attempt", Integer, nullable=False),
    # What was asked, as a digest: the same asked again under the same key is the same run.
    Column("request_digest", String(64)),
    # What another process needs to go on with it.
    Column("request_json", JSON(none_as_null=True)),
    # What a service calls its request by, and that request's digest.
    Column("idempotency_key", String(KEY_LENGTH)),
    Column("idempotency_digest", String(64)),
    # Somebody wants it to end; its owner looks.
    Column("cancel_requested", Boolean, nullable=False, server_default=false()),
    Column("heartbeat_at", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("ended_at", Moment),
    UniqueConstraint("tenant_id", "user_id", "client_run_id", name="uq_runs_tenant_id_user_id_key"),
    UniqueConstraint("tenant_id", "user_id", "idempotency_key"),
    Index("ix_runs_thread_id_created_at", "thread_id", "created_at"),
    # Two runs never write one thread at once, whoever started them and wherever.
    Index(
        "uq_runs_one_running",
        "thread_id",
        unique=True,
        sqlite_where=text("status = 'running'"),
        postgresql_where=text("status = 'running'"),
    ),
    Index(
        "ix_runs_heartbeat_at",
        "heartbeat_at",
        sqlite_where=text("status IN ('queued', 'running')"),
        postgresql_where=text("status IN ('queued', 'running')"),
    ),
)

# The messages in which a run answered, by the ids that its client knows them by.
run_messages = Table(
    "run_messages",
    metadata,
    *_owner(),
    Column("run_id", String(32), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("message_id", String(KEY_LENGTH), primary_key=True),
    Index("ix_run_messages_message", "tenant_id", "user_id", "message_id"),
)

# Who is to be told how a run ended. `waiting` until it is `delivered` or `given_up`; `next_at` is when it is tried next
# and, while one process tries it, when another may.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(32), primary_key=True),
    *_owner(),
    Column("run_id", String(32), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("url", Text, nullable=False),
    Column("status", String(16), nullable=False),
    # What is told, from the end of the run until it has been told.
    Column("body", Text),
    Column("owner", String(64)),
    Column("attempt", Integer, nullable=False),
    Column("next_at", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("ended_at", Moment),
    UniqueConstraint("run_id"),
    Index(
        "ix_webhooks_next_at",
        "next_at",
        sqlite_where=text("status = 'waiting'"),
        postgresql_where=text("status = 'waiting'"),
    ),
)

# Agents that run by themselves. `next_at` is the occurrence that is next, and nothing where it is not enabled; whoever
# has the lease begins it.
schedules = Table(
    "schedules",
    metadata,
    Column("id", String(32), primary_key=True),
    *_owner(),
    Column("agent_id", String(KEY_LENGTH), nullable=False),
    Column("cron", String(KEY_LENGTH), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("input", JSON, nullable=False),
    # The client's name of the thread that all of its runs are on; without it, each has one of its own.
    Column("client_thread_id", String(KEY_LENGTH)),
    Column("next_at", Moment),
    Column("last_at", Moment),
    Column("last_client_run_id", String(KEY_LENGTH)),
    Column("last_error", String(64)),
    Column("skipped", Integer, nullable=False),
    Column("owner", String(64)),
    Column("leased_until", Moment),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Index("ix_schedules_created", "tenant_id", "user_id", "created_at", "id"),
    Index("ix_schedules_next_at", "next_at"),
)

# What was spent on a day (UTC). `cost` is in billionths of a dollar, of the calls whose price was known; the tokens of
# the others are `unpriced_tokens`.
usage = Table(
    "usage",
    metadata,
    Column("tenant_id", String(KEY_LENGTH), primary_key=True),
    Column("user_id", String(KEY_LENGTH), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("unpriced_tokens", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Index("ix_usage_tenant_id_day", "tenant_id", "day"),
)

# Texts that people and agents make. `id` is the public one too; `versions` is the highest number given so far, `tip` is
# the version that counts.
artifacts = Table(
    "artifacts",
    metadata,
    Column("id", String(32), primary_key=True),
    *_owner(),
    # Without a thread it stands alone.
    Column("thread_id", String(32), ForeignKey("threads.id", ondelete="CASCADE")),
    Column("name", String(KEY_LENGTH), nullable=False),
    # The name as it is searched in; see `threads.title_folded`.
    Column("name_folded", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("language", String(64)),
    Column("versions", Integer, nullable=False),
    Column("head_version", Integer, nullable=False),
    # The tip's, in bytes.
    Column("size", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Index("ix_artifacts_updated", "tenant_id", "user_id", "updated_at", "id"),
    # The thread first, so that one that is deleted finds its own.
    Index("ix_artifacts_thread", "thread_id", "tenant_id", "user_id", "updated_at", "id"),
    Index("ix_artifacts_kind", "tenant_id", "user_id", "kind", "updated_at", "id"),
)

# What versions say, once for each user. It is kept in `text`, or under the name `blob` in the store of blobs.
contents = Table(
    "contents",
    metadata,
    Column("tenant_id", String(KEY_LENGTH), primary_key=True),
    Column("user_id", String(KEY_LENGTH), primary_key=True),
    # SHA-256 of the text as UTF-8, in hex.
    Column("digest", String(64), primary_key=True),
    Column("size", Integer, nullable=False),
    Column("text", Text),
    Column("blob", String(KEY_LENGTH)),
    UniqueConstraint("blob"),
)

# A tree: `parent` is a lower number of the same artifact, and nothing for the first.
artifact_versions = Table(
    "artifact_versions",
    metadata,
    Column("artifact_id", String(32), ForeignKey("artifacts.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    *_owner(),
    Column("parent", Integer),
    Column("digest", String(64), nullable=False),
    Column("size", Integer, nullable=False),
    # `person`, `agent` or `tool`.
    Column("author", String(16), nullable=False),
    # The client's id of the run that wrote it.
    Column("client_run_id", String(KEY_LENGTH)),
    Column("note", Text, nullable=False),
    Column("conflicts", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    # What it is in; nothing for text, and for versions from before this was kept.
    Column("language", String(KEY_LENGTH)),
    # No content goes while a version has it, whoever looked and when.
    ForeignKeyConstraint(
        ["tenant_id", "user_id", "digest"], ["contents.tenant_id", "contents.user_id", "contents.digest"]
    ),
    Index("ix_artifact_versions_digest", "tenant_id", "user_id", "digest"),
)

# Who has the token may read, without being anybody. The token is not kept; without a `version` it is always the tip.
artifact_shares = Table(
    "artifact_shares",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("artifact_id", String(32), ForeignKey("artifacts.id", ondelete="CASCADE"), nullable=False),
    *_owner(),
    Column("token_digest", String(64), nullable=False),
    Column("version", Integer),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    UniqueConstraint("token_digest"),
    Index("ix_artifact_shares_created", "artifact_id", "created_at", "id"),
)

# What agents know of a person: how to write for them, and what is so.
memories = Table(
    "memories",
    metadata,
    Column("id", String(32), primary_key=True),
    *_owner(),
    # `style` or `fact`.
    Column("kind", String(16), nullable=False),
    Column("text", Text, nullable=False),
    # The client's id of the run that it was learnt in.
    Column("client_run_id", String(KEY_LENGTH)),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Index("ix_memories_created", "tenant_id", "user_id", "created_at", "id"),
)

# What a text was found to be. `told` is the whole verdict; `exported_at` is when Langfuse was told of it.
# A review that has something to tell as a score. A query that says it in other words is not answered from the index.
SCORED = "(score IS NOT NULL OR outcome = 'failed')"

reviews = Table(
    "reviews",
    metadata,
    Column("id", String(32), primary_key=True),
    *_owner(),
    Column("thread_id", String(32), ForeignKey("threads.id", ondelete="CASCADE")),
    # The client's ids of the run and the message.
    Column("client_run_id", String(KEY_LENGTH)),
    Column("message_id", String(KEY_LENGTH)),
    Column("agent_id", String(KEY_LENGTH)),
    Column("artifact_id", String(32), ForeignKey("artifacts.id", ondelete="CASCADE")),
    Column("version", Integer),
    # `passed`, `failed` or `not_judged`.
    Column("outcome", String(16), nullable=False),
    Column("score", Float),
    Column("judge", String(KEY_LENGTH)),
    Column("rubric", String(64), nullable=False),
    Column("rubric_version", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("verdict", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("exported_at", Moment),
    Index("ix_reviews_created", "tenant_id", "user_id", "created_at", "id"),
    Index("ix_reviews_run", "tenant_id", "user_id", "client_run_id", "created_at", "id"),
    Index("ix_reviews_thread_id", "thread_id"),
    Index(
        "ix_reviews_waiting",
        "created_at",
        sqlite_where=text(f"exported_at IS NULL AND {SCORED}"),
        postgresql_where=text(f"exported_at IS NULL AND {SCORED}"),
    ),
    Index("ix_reviews_artifact_id", "artifact_id"),
)

# What a person thinks of a message, once for each; `thumb` is -1 or 1, `score` from 0 to 1.
feedback = Table(
    "feedback",
    metadata,
    Column("tenant_id", String(KEY_LENGTH), primary_key=True),
    Column("user_id", String(KEY_LENGTH), primary_key=True),
    Column("message_id", String(KEY_LENGTH), primary_key=True),
    Column("client_run_id", String(KEY_LENGTH)),
    Column("thumb", Integer),
    Column("score", Float),
    Column("comment", Text),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("exported_at", Moment),
    Index(
        "ix_feedback_waiting",
        "updated_at",
        sqlite_where=text("exported_at IS NULL"),
        postgresql_where=text("exported_at IS NULL"),
    ),
)

# Scores, by their ids at Langfuse, whose reviews and feedback are here no longer.
score_deletions = Table(
    "score_deletions",
    metadata,
    Column("id", String(32), primary_key=True),
    *_owner(),
    Column("deleted_at", Moment, nullable=False),
    Index("ix_score_deletions_deleted_at", "deleted_at"),
)

# A run as one looks for it: its spans are told by `spans`. `error` is a stable code; `cost` in billionths of a dollar.
traces = Table(
    "traces",
    metadata,
    # Whoever calls may say which trace its work belongs to: an id is one user's only.
    Column("tenant_id", String(KEY_LENGTH), primary_key=True),
    Column("user_id", String(KEY_LENGTH), primary_key=True),
    Column("id", String(32), primary_key=True),
    Column("agent_id", String(KEY_LENGTH)),
    # The client's ids of the thread and the run.
    Column("client_thread_id", String(KEY_LENGTH)),
    Column("client_run_id", String(KEY_LENGTH)),
    Column("name", String(KEY_LENGTH), nullable=False),
    Column("error", String(64)),
    Column("started_at", Moment, nullable=False),
    Column("duration_ns", BigInteger, nullable=False),
    Column("span_count", Integer, nullable=False),
    Index("ix_traces_began", "tenant_id", "user_id", "started_at", "id"),
    Index("ix_traces_age", "started_at"),
)

# Spans that say of which run and thread a trace is, for whoever looks for one. A query that says it in other words is
# not answered from the index.
HEADS = "kind IN ('run', 'request')"

# `began` and `ended` are nanoseconds since 1970: what happened within a millisecond keeps its order.
spans = Table(
    "spans",
    metadata,
    Column("tenant_id", String(KEY_LENGTH), primary_key=True),
    Column("user_id", String(KEY_LENGTH), primary_key=True),
    Column("trace_id", String(32), primary_key=True),
    Column("id", String(16), primary_key=True),
    Column("parent_id", String(16)),
    Column("name", String(KEY_LENGTH), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("agent_id", String(KEY_LENGTH)),
    Column("client_thread_id", String(KEY_LENGTH)),
    Column("client_run_id", String(KEY_LENGTH)),
    Column("error", String(64)),
    Column("started_ns", BigInteger, nullable=False),
    Column("ended_ns", BigInteger, nullable=False),
    Column("attributes", JSON, nullable=False),
    Index("ix_spans_began", "started_ns"),
    *(
        Index(
            f"ix_spans_{of.removeprefix('client_').removesuffix('_id')}",
            *("tenant_id", "user_id", of, "trace_id"),
            sqlite_where=text(HEADS),
            postgresql_where=text(HEADS),
        )
        for of in ("client_run_id", "client_thread_id")
    ),
)
