"""Tells services how their runs ended: signed, again and again for a while, and to nobody in a private network."""

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx

from agents.registry import AgentRegistry, UnknownAgent
from backend.errors import EventLogUnavailable
from backend.runs.ended_runs import ended_run_events
from backend.runs.rebuild import rebuild_state
from backend.runs.result import RunResult, result_of
from backend.runs.service import RunService
from backend.security.addresses import Address, AddressRefused, AddressUnresolved, OutboundGuard, parse_url
from backend.security.signatures import sign
from observability.logs import get_logger
from observability.metrics import Metrics
from storage.caller import Caller
from storage.database import StorageFailed
from storage.runs import RunRow, Runs
from storage.webhooks import Delivery, DeliveryStatus, Webhooks

_log = get_logger(__name__)

_POLL_SECONDS = 0.5
# Attempts that wait for their receivers cost little: those that hang must not keep the others waiting.
_BATCH_SIZE = 256
_ATTEMPT_SECONDS = 10.0
# The row of a run says that it has ended a moment before its log does.
_LOG_SECONDS = 5.0
# Seconds after one attempt and before the next; who has not answered after the last of them is given up.
RETRY_DELAYS = (5.0, 30.0, 120.0, 600.0, 3600.0, 21600.0)


class DeliveryFailed(Exception):
    """An attempt that may go well another time."""


class DeliveryAbandoned(Exception):
    """The receiver wants nothing more, or may not be asked."""


