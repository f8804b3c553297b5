"""Waiting for a database that is away: runs do, requests do not."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import TypeVar

from observability.logs import get_logger
from storage.database import StorageFailed, StorageRejected

T = TypeVar("T")

_log = get_logger(__name__)

_FIRST_WAIT_SECONDS = 0.1
_MAX_WAIT_SECONDS = 2.0

_timeout: ContextVar[float] = ContextVar("storage_timeout", default=0.0)


@contextmanager
def wait_for_storage(seconds: float) -> Iterator[None]:
    """What is done in here waits that long for a database that is away, operation by operation."""
    token = _timeout.set(seconds)
    try:
        yield
    finally:
        _timeout.reset(token)


async def retry(operation: Callable[[], Awaitable[T]]) -> T:
    """Do an operation, which may be done twice, until the database takes it. Raises `StorageFailed`."""
    until, wait = monotonic() + _timeout.get(), _FIRST_WAIT_SECONDS
    while True:
        try:
            return await operation()
        except StorageRejected:
            raise
        except StorageFailed as error:
            if monotonic() + wait > until:
                raise
            _log.warning("storage_unavailable", error=str(error), wait_seconds=wait)
        await asyncio.sleep(wait)
        wait = min(2 * wait, _MAX_WAIT_SECONDS)
