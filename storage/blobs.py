"""Long texts, outside of the database: in a folder, or in an S3 that replicas share.

Every blob has a name that nobody else was given, so that who takes one away never takes another's.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from storage.caller import Caller
from storage.database import StorageFailed
from storage.settings import StorageSettings

if TYPE_CHECKING:
    # Their package has these for the eyes of type checkers only.
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, S3Config

T = TypeVar("T")

_CONNECT_SECONDS = timedelta(seconds=3)
_ANSWER_SECONDS = timedelta(seconds=10)
_RETRIES = 2
_MAX_CONCURRENT = 16
# As many as S3 deletes, or lists, in one request.
_PAGE_SIZE = 1000


class BlobLost(StorageFailed):
    """A blob that should be there is not, or is not what was put there."""


_OURS = re.compile(r"[0-9a-f]{32}/[0-9a-f]{2}/[0-9a-f]{64}\.[0-9a-f]{16}")


class Blobs:
    """Whole values under names, written once.

    The library's own coroutines abort the process that ends right behind them, and speak to loops that are closed:
    its blocking calls, on threads of our own, do neither.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(_MAX_CONCURRENT, thread_name_prefix="blobs")

    async def put(self, caller: Caller, digest: str, data: bytes) -> str:
        """The name of the new blob. Raises `StorageFailed`."""
        name = f"{caller_folder(caller)}/{digest[:2]}/{digest}.{uuid4().hex[:16]}"
        await self._run(lambda: self._store.put(name, data))
        return name

    async def get(self, name: str) -> bytes:
        """Raises `BlobLost` or `StorageFailed`."""
        return await self._run(lambda: _get(self._store, name))

    async def delete(self, names: Sequence[str]) -> None:
        """One that is not there is fine. Raises `StorageFailed`."""
        for begin in range(0, len(names), _PAGE_SIZE):
            await self._run(partial(_delete, self._store, names[begin : begin + _PAGE_SIZE]))

    async def list_older(self, moment: datetime) -> AsyncIterator[Sequence[str]]:
        """The names of blobs that were put before a moment, in parts. Raises `StorageFailed`."""
        listed = self._store.list(chunk_size=_PAGE_SIZE)
        while part := await self._run(lambda: _next(listed)):
            # A folder or a bucket may hold what is somebody else's: only what has a name as we give them is ours.
            yield [each["path"] for each in part if each["last_modified"] < moment and _OURS.fullmatch(each["path"])]

    async def ping(self) -> None:
        """Raises `StorageFailed`."""
        await self._run(lambda: _next(self._store.list(chunk_size=1)))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        with _translated():
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)


@asynccontextmanager
async def open_blobs(settings: StorageSettings) -> AsyncIterator[Blobs]:
    """Where `settings.blobs` says. Raises `StorageFailed` where that cannot be reached."""
    with _translated():
        blobs = Blobs(await asyncio.to_thread(_store, settings))
    try:
        await blobs.ping()
        yield blobs
    finally:
        blobs.close()


def caller_folder(caller: Caller) -> str:
    """What stands for one user in names: of one length, and with no sign in it that a store could mind."""
    return sha256(f"{caller.tenant}\0{caller.user}".encode()).hexdigest()[:32]


def _store(settings: StorageSettings) -> ObjectStore:
    place = settings.blob_store_url or str(settings.data_dir / "blobs")
    if place.startswith("s3://"):
        return _s3(place, settings)
    path = Path(unquote(urlsplit(place).path)) if place.startswith("file:") else Path(place)
    return LocalStore(path.absolute(), mkdir=True)


def _s3(place: str, settings: StorageSettings) -> ObjectStore:
    parts = urlsplit(place)
    secret, token = settings.s3_secret, settings.s3_session_token
    given = {
        "endpoint": settings.s3_endpoint,
        "region": settings.s3_region,
        "access_key_id": settings.s3_key_id,
        "secret_access_key": secret and secret.get_secret_value(),
        "session_token": token and token.get_secret_value(),
    }
    config: S3Config = {name: value for name, value in given.items() if value}  # type: ignore[assignment]
    plain = (settings.s3_endpoint or "").startswith("http://")
    client: ClientConfig = {"allow_http": plain, "connect_timeout": _CONNECT_SECONDS, "timeout": _ANSWER_SECONDS}
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        config=config,
        client_options=client,
        retry_config={"max_retries": _RETRIES, "retry_timeout": _ANSWER_SECONDS},
    )


def _get(store: ObjectStore, name: str) -> bytes:
    try:
        data = bytes(store.get(name).bytes())
    except FileNotFoundError as error:
        raise BlobLost(f"The blob {name!r} is not there") from error
    if sha256(data).hexdigest() != _digest(name):
        raise BlobLost(f"The blob {name!r} is not what was put there")
    return data


def _delete(store: ObjectStore, names: Sequence[str]) -> None:
    try:
        store.delete(names)
    except FileNotFoundError:
        # A folder stops at the first that is not there.
        for name in names:
            with suppress(FileNotFoundError):
                store.delete(name)


def _next(listed: "Iterator[Sequence[ObjectMeta]]") -> "Sequence[ObjectMeta]":
    return next(listed, ())


def _digest(name: str) -> str:
    return name.rpartition("/")[2].partition(".")[0]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        # What follows the first line is how the library sees itself.
        why = str(error).partition("\n")[0][:300]
        raise StorageFailed(f"The store of blobs failed: {why}") from error
