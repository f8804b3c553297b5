import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import insert

from storage.database import Database
from storage.tables import usage
from storage.usage_ledger import UsageLedger, UsageTotals

TODAY = datetime.now(UTC).date()
ONE = UsageTotals(calls=1, input_tokens=100, output_tokens=20, unpriced_tokens=0, cost=Decimal("0.000123456"))
UNPRICED = UsageTotals(calls=1, input_tokens=7, output_tokens=3, unpriced_tokens=10)


async def test_what_was_spent_is_added_up_by_person_and_tenant(database: Database) -> None:
    ledger = UsageLedger(database)
    for _ in range(3):
        ledger.add("acme", "ann", ONE)
    ledger.add("acme", "bob", UNPRICED)
    ledger.add("other", "ann", ONE)
    before = await ledger.totals("acme", "ann", TODAY)
    await ledger.write()
    after = await ledger.totals("acme", "ann", TODAY)
    # What is not written yet counts as well.
    assert before == after
    assert after.user_day == after.user_month == ONE + ONE + ONE
    assert after.tenant_day == after.tenant_month == ONE + ONE + ONE + UNPRICED
    assert after.user_day.cost == Decimal("0.000370368")
    assert (await ledger.totals("nobody", "ann", TODAY)).tenant_month == UsageTotals()


async def test_a_day_and_a_month_have_ends(database: Database) -> None:
    ledger = UsageLedger(database)
    day = TODAY.replace(day=2)
    rows = [
        (day, 1),
        (day - timedelta(days=1), 10),
        (day.replace(day=1) - timedelta(days=1), 100),
        (day + timedelta(days=1), 1000),
    ]
    async with database.write() as connection:
        for on, tokens in rows:
            counted = {"calls": 1, "input_tokens": tokens, "output_tokens": 0, "unpriced_tokens": 0, "cost": 0}
            await connection.execute(insert(usage).values(tenant_id="acme", user_id="ann", day=on, **counted))
    spent = await ledger.totals("acme", "ann", day)
    assert (spent.user_day.tokens, spent.user_month.tokens) == (1, 11)


async def test_two_replicas_write_into_the_same_books(database: Database) -> None:
    here, there = UsageLedger(database), UsageLedger(database)
    for ledger in (here, there):
        ledger.start()
    for _ in range(20):
        here.add("acme", "ann", ONE)
        there.add("acme", "ann", ONE)
        await asyncio.sleep(0)
    await asyncio.gather(here.aclose(), there.aclose())
    assert (await UsageLedger(database).totals("acme", "ann", TODAY)).user_day.calls == 40
