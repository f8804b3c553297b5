"""One receiver does not wait for the others."""

import asyncio
from collections.abc import Sequence
from typing import cast

from agents.registry import AgentRegistry
from backend.runs.service import RunService
from backend.runs.webhooks import WebhookDelivery, WebhookSender
from observability.metrics import Metrics
from storage.caller import Caller
from storage.runs import Runs
from storage.webhooks import Delivery, DeliveryStatus, Webhooks
from tests.waiting import wait_for


class _Due(Webhooks):
    """Deliveries that are due, in order; it remembers those that are settled."""

    def __init__(self, due: Sequence[str]) -> None:
        self._due = [Delivery(url, Caller("acme", "ann"), "run", "r", url, "{}", 1) for url in due]
        self.settled: list[str] = []

    async def claim(self, limit: int) -> Sequence[Delivery]:
        claimed, self._due = self._due[:limit], self._due[limit:]
        return claimed

    async def settle(self, delivery: Delivery, how: DeliveryStatus) -> None:
        self.settled.append(delivery.url)


class _HangingPost(WebhookSender):
    """Receivers that never answer, but for one."""

    def __init__(self) -> None:
        pass

    async def send(self, message_id: str, address: str, body: str) -> None:
        if address != "quick":
            await asyncio.Event().wait()

    async def aclose(self) -> None:
        pass


async def test_receivers_that_hang_delay_no_other() -> None:
    due = _Due([*(f"hanging-{at}" for at in range(120)), "quick"])
    nothing = cast("Runs", None), cast("RunService", None)
    deliveries = WebhookDelivery(
        due,
        runs=nothing[0],
        run_service=nothing[1],
        agents=cast("AgentRegistry", None),
        post=_HangingPost(),
        metrics=Metrics(),
    )
    deliveries.start()
    await wait_for(lambda: due.settled)
    assert due.settled == ["quick"]
    await deliveries.aclose()
