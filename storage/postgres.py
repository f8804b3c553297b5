"""Connections to PostgreSQL that notice when the other side has fallen silent.

Loads libpq, which who runs embedded does not need.
"""

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from psycopg import AsyncConnection
from psycopg.abc import PQGen
from psycopg.rows import DictRow

from storage.settings import StorageSettings

# How long a server that still speaks may take beyond its own limit of a statement before its connection counts as dead.
_MARGIN_SECONDS = 2.0
# In seconds, and how many: on both sides.
_KEEPALIVES: Mapping[str, int] = {"idle": 10, "interval": 5, "count": 3}


def connection_parameters(settings: StorageSettings) -> Mapping[str, Any]:
    """libpq's parameters: how long a connection and a statement may take, and when a peer counts as gone."""
    milliseconds = round(settings.statement_timeout_seconds * 1000)
    server = {
        "statement_timeout": milliseconds,
        # The locks of a client that died with its machine, or stands still, are not kept for those who come after.
        "idle_in_transaction_session_timeout": milliseconds,
        **{f"tcp_keepalives_{name}": value for name, value in _KEEPALIVES.items()},
    }
    limits: dict[str, Any] = {
        "connect_timeout": max(2, round(settings.pool_timeout_seconds / 2)),
        "tcp_user_timeout": milliseconds,
        **{f"keepalives_{name}": value for name, value in _KEEPALIVES.items()},
        "options": " ".join(f"-c {name}={value}" for name, value in server.items()),
    }
    # What the address says itself counts.
    return {name: value for name, value in limits.items() if name not in settings.database.query}


class BoundedConnection(AsyncConnection[DictRow]):
    """A connection that is cut when an answer takes longer than `answer_seconds`.

    Neither keep-alives nor the server's own limits see a proxy that takes bytes and gives none back; and a cancel of
    psycopg's waits for the same connection to say that it was cancelled.
    """

    answer_seconds = 10.0 + _MARGIN_SECONDS

    async def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ASYNC109  # psycopg's signature
        # One timer for each round trip: what it does when it rings is rare.
        cut = asyncio.get_running_loop().call_later(self.answer_seconds, self._cut)
        try:
            return await super().wait(gen, interval, timeout)
        finally:
            cut.cancel()

    def _cut(self) -> None:
        # The waiting call then hears what it would hear of a connection that was closed.
        with suppress(OSError), socket.socket(fileno=os.dup(self.pgconn.socket)) as own:
            own.shutdown(socket.SHUT_RDWR)


def bounded_connection(settings: StorageSettings) -> type[BoundedConnection]:
    return type(
        "BoundedConnection",
        (BoundedConnection,),
        {"answer_seconds": settings.statement_timeout_seconds + _MARGIN_SECONDS},
    )
