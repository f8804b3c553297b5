"""tables, columns and stored values have the names of docs/glossary.md"""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# By table. SQLite and PostgreSQL rename a column in place, in its indexes and constraints as well.
_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "threads": {"key": "client_thread_id", "title_by": "title_source"},
    "runs": {
        "key": "client_run_id",
        "asked": "request_json",
        "stop_asked": "cancel_requested",
        "beat_at": "heartbeat_at",
        "request": "request_digest",
        "idempotency_request": "idempotency_digest",
    },
    "run_messages": {"message": "message_id"},
    "schedules": {"thread": "client_thread_id", "last_run": "last_client_run_id"},
    "artifacts": {"tip": "head_version"},
    "artifact_versions": {"run": "client_run_id"},
    "memories": {"source": "client_run_id"},
    "reviews": {"run": "client_run_id", "message": "message_id", "told": "verdict"},
    "feedback": {"run": "client_run_id", "message": "message_id"},
    "traces": {
        "thread": "client_thread_id",
        "run": "client_run_id",
        "began_at": "started_at",
        "nanoseconds": "duration_ns",
        "spans": "span_count",
    },
    "spans": {
        "thread": "client_thread_id",
        "run": "client_run_id",
        "parent": "parent_id",
        "began": "started_ns",
        "ended": "ended_ns",
    },
}
_CODES = {
    "interrupted": "run_lost",
    "model_refused": "provider_rejected",
    "model_lacks": "capability_unsupported",
    "run_limit": "run_budget_exceeded",
    "thread_waits": "thread_awaiting_input",
    "no_model": "no_model_available",
    "unknown_agent": "agent_not_found",
    "unknown_model": "model_not_found",
    "unknown_profile": "profile_not_found",
    "unknown_artifact": "artifact_not_found",
}
_CODE_COLUMNS = {"runs": "error_code", "schedules": "last_error", "traces": "error", "spans": "error"}
_VERDICT = {"spread": "scoreStdDev", "levels": "dimensionScores", "notJudged": "notJudgedReason"}
_FINDING = {"by": "source"}
_REQUEST = {"quality": "reviewMode", "wishes": "options"}
_ACTIVE = "status IN ('queued', 'running')"
_BATCH_SIZE = 500

Renames = Mapping[str, str]


def upgrade() -> None:
    for table, columns in _COLUMNS.items():
        _rename_columns(table, columns)
    _rename_table("strays", "orphaned_threads", "since")
    _rename_heartbeat_index("beat_at", "heartbeat_at")
    _rename_codes(_CODES)
    op.execute("UPDATE threads SET title_source = 'user' WHERE title_source = 'person'")
    _rewrite_json("reviews", "verdict", lambda verdict: _rename_verdict(verdict, _VERDICT, _FINDING))
    _rewrite_json("runs", "request_json", lambda request: _rename_keys(request, _REQUEST), where=_ACTIVE)


def downgrade() -> None:
    _rewrite_json("runs", "request_json", lambda request: _rename_keys(request, _swap(_REQUEST)), where=_ACTIVE)
    _rewrite_json("reviews", "verdict", lambda verdict: _rename_verdict(verdict, _swap(_VERDICT), _swap(_FINDING)))
    op.execute("UPDATE threads SET title_source = 'person' WHERE title_source = 'user'")
    _rename_codes(_swap(_CODES))
    _rename_heartbeat_index("heartbeat_at", "beat_at")
    _rename_table("orphaned_threads", "strays", "since")
    for table, columns in _COLUMNS.items():
        _rename_columns(table, _swap(columns))


def _swap(renames: Renames) -> Renames:
    return {new: old for old, new in renames.items()}


def _rename_columns(table: str, columns: Renames) -> None:
    for old, new in columns.items():
        op.execute(f'ALTER TABLE {table} RENAME COLUMN "{old}" TO "{new}"')


def _rename_table(old: str, new: str, indexed: str) -> None:
    op.drop_index(f"ix_{old}_{indexed}", old)
    op.rename_table(old, new)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {new} RENAME CONSTRAINT pk_{old} TO pk_{new}")
    op.create_index(f"ix_{new}_{indexed}", new, [indexed])


def _rename_heartbeat_index(old: str, new: str) -> None:
    # SQLite cannot rename an index; it is small, of active runs only.
    op.drop_index(f"ix_runs_{old}", "runs")
    where = sa.text(_ACTIVE)
    op.create_index(f"ix_runs_{new}", "runs", ["heartbeat_at"], sqlite_where=where, postgresql_where=where)


def _rename_codes(codes: Renames) -> None:
    for table, name in _CODE_COLUMNS.items():
        rows = sa.table(table, sa.column(name, sa.String))
        for old, new in codes.items():
            op.execute(sa.update(rows).where(rows.c[name] == old).values({name: new}))


def _rename_keys(value: Mapping[str, Any], names: Renames) -> dict[str, Any]:
    return {names.get(name, name): item for name, item in value.items()}


def _rename_verdict(verdict: Mapping[str, Any], names: Renames, finding: Renames) -> dict[str, Any]:
    renamed = _rename_keys(verdict, names)
    if "findings" in renamed:
        renamed["findings"] = [_rename_keys(each, finding) for each in renamed["findings"]]
    return renamed


def _rewrite_json(
    table: str, column: str, rewrite: Callable[[Mapping[str, Any]], Mapping[str, Any]], where: str = "1 = 1"
) -> None:
    """In batches by id: a table may be larger than the memory."""
    rows = sa.table(table, sa.column("id", sa.String), sa.column(column, sa.JSON))
    bind, last = op.get_bind(), ""
    while True:
        query = sa.select(rows.c.id, rows.c[column]).where(rows.c.id > last, sa.text(where))
        found = bind.execute(query.order_by(rows.c.id).limit(_BATCH_SIZE)).all()
        for row in found:
            if isinstance(row[1], Mapping):
                bind.execute(sa.update(rows).where(rows.c.id == row.id).values({column: rewrite(row[1])}))
        if len(found) < _BATCH_SIZE:
            return
        last = found[-1].id
