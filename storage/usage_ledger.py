"""What was spent, by whom and on which day: written behind the calls, read before them."""

import asyncio
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.dialects import postgresql, sqlite

from observability.logs import get_logger
from storage.database import Database, StorageFailed
from storage.tables import usage

_log = get_logger(__name__)

_NANO = Decimal(10) ** 9
_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """`cost` is in dollars, of the calls whose price was known; the tokens of the others are `unpriced_tokens`."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    unpriced_tokens: int = 0
    cost: Decimal = Decimal(0)

    def __add__(self, other: "UsageTotals") -> "UsageTotals":
        return UsageTotals(*(one + more for one, more in zip(astuple(self), astuple(other), strict=True)))

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class UsageByPeriod:
    """Of one person and of their tenant, in a day and in its month."""

    user_day: UsageTotals
    user_month: UsageTotals
    tenant_day: UsageTotals
    tenant_month: UsageTotals


_Key = tuple[str, str, date]


class UsageLedger:
    """The books. What is added is on its way to the database at once, and counted by this process from that moment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unwritten: dict[_Key, UsageTotals] = {}
        self._writing: dict[_Key, UsageTotals] = {}
        self._some = asyncio.Event()
        self._pen = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._writer = asyncio.create_task(self._write_forever(), name="usage")

    def add(self, tenant: str, user: str, usage: UsageTotals) -> None:
        key = (tenant, user, datetime.now(UTC).date())
        self._unwritten[key] = self._unwritten.get(key, UsageTotals()) + usage
        self._some.set()

    async def totals(self, tenant: str, user: str, day: date) -> UsageByPeriod:
        """Raises `StorageFailed`."""
        month = day.replace(day=1)
        mine, today = usage.c.user_id == user, usage.c.day == day
        counted = (usage.c.calls, usage.c.input_tokens, usage.c.output_tokens, usage.c.unpriced_tokens, usage.c.cost)
        scopes = (mine & today, mine, today, None)
        sums = [
            func.coalesce(func.sum(column if scope is None else case((scope, column), else_=0)), 0)
            for scope in scopes
            for column in counted
        ]
        within = select(*sums).where(usage.c.tenant_id == tenant, usage.c.day >= month, usage.c.day <= day)
        # Before the question, so that what is written meanwhile is counted twice rather than not at all.
        own = [*self._writing.items(), *self._unwritten.items()]
        async with self._database.read() as connection:
            row = (await connection.execute(within)).one()
        told = [_spending(row[at : at + 5]) for at in range(0, 20, 5)]
        for (of_tenant, of_user, on), spending in own:
            if of_tenant == tenant and month <= on <= day:
                counts = (of_user == user and on == day, of_user == user, on == day, True)
                told = [one + spending if counts_it else one for one, counts_it in zip(told, counts, strict=True)]
        return UsageByPeriod(*told)

    async def _write_forever(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            try:
                await self.write()
            except StorageFailed as error:
                _log.warning("usage_not_written", error=str(error), wait=_RETRY_SECONDS)
                await asyncio.sleep(_RETRY_SECONDS)
                self._some.set()

    async def write(self) -> None:
        """Writes what was added so far. What cannot be written is kept for the next time. Raises `StorageFailed`."""
        async with self._pen:
            while self._unwritten:
                self._writing, self._unwritten = self._unwritten, {}
                try:
                    await self._store(self._writing)
                except StorageFailed:
                    for key, spending in self._writing.items():
                        self._unwritten[key] = self._unwritten.get(key, UsageTotals()) + spending
                    raise
                finally:
                    self._writing = {}

    async def _store(self, spendings: Mapping[_Key, UsageTotals]) -> None:
        converter: Any = sqlite if self._database.engine.dialect.name == "sqlite" else postgresql
        async with self._database.write() as connection:
            # In one order everywhere, so that two replicas never wait for each other.
            for (tenant, user, day), spending in sorted(spendings.items()):
                row = {
                    "calls": spending.calls,
                    "input_tokens": spending.input_tokens,
                    "output_tokens": spending.output_tokens,
                    "unpriced_tokens": spending.unpriced_tokens,
                    "cost": int((spending.cost * _NANO).to_integral_value()),
                }
                added = converter.insert(usage).values(tenant_id=tenant, user_id=user, day=day, **row)
                await connection.execute(
                    added.on_conflict_do_update(
                        index_elements=["tenant_id", "user_id", "day"],
                        set_={name: usage.c[name] + added.excluded[name] for name in row},
                    )
                )

    async def aclose(self) -> None:
        if self._writer:
            # Not in the middle of writing: nobody could tell what was.
            async with self._pen:
                self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        try:
            await self.write()
        except StorageFailed as error:
            _log.error("usage_lost", error=str(error), entries=len(self._unwritten))


def _spending(row: Any) -> UsageTotals:
    calls, read, written, unpriced, cost = (int(value) for value in row)
    return UsageTotals(calls, read, written, unpriced, Decimal(cost) / _NANO)
