from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection, Error, InterfaceError, OperationalError
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

from storage.database import StorageFailed, StorageRejected
from storage.lease import FencedSaver
from storage.serializer import Serializer

_LINE = """
WITH RECURSIVE line(id, parent) AS (
    SELECT checkpoint_id, parent_checkpoint_id FROM checkpoints
    WHERE thread_id = %(thread)s AND checkpoint_ns = '' AND checkpoint_id = %(checkpoint)s
    UNION ALL
    SELECT c.checkpoint_id, c.parent_checkpoint_id FROM line JOIN checkpoints c
    ON c.thread_id = %(thread)s AND c.checkpoint_ns = '' AND c.checkpoint_id = line.parent
)
SELECT id FROM line
"""
_HAS_CHILD = """
SELECT checkpoint_id AS id FROM checkpoints
WHERE thread_id = %(thread)s AND checkpoint_ns = '' AND parent_checkpoint_id = %(checkpoint)s LIMIT 1
"""
# Of subgraphs, made within these of the whole graph.
_WITHIN = """
SELECT checkpoint_id AS id FROM checkpoints
WHERE thread_id = %(thread)s AND checkpoint_ns <> '' AND metadata -> 'parents' ->> '' = ANY(%(roots)s)
"""
# Of some of subgraphs: those up to the one that asked something last, and whether it is that one.
_UP_TO_INTERRUPT = """
WITH asked AS (
    SELECT checkpoint_ns AS ns, max(checkpoint_id) AS id FROM checkpoint_writes
    WHERE thread_id = %(thread)s AND channel = '__interrupt__' AND checkpoint_id = ANY(%(ids)s) GROUP BY checkpoint_ns
)
SELECT c.checkpoint_id AS id, c.checkpoint_id = asked.id AS asks FROM asked JOIN checkpoints c
ON c.thread_id = %(thread)s AND c.checkpoint_ns = asked.ns AND c.checkpoint_id <= asked.id
WHERE c.checkpoint_id = ANY(%(ids)s)
"""
_COPY_CHECKPOINTS = """
INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
SELECT %(to)s, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata FROM checkpoints
WHERE thread_id = %(thread)s AND checkpoint_id = ANY(%(ids)s)
"""
_COPY_BLOBS = """
INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
SELECT DISTINCT ON (b.checkpoint_ns, b.channel, b.version)
    %(to)s, b.checkpoint_ns, b.channel, b.version, b.type, b.blob
FROM checkpoints c
CROSS JOIN LATERAL jsonb_each_text(c.checkpoint -> 'channel_versions') AS v
JOIN checkpoint_blobs b ON b.thread_id = %(thread)s AND b.checkpoint_ns = c.checkpoint_ns
    AND b.channel = v.key AND b.version = v.value
WHERE c.thread_id = %(to)s
"""
_COPY_WRITES = """
INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
SELECT %(to)s, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob FROM checkpoint_writes
WHERE thread_id = %(thread)s AND checkpoint_id = ANY(%(ids)s)
"""
_COPY_INTERRUPTS = f"{_COPY_WRITES} AND channel = '__interrupt__'"

_OLD = """
SELECT checkpoint_id AS id FROM checkpoints
WHERE thread_id = %(thread)s AND checkpoint_ns = '' ORDER BY checkpoint_id DESC OFFSET %(keep)s
"""
# Counters in the metadata, or a snapshot: a `true` in the checkpoint with a blob behind it.
_DELTA_CHANNELS = """
SELECT c.checkpoint_id AS id FROM checkpoints c WHERE c.thread_id = %(thread)s AND (
    c.metadata ? 'counters_since_delta_snapshot' OR EXISTS (
        SELECT 1 FROM jsonb_each(c.checkpoint -> 'channel_values') AS v
        JOIN checkpoint_blobs b ON b.thread_id = c.thread_id AND b.checkpoint_ns = c.checkpoint_ns
            AND b.channel = v.key AND b.version = c.checkpoint -> 'channel_versions' ->> v.key
        WHERE v.value = 'true'::jsonb
    )
) LIMIT 1
"""
# Of subgraphs that remember from call to call.
_KEPT_CHECKPOINTS = """
SELECT max(checkpoint_id) AS id FROM checkpoints
WHERE thread_id = %(thread)s AND checkpoint_ns <> '' AND position(':' IN checkpoint_ns) = 0 GROUP BY checkpoint_ns
"""
_DROP_WRITES = "DELETE FROM checkpoint_writes WHERE thread_id = %(thread)s AND checkpoint_id = ANY(%(ids)s)"
_DROP_CHECKPOINTS = """
WITH dropped AS (
    DELETE FROM checkpoints WHERE thread_id = %(thread)s AND checkpoint_id = ANY(%(ids)s)
    RETURNING checkpoint_ns, checkpoint -> 'channel_versions' AS versions
)
SELECT DISTINCT d.checkpoint_ns AS ns, v.key AS channel, v.value AS version
FROM dropped d CROSS JOIN LATERAL jsonb_each_text(d.versions) AS v
"""
_USED = """
SELECT DISTINCT c.checkpoint_ns AS ns, v.key AS channel, v.value AS version
FROM checkpoints c CROSS JOIN LATERAL jsonb_each_text(c.checkpoint -> 'channel_versions') AS v
WHERE c.thread_id = %(thread)s
"""
_DROP_BLOB = """
DELETE FROM checkpoint_blobs
WHERE thread_id = %(thread)s AND checkpoint_ns = %(ns)s AND channel = %(channel)s AND version = %(version)s
"""
_DETACH_PARENTS = """
UPDATE checkpoints SET parent_checkpoint_id = NULL
WHERE thread_id = %(thread)s AND parent_checkpoint_id = ANY(%(ids)s)
"""

