"""Two stores, one contract: a folder, and an S3 that answers in this process."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from moto.server import ThreadedMotoServer
from pydantic import ValidationError

from storage.blobs import BlobLost, Blobs, caller_folder, open_blobs
from storage.caller import Caller
from storage.database import StorageFailed
from storage.settings import StorageSettings
from tests.waiting import LIMIT_SECONDS

ANN = Caller("acme", "ann")
DATA = "Größe\0\r\n".encode() * 1000
DIGEST = sha256(DATA).hexdigest()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 with one bucket, `texts`."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with urlopen(Request(f"http://{host}:{port}/texts", method="PUT"), timeout=10):
        yield f"http://{host}:{port}"
    server.stop()


def _on_s3(address: str, data: Path, bucket: str = "texts") -> StorageSettings:
    given = {"s3_endpoint": address, "s3_region": "us-east-1", "s3_key_id": "ann", "s3_secret": "hush-hush"}
    return StorageSettings.model_validate({"data_dir": data, "blob_store_url": f"s3://{bucket}/{data.name}", **given})


@pytest.fixture(params=["folder", "s3"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> StorageSettings:
    if request.param == "folder":
        return StorageSettings(data_dir=tmp_path)
    return _on_s3(request.getfixturevalue("s3"), tmp_path)


@pytest.fixture
async def blobs(settings: StorageSettings) -> AsyncIterator[Blobs]:
    async with open_blobs(settings) as opened:
        yield opened


async def _names(blobs: Blobs) -> list[str]:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    return sorted([name async for names in blobs.list_older(tomorrow) for name in names])


async def test_what_was_put_is_what_is_got(blobs: Blobs) -> None:
    name = await blobs.put(ANN, DIGEST, DATA)
    assert await blobs.get(name) == DATA
    assert name.startswith(f"{caller_folder(ANN)}/{DIGEST[:2]}/{DIGEST}.")
    empty = await blobs.put(ANN, sha256(b"").hexdigest(), b"")
    assert await blobs.get(empty) == b""


async def test_the_same_put_again_is_another_and_goes_alone(blobs: Blobs) -> None:
    one, other = [await blobs.put(ANN, DIGEST, DATA) for _ in range(2)]
    await blobs.delete([one])
    assert (await _names(blobs), await blobs.get(other)) == ([other], DATA)


async def test_a_blob_that_is_not_there_is_lost(blobs: Blobs) -> None:
    name = await blobs.put(ANN, DIGEST, DATA)
    await blobs.delete([name, name, f"{name}0"])
    await blobs.delete([name])
    await blobs.delete([])
    with pytest.raises(BlobLost, match="is not there"):
        await blobs.get(name)


async def test_a_blob_that_is_not_what_was_put_is_lost(blobs: Blobs) -> None:
    name = await blobs.put(ANN, DIGEST, DATA + b"!")
    with pytest.raises(BlobLost, match="not what was put"):
        await blobs.get(name)


async def test_many_are_deleted_where_some_are_missing(blobs: Blobs) -> None:
    names = [await blobs.put(ANN, DIGEST, b"x") for _ in range(7)]
    await blobs.delete([names[2]])
    await blobs.delete(names[:6])
    assert await _names(blobs) == [names[6]]


async def test_what_is_somebody_elses_is_never_told_and_so_never_swept(blobs: Blobs) -> None:
    mine = await blobs.put(ANN, DIGEST, b"mine")
    for name in ("family.jpg", f"{caller_folder(ANN)}/notes.txt", f"backup/{mine}"):
        blobs._store.put(name, b"theirs")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert [name async for part in blobs.list_older(tomorrow) for name in part] == [mine]


async def test_what_is_older_than_a_moment_is_told(blobs: Blobs) -> None:
    names = sorted([await blobs.put(ANN, DIGEST, b"x") for _ in range(5)])
    assert await _names(blobs) == names
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    assert [name async for part in blobs.list_older(hour_ago) for name in part] == []


async def test_a_long_list_is_told_in_parts(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.blobs._PAGE_SIZE", 2)
    names = sorted([await blobs.put(ANN, DIGEST, b"x") for _ in range(7)])
    assert await _names(blobs) == names


async def test_many_at_once_each_get_their_own(blobs: Blobs) -> None:
    said = [str(n).encode() * 1000 for n in range(30)]
    names = await asyncio.gather(*(blobs.put(ANN, sha256(each).hexdigest(), each) for each in said))
    assert await asyncio.gather(*(blobs.get(name) for name in names)) == said


async def test_a_reader_that_leaves_harms_nobody(blobs: Blobs) -> None:
    name = await blobs.put(ANN, DIGEST, DATA)
    tasks = [asyncio.create_task(blobs.get(name)) for _ in range(20)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await blobs.get(name) == DATA


def test_users_have_folders_of_their_own() -> None:
    callers = [Caller("a", "bc"), Caller("ab", "c"), Caller("a/..", "b"), Caller("", "")]
    assert len({caller_folder(each) for each in callers}) == len(callers)
    assert all(len(caller_folder(each)) == 32 for each in callers)


async def test_a_bucket_that_is_not_there_stops_the_start(s3: str, tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="nowhere") as failed:
        async with open_blobs(_on_s3(s3, tmp_path, bucket="nowhere")):
            raise AssertionError("nobody is there")
    assert "hush-hush" not in str(failed.value)


async def test_an_s3_that_is_not_there_is_said_soon(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        async with asyncio.timeout(LIMIT_SECONDS), open_blobs(_on_s3("http://127.0.0.1:1", tmp_path)):
            raise AssertionError("nobody is there")


async def test_a_folder_that_cannot_be_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file")
    with pytest.raises(StorageFailed):
        async with open_blobs(StorageSettings(data_dir=tmp_path)):
            raise AssertionError("nobody is there")


@pytest.mark.parametrize("place", ["{}/else where", "file://{}/else%20where"])
async def test_a_folder_is_named_as_a_path_or_an_address(tmp_path: Path, place: str) -> None:
    async with open_blobs(StorageSettings(data_dir=tmp_path, blob_store_url=place.format(tmp_path))) as blobs:
        name = await blobs.put(ANN, DIGEST, DATA)
    assert (tmp_path / "else where" / name).read_bytes() == DATA


@pytest.mark.parametrize("place", ["gs://bucket", "s3://", "s3:///prefix", "http://x"])
def test_a_place_that_cannot_be_is_refused(place: str) -> None:
    with pytest.raises(ValidationError, match="expected"):
        StorageSettings(blob_store_url=place)


def test_an_endpoint_is_an_address() -> None:
    with pytest.raises(ValidationError, match="expected https"):
        StorageSettings(s3_endpoint="localhost:9000")
