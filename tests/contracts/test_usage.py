import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import insert

from storage.database import Database
from storage.tables import usage
from storage.usage import Spending, Usage

TODAY = datetime.now(UTC).date()
ONE = Spending(calls=1, input_tokens=100, output_tokens=20, unpriced_tokens=0, cost=Decimal("0.000123456"))
UNPRICED = Spending(calls=1, input_tokens=7, output_tokens=3, unpriced_tokens=10)


async def test_what_was_spent_is_added_up_by_person_and_tenant(database: Database) -> None:
    books = Usage(database)
    for _ in range(3):
        books.add("acme", "ann", ONE)
    books.add("acme", "bob", UNPRICED)
    books.add("other", "ann", ONE)
    before = await books.spent("acme", "ann", TODAY)
    await books.write()
    after = await books.spent("acme", "ann", TODAY)
    # What is not written yet counts as well.
    assert before == after
    assert after.user_day == after.user_month == ONE + ONE + ONE
    assert after.tenant_day == after.tenant_month == ONE + ONE + ONE + UNPRICED
    assert after.user_day.cost == Decimal("0.000370368")
    assert (await books.spent("nobody", "ann", TODAY)).tenant_month == Spending()


async def test_a_day_and_a_month_have_ends(database: Database) -> None:
    books = Usage(database)
    day = TODAY.replace(day=2)
    rows = [
        (day, 1),
        (day - timedelta(days=1), 10),
        (day.replace(day=1) - timedelta(days=1), 100),
        (day + timedelta(days=1), 1000),
    ]
    async with database.writing() as connection:
        for on, tokens in rows:
            counted = {"calls": 1, "input_tokens": tokens, "output_tokens": 0, "unpriced_tokens": 0, "cost": 0}
            await connection.execute(insert(usage).values(tenant_id="acme", user_id="ann", day=on, **counted))
    spent = await books.spent("acme", "ann", day)
    assert (spent.user_day.tokens, spent.user_month.tokens) == (1, 11)


async def test_two_replicas_write_into_the_same_books(database: Database) -> None:
    here, there = Usage(database), Usage(database)
    for books in (here, there):
        books.start()
    for _ in range(20):
        here.add("acme", "ann", ONE)
        there.add("acme", "ann", ONE)
        await asyncio.sleep(0)
    await asyncio.gather(here.aclose(), there.aclose())
    assert (await Usage(database).spent("acme", "ann", TODAY)).user_day.calls == 40