class WebhookSender:
    """Sends one message. The connection goes to the address that was looked at, whatever its name leads to by then."""

    def __init__(self, key: bytes, guard: OutboundGuard) -> None:
        self._key = key
        self._gate = guard
        # No connection is kept: one that was made for a name must not serve another at the same address. No proxy of
        # the environment: it would look the name up by itself.
        self._client = httpx.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            timeout=_ATTEMPT_SECONDS,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def send(self, message_id: str, address: str, body: str) -> None:
        """Raises `Failed` or `Gone`."""
        try:
            async with asyncio.timeout(_ATTEMPT_SECONDS):
                status = await self._send_once(message_id, address, body)
        except (AddressUnresolved, httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise DeliveryFailed(str(error) or type(error).__name__) from None
        except AddressRefused as error:
            raise DeliveryAbandoned(str(error)) from None
        if status == 410:
            raise DeliveryAbandoned("it answered 410")
        if not 200 <= status < 300:
            raise DeliveryFailed(f"it answered {status}")

    async def _send_once(self, message_id: str, address: str, body: str) -> int:
        url = parse_url(address)
        request = self._client.build_request(
            "POST",
            url,
            content=body.encode(),
            headers={"content-type": "application/json", **sign(self._key, message_id, int(time.time()), body)},
            extensions={
                "timeout": httpx.Timeout(_ATTEMPT_SECONDS).as_dict(),
                "sni_hostname": url.raw_host.decode("ascii"),
            },
        )
        *others, last = await self._gate.resolve(url)
        for place in others:
            try:
                return await self._post(request, place)
            except httpx.ConnectError:
                # A name may have an address of a kind that this machine has no way to.
                continue
        return await self._post(request, last)

    async def _post(self, request: httpx.Request, place: Address) -> int:
        # `Host` and the name in the certificate stay what they were: they were set from the URL.
        request.url = request.url.copy_with(host=str(place))
        answer = await self._client.send(request, stream=True)
        # Nothing that it says matters, and there may be much of it.
        await answer.aclose()
        return answer.status_code

    async def aclose(self) -> None:
        await self._client.aclose()


class WebhookDelivery:
    """Looks for runs that have ended and whose end somebody waits for. Every process has one of these."""

    def __init__(
        self,
        webhooks: Webhooks,
        *,
        runs: Runs,
        run_service: RunService,
        agents: AgentRegistry,
        post: WebhookSender,
        metrics: Metrics,
        retry_delays: Sequence[float] = RETRY_DELAYS,
    ) -> None:
        self._webhooks = webhooks
        self._runs = runs
        self._live = run_service
        self._agents = agents
        self._post = post
        self._metrics = metrics
        self._waits = retry_delays
        self._going: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._looking = asyncio.create_task(self._deliver_due(), name="webhooks")

    async def _deliver_due(self) -> None:
        while True:
            try:
                if (room := _BATCH_SIZE - len(self._going)) > 0:
                    for delivery in await self._webhooks.claim(room):
                        task = asyncio.create_task(self.deliver(delivery), name=f"webhook {delivery.id}")
                        self._going.add(task)
                        task.add_done_callback(self._done)
            except StorageFailed as error:
                _log.warning("webhook_poll_failed", error=str(error))
            await asyncio.sleep(_POLL_SECONDS)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._going.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its claim runs out, and it is tried again.
            _log.error("webhook_crashed", webhook=task.get_name(), exc_info=error)

    async def deliver(self, delivery: Delivery) -> None:
        """One attempt, and what becomes of it. Raises `StorageFailed`; the row is due again then."""
        try:
            if (body := delivery.body) is None:
                body = await self._body(delivery)
                if not await self._webhooks.store_body(delivery, body):
                    return
            await self._post.send(f"msg_{delivery.id}", delivery.url, body)
        except (DeliveryFailed, EventLogUnavailable) as error:
            if delivery.attempt > len(self._waits):
                await self._settle(delivery, "given_up", str(error))
                return
            wait = self._waits[delivery.attempt - 1]
            self._metrics.webhook_deliveries.labels("failed").inc()
            _log.warning("webhook_failed", run=delivery.run, attempt=delivery.attempt, wait=wait, reason=str(error))
            await self._webhooks.retry_in(delivery, wait)
        except DeliveryAbandoned as error:
            await self._settle(delivery, "given_up", str(error), counted="gone")
        else:
            await self._settle(delivery, "delivered")

    async def _settle(
        self, delivery: Delivery, how: DeliveryStatus, reason: str | None = None, *, counted: str | None = None
    ) -> None:
        await self._webhooks.settle(delivery, how)
        self._metrics.webhook_deliveries.labels(counted or how).inc()
        log = _log.info if how == "delivered" else _log.error
        log(f"webhook_{how}", run=delivery.run, attempt=delivery.attempt, reason=reason)

    async def _body(self, delivery: Delivery) -> str:
        """Raises `LogGone`, and `Gone` where the run was deleted meanwhile."""
        row = await self._runs.find(delivery.caller, delivery.run_key)
        if row is None:
            raise DeliveryAbandoned("the run was deleted")
        events = await self._live.wait_for_end(row.id, _LOG_SECONDS)
        result = result_of(row, events) if events else await self._ended_run_events(delivery.caller, row)
        data = result.model_dump(mode="json", by_alias=True, exclude_none=True)
        moment = row.ended_at or datetime.now(UTC)
        told = {"type": "run.ended", "timestamp": moment.isoformat(), "data": data}
        return json.dumps(told, ensure_ascii=False, separators=(",", ":"))

    async def _ended_run_events(self, caller: Caller, row: RunRow) -> RunResult:
        """Of a run whose log is kept no more: what its row and its thread tell."""
        try:
            snapshot = await self._agents.get(row.agent).snapshot(row.thread_id)
        except UnknownAgent:
            return result_of(row, ())
        events = list(ended_run_events(row, snapshot))
        newest = await self._runs.newest_run(caller, row.thread)
        if newest is None or newest.id != row.id:
            # The thread has gone on: which of its messages were this run's, nobody knows.
            return result_of(row, events)
        messages = rebuild_state(events).messages
        asked = max((at for at, message in enumerate(messages) if message["role"] == "user"), default=-1)
        return result_of(row, events).model_copy(update={"messages": messages[asked + 1 :]})

    async def aclose(self) -> None:
        tasks = [*self._going, *([self._looking] if self._looking else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._post.aclose()
