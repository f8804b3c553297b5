"""One receiver does not wait for the others."""

import asyncio
from collections.abc import Sequence
from typing import cast

from agents.registry import Registry
from backend.runs.live import LiveRuns
from backend.runs.webhooks import Deliveries, Post
from observability.metrics import Metrics
from storage.caller import Caller
from storage.runs import Runs
from storage.webhooks import Delivery, Settled, Webhooks
from tests.waiting import wait_for


class _Due(Webhooks):
    """Deliveries that are due, in order; it remembers those that are settled."""

    def __init__(self, due: Sequence[str]) -> None:
        self._due = [Delivery(url, Caller("acme", "ann"), "run", "r", url, "{}", 1) for url in due]
        self.settled: list[str] = []

    async def claim(self, most: int) -> Sequence[Delivery]:
        claimed, self._due = self._due[:most], self._due[most:]
        return claimed

    async def settle(self, delivery: Delivery, how: Settled) -> None:
        self.settled.append(delivery.url)


class _HangingPost(Post):
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
    nothing = cast("Runs", None), cast("LiveRuns", None)
    deliveries = Deliveries(
        due, runs=nothing[0], live=nothing[1], agents=cast("Registry", None), post=_HangingPost(), metrics=Metrics()
    )
    deliveries.start()
    await wait_for(lambda: due.settled)
    assert due.settled == ["quick"]
    await deliveries.aclose()
