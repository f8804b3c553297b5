import json
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from storage.database import StorageFailed, StorageRejected
from storage.lease import FencedSaver

_LINE = """
WITH RECURSIVE line(id, parent) AS (
    SELECT checkpoint_id, parent_checkpoint_id FROM checkpoints
    WHERE thread_id = :thread AND checkpoint_ns = '' AND checkpoint_id = :checkpoint
    UNION ALL
    SELECT c.checkpoint_id, c.parent_checkpoint_id FROM line JOIN checkpoints c
    ON c.thread_id = :thread AND c.checkpoint_ns = '' AND c.checkpoint_id = line.parent
)
SELECT id FROM line
"""
_HAS_CHILD = """
SELECT 1 FROM checkpoints
WHERE thread_id = :thread AND checkpoint_ns = '' AND parent_checkpoint_id = :checkpoint LIMIT 1
"""
# Of subgraphs, made within these of the whole graph.
_WITHIN = """
SELECT checkpoint_id FROM checkpoints WHERE thread_id = :thread AND checkpoint_ns <> ''
AND json_extract(CAST(metadata AS TEXT), '$.parents.""') IN (SELECT value FROM json_each(:roots))
"""
# Of some of subgraphs: those up to the one that asked something last, and whether it is that one.
_UP_TO_INTERRUPT = """
WITH asked AS (
    SELECT checkpoint_ns AS ns, max(checkpoint_id) AS id FROM writes
    WHERE thread_id = :thread AND channel = '__interrupt__' AND checkpoint_id IN (SELECT value FROM json_each(:ids))
    GROUP BY checkpoint_ns
)
SELECT c.checkpoint_id, c.checkpoint_id = asked.id FROM asked JOIN checkpoints c
ON c.thread_id = :thread AND c.checkpoint_ns = asked.ns AND c.checkpoint_id <= asked.id
WHERE c.checkpoint_id IN (SELECT value FROM json_each(:ids))
"""
_COPY_CHECKPOINTS = """
INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
SELECT :to, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata FROM checkpoints
WHERE thread_id = :thread AND checkpoint_id IN (SELECT value FROM json_each(:ids))
"""
_COPY_WRITES = """
INSERT INTO writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value)
SELECT :to, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value FROM writes
WHERE thread_id = :thread AND checkpoint_id IN (SELECT value FROM json_each(:ids))
"""
_COPY_INTERRUPTS = f"{_COPY_WRITES} AND channel = '__interrupt__'"

_OLD = """
SELECT checkpoint_id FROM checkpoints
WHERE thread_id = :thread AND checkpoint_ns = '' ORDER BY checkpoint_id DESC LIMIT -1 OFFSET :keep
"""
_DELTA_CHANNELS = """
SELECT 1 FROM checkpoints WHERE thread_id = :thread
AND json_extract(CAST(metadata AS TEXT), '$.counters_since_delta_snapshot') IS NOT NULL LIMIT 1
"""
# Of subgraphs that remember from call to call.
_KEPT_CHECKPOINTS = """
SELECT max(checkpoint_id) FROM checkpoints
WHERE thread_id = :thread AND checkpoint_ns <> '' AND instr(checkpoint_ns, ':') = 0 GROUP BY checkpoint_ns
"""
_DROP = (
    "DELETE FROM writes WHERE thread_id = :thread AND checkpoint_id IN (SELECT value FROM json_each(:ids))",
    "DELETE FROM checkpoints WHERE thread_id = :thread AND checkpoint_id IN (SELECT value FROM json_each(:ids))",
    """
    UPDATE checkpoints SET parent_checkpoint_id = NULL
    WHERE thread_id = :thread AND parent_checkpoint_id IN (SELECT value FROM json_each(:ids))
    """,
)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        kind = StorageFailed if isinstance(error, sqlite3.OperationalError) else StorageRejected
        raise kind(f"The checkpoints failed: {error}") from error


_DROP_CHANNELS = """
DELETE FROM writes WHERE thread_id = :thread AND checkpoint_id >= :since
AND channel IN (SELECT value FROM json_each(:channels))
"""


class SqliteSaver(FencedSaver, AsyncSqliteSaver):
    translate_errors = staticmethod(_translated)

    async def _drop_writes(self, thread: str, since: str, channels: Sequence[str]) -> None:
        given = {"thread": thread, "since": since, "channels": json.dumps(channels)}
        async with self.lock:
            await self.conn.execute(_DROP_CHANNELS, given)
            await self.conn.commit()


class SqliteCheckpoints:
    """Checkpoints in a file, over the saver's own connection and under its lock."""

    def __init__(self, saver: SqliteSaver) -> None:
        self._saver = saver

    @property
    def saver(self) -> SqliteSaver:
        return self._saver

    async def delete_thread(self, thread: str) -> None:
        with _translated():
            await self._saver.adelete_thread(thread)

    async def copy(self, thread: str, checkpoint: str, *, to: str) -> bool:
        place = {"thread": thread, "checkpoint": checkpoint}
        async with self._writing():
            line = await self._column(_LINE, **place)
            if not line:
                return False
            went_on = bool(await self._column(_HAS_CHILD, **place))
            whole, asking = (line[1:], [checkpoint]) if went_on else (line, [])
            whole += await self._column(_WITHIN, thread=thread, roots=json.dumps(whole))
            if went_on:
                within = await self._column(_WITHIN, thread=thread, roots=json.dumps([checkpoint]))
                for one, asks in await self._rows(_UP_TO_INTERRUPT, thread=thread, ids=json.dumps(within)):
                    (asking if asks else whole).append(one)
            await self._do(_COPY_CHECKPOINTS, thread=thread, to=to, ids=json.dumps([*whole, *asking]))
            await self._do(_COPY_WRITES, thread=thread, to=to, ids=json.dumps(whole))
            await self._do(_COPY_INTERRUPTS, thread=thread, to=to, ids=json.dumps(asking))
        return True

    async def prune(self, thread: str, *, keep: int) -> int:
        if keep == 0:
            return 0
        async with self._writing():
            old = await self._column(_OLD, thread=thread, keep=keep)
            if not old or await self._column(_DELTA_CHANNELS, thread=thread):
                return 0
            within = await self._column(_WITHIN, thread=thread, roots=json.dumps(old))
            lasting = set(await self._column(_KEPT_CHECKPOINTS, thread=thread))
            dropped = json.dumps([*old, *(one for one in within if one not in lasting)])
            for statement in _DROP:
                await self._do(statement, thread=thread, ids=dropped)
        return len(old)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[None]:
        connection = self._saver.conn
        with _translated():
            async with self._saver.lock:
                await connection.execute("BEGIN IMMEDIATE")
                try:
                    yield
                except BaseException:
                    await connection.rollback()
                    raise
                await connection.commit()

    async def _rows(self, statement: str, **given: object) -> Iterable[sqlite3.Row]:
        return await self._saver.conn.execute_fetchall(statement, given)

    async def _column(self, statement: str, **given: object) -> list[str]:
        return [row[0] for row in await self._rows(statement, **given)]

    async def _do(self, statement: str, **given: object) -> None:
        await self._saver.conn.execute(statement, given)
