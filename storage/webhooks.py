"""Who is to be told how a run ended, and how far that has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from storage.caller import Caller
from storage.clock import DatabaseTime
from storage.database import Database
from storage.tables import runs, webhooks

# How long one attempt belongs to the process that has begun it; far longer than an attempt takes.
_CLAIM_SECONDS = 60.0
_WAITING = ("queued", "running")

DeliveryStatus = Literal["delivered", "given_up"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt, which is this process's. `run` is the run's internal id, `run_key` its client's.

    `body` is there once it has been put together.
    """

    id: str
    caller: Caller
    run: str
    run_key: str
    url: str
    body: str | None
    attempt: int


class Webhooks:
    """The rows of webhooks. `lease` is how long a run's result is left to the process that drove it, in seconds."""

    def __init__(self, database: Database, *, owner: str, lease: float) -> None:
        self._database = database
        self._owner = owner
        self._lease = lease

    async def create(self, caller: Caller, run: str, url: str) -> None:
        """Has the end of a run, by its internal id, told to an address. Said again it is the same."""
        now = DatabaseTime()
        row = {
            "id": uuid4().hex,
            "tenant_id": caller.tenant,
            "user_id": caller.user,
            "run_id": run,
            "url": url,
            "status": "waiting",
            "attempt": 0,
            "next_at": now,
            "created_at": now,
        }
        converter: Any = sqlite if self._database.engine.dialect.name == "sqlite" else postgresql
        try:
            async with self._database.write() as connection:
                await connection.execute(
                    converter.insert(webhooks).values(**row).on_conflict_do_nothing(index_elements=["run_id"])
                )
        except IntegrityError:
            # The run was deleted meanwhile, with its thread: there is nothing to tell.
            return

    async def claim(self, limit: int) -> Sequence[Delivery]:
        """Makes deliveries that are due this process's, each for one attempt."""
        now = DatabaseTime()
        # The log of a run is nearest to who drove it.
        left_behind = runs.c.ended_at < DatabaseTime(-self._lease)
        ripe = or_(webhooks.c.body.is_not(None), runs.c.owner == self._owner, left_behind)
        due = (
            select(webhooks, runs.c.client_run_id.label("run_key"))
            .join(runs, runs.c.id == webhooks.c.run_id)
            .where(webhooks.c.status == "waiting", webhooks.c.next_at <= now, runs.c.status.not_in(_WAITING), ripe)
            .order_by(webhooks.c.next_at)
            .limit(limit)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(due)).all()
        claimed = list[Delivery]()
        for row in rows:
            caller = Caller(tenant=row.tenant_id, user=row.user_id)
            delivery = Delivery(row.id, caller, row.run_id, row.run_key, row.url, row.body, row.attempt + 1)
            seen = and_(webhooks.c.id == row.id, webhooks.c.attempt == row.attempt, webhooks.c.status == "waiting")
            values = {"owner": self._owner, "attempt": delivery.attempt, "next_at": DatabaseTime(_CLAIM_SECONDS)}
            if await self._update(seen, values):
                claimed.append(delivery)
        return claimed

    async def store_body(self, delivery: Delivery, body: str) -> bool:
        """What is to be told, from now on the same at each attempt. False: it is another process's by now."""
        return await self._update(self._ours(delivery), {"body": body})

    async def retry_in(self, delivery: Delivery, seconds: float) -> None:
        await self._update(self._ours(delivery), {"next_at": DatabaseTime(seconds)})

    async def settle(self, delivery: Delivery, how: DeliveryStatus) -> None:
        await self._update(self._ours(delivery), {"status": how, "body": None, "ended_at": DatabaseTime()})

    def _ours(self, delivery: Delivery) -> ColumnElement[bool]:
        return and_(
            webhooks.c.id == delivery.id,
            webhooks.c.owner == self._owner,
            webhooks.c.attempt == delivery.attempt,
            webhooks.c.status == "waiting",
        )

    async def _update(self, which: ColumnElement[bool], values: dict[str, Any]) -> bool:
        async with self._database.write() as connection:
            return (await connection.execute(update(webhooks).where(which).values(**values))).rowcount == 1
