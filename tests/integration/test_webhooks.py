"""Services that are told how their runs ended."""

import base64
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Row, select, update

from backend.runs.webhooks import DeliveryAbandoned, DeliveryFailed, WebhookSender
from backend.security.addresses import Address, OutboundGuard
from backend.security.callers import LOCAL
from storage.database import Database, open_database
from storage.runs import Runs
from storage.settings import StorageSettings
from storage.tables import webhooks
from storage.webhooks import Webhooks
from tests.integration.conftest import SCRIPTED
from tests.server import Server, run_input, serving
from tests.waiting import wait_for

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
SIGNING = {**SCRIPTED, "AGENKIT_WEBHOOK_SECRET": SECRET, "AGENKIT_RUN_LEASE_SECONDS": "1"}
RUNS = "/api/v1/runs"


class Receiver:
    """Somebody out there who takes what is posted. It answers what `answers` has, then 200 for good."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: list[int] = []
        self.heard: list[tuple[dict[str, str], bytes]] = []

    def take(self, headers: dict[str, str], body: bytes) -> int:
        self.heard.append((headers, body))
        return self.answers.pop(0) if self.answers else 200

    async def has_heard(self, count: int) -> None:
        await wait_for(lambda: len(self.heard) >= count)

    def verified(self, at: int = -1) -> Any:
        headers, body = self.heard[at]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        signature = base64.b64encode(hmac.digest(KEY, signed, sha256)).decode()
        assert headers["webhook-signature"] == f"v1,{signature}"
        return json.loads(body)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = told.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{told.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def _asked(url: str, **more: Any) -> dict[str, Any]:
    return {"agentId": "chat", **run_input("Hi", **more), "webhook": {"url": url}}


async def _post(server: Server, body: dict[str, Any], **headers: str) -> httpx.Response:
    async with server.client() as client:
        return await client.post(RUNS, json=body, headers=headers)


async def test_what_the_receiver_missed_is_told_again_also_after_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answers = [500]
    asked = _asked(receiver.url, thread="t", run="r1")
    database = open_database(StorageSettings(data_dir=tmp_path))
    with serving(tmp_path, **SIGNING, AGENKIT_WEBHOOK_ALLOW_PRIVATE_NETWORKS="true") as server:
        result = (await _post(server, asked, Prefer="wait=20")).json()
        await _reached(database, lambda row: row.attempt == 1)
    with serving(tmp_path, **SIGNING, AGENKIT_WEBHOOK_ALLOW_PRIVATE_NETWORKS="true"):
        await _reached(database, lambda row: row.status != "waiting")
    await database.aclose()
    assert len(receiver.heard) == 2
    first, second = receiver.verified(0), receiver.verified(1)
    assert first == second == {"type": "run.ended", "timestamp": first["timestamp"], "data": result}
    assert result["status"] == "success"
    ids = {headers["webhook-id"] for headers, _ in receiver.heard}
    assert len(ids) == 1
    assert ids.pop().startswith("msg_")
    assert receiver.heard[0][0]["content-type"] == "application/json"


async def test_a_run_that_ended_with_its_process_is_told_of_by_the_next(tmp_path: Path, receiver: Receiver) -> None:
    asked = {**_asked(receiver.url, thread="t", run="r1"), "webhook": None}
    with serving(tmp_path, **SCRIPTED) as server:
        result = (await _post(server, asked, Prefer="wait=20")).json()
    database = open_database(StorageSettings(data_dir=tmp_path))
    row = await Runs(database, owner="test", lease=1).find(LOCAL, "r1")
    assert row is not None
    await Webhooks(database, owner="test", lease=1).create(LOCAL, row.id, receiver.url)
    await database.aclose()
    with serving(tmp_path, **SIGNING, AGENKIT_WEBHOOK_ALLOW_PRIVATE_NETWORKS="true"):
        await receiver.has_heard(1)
    # The log has gone with the process, and the thread tells the same.
    assert receiver.verified()["data"] == result


async def test_a_repeated_request_is_told_of_once(tmp_path: Path, receiver: Receiver) -> None:
    with serving(tmp_path, **SIGNING, AGENKIT_WEBHOOK_ALLOW_PRIVATE_NETWORKS="true") as server:
        asked = _asked(receiver.url, thread="t", run="r1")
        headers = {"Prefer": "wait=20", "Idempotency-Key": "k"}
        first = await _post(server, asked, **headers)
        again = await _post(server, {**asked, "runId": "r2"}, **headers)
        elsewhere = await _post(server, {**asked, "webhook": {"url": receiver.url + "/other"}}, **headers)
        database = open_database(StorageSettings(data_dir=tmp_path))
        await _reached(database, lambda row: row.status != "waiting")
        await database.aclose()
    assert again.json() == first.json()
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "idempotency_mismatch")
    assert len(receiver.heard) == 1


@pytest.mark.parametrize(("attempts", "answer"), [(0, 410), (6, 500)])
async def test_what_nobody_wants_is_given_up_and_so_is_what_failed_too_often(
    tmp_path: Path, receiver: Receiver, attempts: int, answer: int
) -> None:
    receiver.answers = [answer]
    database = open_database(StorageSettings(data_dir=tmp_path))
    with serving(tmp_path, **SCRIPTED) as server:
        asked = {**_asked(receiver.url, thread="t", run="r1"), "webhook": None}
        await _post(server, asked, Prefer="wait=20")
    row = await Runs(database, owner="test", lease=1).find(LOCAL, "r1")
    assert row is not None
    await Webhooks(database, owner="test", lease=1).create(LOCAL, row.id, receiver.url)
    async with database.write() as connection:
        await connection.execute(update(webhooks).values(attempt=attempts))
    with serving(tmp_path, **SIGNING, AGENKIT_WEBHOOK_ALLOW_PRIVATE_NETWORKS="true"):
        await receiver.has_heard(1)
        left = await _reached(database, lambda row: row.status != "waiting")
    await database.aclose()
    assert (left.status, left.attempt, left.body) == ("given_up", attempts + 1, None)
    assert len(receiver.heard) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "http://[::1]/",
        "http://169.254.169.254/",
        "https://10.1.2.3/",
        "http://localhost:9/",
        "http://2130706433/",
        "nothing",
        "ftp://example.com/",
        "https://a:b@example.com/",
    ],
)
async def test_an_address_that_is_not_asked_is_refused_at_once(signing: Server, url: str) -> None:
    answer = await _post(signing, _asked(url))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "webhook.url")


async def test_without_a_secret_there_is_no_webhook(server: Server) -> None:
    answer = await _post(server, _asked("https://example.com/"))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "webhook")
    assert "AGENKIT_WEBHOOK_SECRET" in answer.text


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("data"), **SIGNING) as running:
        yield running


async def _named(host: str, port: int) -> Sequence[Address]:
    # The first has nobody who listens.
    return [ip_address("::1"), ip_address("127.0.0.1")]


async def test_the_connection_goes_to_the_address_that_was_looked_at_under_the_name_that_was_asked(
    receiver: Receiver,
) -> None:
    port = receiver.url.rpartition(":")[2]
    post = WebhookSender(KEY, OutboundGuard(private=True, resolve=_named))
    await post.send("msg_1", f"http://hooks.example:{port}/in?a=b", "{}")
    await post.aclose()
    assert receiver.heard[0][0]["host"] == f"hooks.example:{port}"
    assert receiver.verified() == {}


@pytest.mark.parametrize(
    ("status", "kind"), [(302, DeliveryFailed), (404, DeliveryFailed), (503, DeliveryFailed), (410, DeliveryAbandoned)]
)
async def test_what_is_no_yes_is_a_no_and_410_is_for_good(
    receiver: Receiver, status: int, kind: type[Exception]
) -> None:
    receiver.answers = [status]
    post = WebhookSender(KEY, OutboundGuard(private=True))
    with pytest.raises(kind, match=str(status)):
        await post.send("msg_1", receiver.url, "{}")
    await post.aclose()
    assert len(receiver.heard) == 1


async def test_nobody_who_listens_is_a_failure() -> None:
    post = WebhookSender(KEY, OutboundGuard(private=True))
    with pytest.raises(DeliveryFailed):
        await post.send("msg_1", "http://127.0.0.1:9/", "{}")
    await post.aclose()


async def _reached(database: Database, condition: Callable[[Row[Any]], bool]) -> Row[Any]:
    """The only row, once it is so far."""

    async def look() -> Row[Any] | None:
        async with database.read() as connection:
            row = (await connection.execute(select(webhooks))).one()
        return row if condition(row) else None

    return await wait_for(look)