_Connection = AsyncConnection[DictRow]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except Error as error:
        kind = StorageFailed if isinstance(error, OperationalError | InterfaceError) else StorageRejected
        raise kind(f"The checkpoints failed: {' '.join(str(error).split())}") from error


_DROP_CHANNELS = """
DELETE FROM checkpoint_writes
WHERE thread_id = %(thread)s AND checkpoint_id >= %(since)s AND channel = ANY(%(channels)s)
"""


class PostgresSaver(FencedSaver, AsyncPostgresSaver):
    translate_errors = staticmethod(_translated)

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        super().__init__(pool, serde=Serializer())
        # LangGraph's lock guards one connection. Over a pool it would only have every run of the process wait behind
        # whichever connection is slowest.
        self._pool = pool
        self.lock = nullcontext()  # type: ignore[assignment]  # all that is asked of it is `async with`

    async def _drop_writes(self, thread: str, since: str, channels: Sequence[str]) -> None:
        given = {"thread": thread, "since": since, "channels": list(channels)}
        async with self._pool.connection() as connection:
            await connection.execute(_DROP_CHANNELS, given)


class PostgresCheckpoints:
    """Checkpoints in the database that replicas share."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._saver = PostgresSaver(pool)

    @property
    def saver(self) -> PostgresSaver:
        return self._saver

    async def delete_thread(self, thread: str) -> None:
        with _translated():
            await self._saver.adelete_thread(thread)

    async def copy(self, thread: str, checkpoint: str, *, to: str) -> bool:
        async with self._writing() as connection:
            line = await _ids(connection, _LINE, thread=thread, checkpoint=checkpoint)
            if not line:
                return False
            went_on = bool(await _ids(connection, _HAS_CHILD, thread=thread, checkpoint=checkpoint))
            whole, asking = (line[1:], [checkpoint]) if went_on else (line, [])
            whole += await _ids(connection, _WITHIN, thread=thread, roots=whole)
            if went_on:
                within = await _ids(connection, _WITHIN, thread=thread, roots=[checkpoint])
                for row in await _rows(connection, _UP_TO_INTERRUPT, thread=thread, ids=within):
                    (asking if row["asks"] else whole).append(row["id"])
            both = {"thread": thread, "to": to}
            await connection.execute(_COPY_CHECKPOINTS, {**both, "ids": [*whole, *asking]})
            await connection.execute(_COPY_BLOBS, both)
            await connection.execute(_COPY_WRITES, {**both, "ids": whole})
            await connection.execute(_COPY_INTERRUPTS, {**both, "ids": asking})
        return True

    async def prune(self, thread: str, *, keep: int) -> int:
        if keep == 0:
            return 0
        async with self._writing() as connection:
            old = await _ids(connection, _OLD, thread=thread, keep=keep)
            if not old or await _ids(connection, _DELTA_CHANNELS, thread=thread):
                return 0
            within = await _ids(connection, _WITHIN, thread=thread, roots=old)
            lasting = set(await _ids(connection, _KEPT_CHECKPOINTS, thread=thread))
            given: dict[str, Any] = {"thread": thread, "ids": [*old, *(one for one in within if one not in lasting)]}
            await connection.execute(_DROP_WRITES, given)
            freed = await _rows(connection, _DROP_CHECKPOINTS, **given)
            await connection.execute(_DETACH_PARENTS, given)
            await _drop_unused(connection, thread, freed)
        return len(old)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[_Connection]:
        with _translated():
            async with self._pool.connection() as connection, connection.transaction():
                yield connection


async def _drop_unused(connection: _Connection, thread: str, freed: Sequence[DictRow]) -> None:
    # Not joined in the database: for the few huge threads, which need it most, such a join is planned badly.
    rows = await _rows(connection, _USED, thread=thread)
    used = {(row["ns"], row["channel"], row["version"]) for row in rows}
    unused = [row for row in freed if (row["ns"], row["channel"], row["version"]) not in used]
    if unused:
        await connection.cursor().executemany(_DROP_BLOB, [{"thread": thread, **row} for row in unused])


async def _rows(connection: _Connection, statement: str, **given: Any) -> Sequence[DictRow]:
    return await (await connection.execute(statement, given)).fetchall()


async def _ids(connection: _Connection, statement: str, **given: Any) -> list[str]:
    return [row["id"] for row in await _rows(connection, statement, **given)]
