"""What a thread is called when nobody has named it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage

from agents.titles import Titles
from llm.context import CallContext
from llm.factory import ModelFactory, Outside
from llm.meter import Spent
from llm.settings import ModelSettings
from storage import migrations
from storage.caller import Caller
from storage.checkpoints import open_checkpoints
from storage.database import open_database
from storage.settings import StorageSettings
from storage.threads import Change, ThreadRecord, Threads, Wanted

ANN = Caller("acme", "ann")
TALK = [HumanMessage("Where is Lisbon?"), AIMessage("In Portugal.")]
WELL = {"text": "**Title:** Finding Lisbon.\n\nIt is about a city."}
SLOW = {"pieces": ["Finding ", "Lisbon"], "delay": 5}


class _House:
    """Titles, with a scripted model to make them and the threads to give them to."""

    def __init__(self, titles: Titles, threads: Threads, thread: ThreadRecord, spent: list[tuple[Spent, CallContext]]):
        self.titles = titles
        self.threads = threads
        self.thread = thread
        self.spent = spent

    async def titled(self) -> tuple[str | None, str | None]:
        await self.titles.title(ANN, self.thread.id, TALK)
        return await self.known()

    async def known(self) -> tuple[str | None, str | None]:
        thread = await self.threads.get(ANN, "t")
        return thread.title, thread.title_by


@asynccontextmanager
async def _house(
    folder: Path, *replies: dict[str, Any], enabled: bool = True, patience: float = 5.0, **settings: Any
) -> AsyncIterator[_House]:
    script = folder / "script.json"
    script.write_text(json.dumps({"models": {"namer": {"replies": list(replies)}}}))
    storage, spent = StorageSettings(data=folder), list[tuple[Spent, CallContext]]()
    await asyncio.to_thread(migrations.upgrade, storage.database)
    named: dict[str, Any] = {"script": script, "fast": ("scripted:namer",), "ollama_base_url": "http://127.0.0.1:1"}
    models = ModelFactory(
        ModelSettings.model_validate({**named, **settings}),
        Outside(bill=lambda each, context: spent.append((each, context))),
    )
    database = open_database(storage)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(models.aclose)
        stack.push_async_callback(database.aclose)
        await models.start()
        threads = Threads(database, await stack.enter_async_context(open_checkpoints(storage)), lease=15)
        thread = await threads.create(ANN, key="t")
        # As the service does before it is ready: the prompt is read from its file.
        titles = await asyncio.to_thread(Titles, models, threads, enabled=enabled, patience=patience)
        yield _House(titles, threads, thread, spent)


async def test_the_fast_profile_names_it_and_the_person_is_billed(tmp_path: Path) -> None:
    async with _house(tmp_path, WELL) as house:
        assert await house.titled() == ("Finding Lisbon", "model")
        ((spent, context),) = house.spent
        assert (str(spent.spec), context.tenant, context.user, context.run) == ("scripted:namer", "acme", "ann", None)


async def test_a_title_that_is_there_stays_and_costs_nothing(tmp_path: Path) -> None:
    async with _house(tmp_path, WELL) as house:
        await house.threads.change(ANN, "t", Change(retitled=True, title="Own"))
        assert await house.titled() == ("Own", "person")
        assert house.spent == []


async def test_a_person_who_names_it_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    async with _house(tmp_path, {"pieces": ["Finding ", "Lisbon"], "delay": 0.2}) as house:
        making = asyncio.create_task(house.titled())
        await asyncio.sleep(0.1)
        await house.threads.change(ANN, "t", Change(retitled=True, title="Own"))
        assert await making == ("Own", "person")


async def test_one_is_made_at_a_time(tmp_path: Path) -> None:
    async with _house(tmp_path, {"pieces": ["Finding ", "Lisbon"], "delay": 0.1}) as house:
        await asyncio.gather(*(house.titled() for _ in range(5)))
        assert await house.known() == ("Finding Lisbon", "model")
        assert len(house.spent) == 1


async def test_where_the_model_says_nothing_usable_the_first_words_have_to_do(tmp_path: Path) -> None:
    async with _house(tmp_path, {"text": "Sure! I am happy to help you with that."}) as house:
        assert await house.titled() == ("Where is Lisbon?", "model")


async def test_a_model_that_breaks_off_fails_nothing(tmp_path: Path) -> None:
    async with _house(tmp_path, {"pieces": ["Half of "], "fail": "unavailable"}, retry_attempts=1) as house:
        assert await house.titled() == ("Where is Lisbon?", "model")


async def test_no_model_fails_nothing(tmp_path: Path) -> None:
    async with _house(tmp_path, WELL, fast=("scripted:nobody",)) as house:
        assert await house.titled() == ("Where is Lisbon?", "model")


async def test_it_waits_so_long_and_no_longer(tmp_path: Path) -> None:
    async with _house(tmp_path, SLOW, patience=0.2) as house:
        began = time.monotonic()
        assert await house.titled() == ("Where is Lisbon?", "model")
        assert time.monotonic() - began < 2


async def test_a_model_that_does_not_stop_is_not_listened_to(tmp_path: Path) -> None:
    async with _house(tmp_path, {"pieces": ["word "] * 2000, "delay": 0.005}) as house:
        began = time.monotonic()
        assert await house.titled() == ("Where is Lisbon?", "model")
        assert time.monotonic() - began < 3


async def test_switched_off_a_thread_has_no_title(tmp_path: Path) -> None:
    async with _house(tmp_path, WELL, enabled=False) as house:
        assert await house.titled() == (None, None)
        assert house.spent == []


async def test_a_thread_that_is_deleted_meanwhile_is_gone(tmp_path: Path) -> None:
    async with _house(tmp_path, {"pieces": ["Finding ", "Lisbon"], "delay": 0.2}) as house:
        making = asyncio.create_task(house.titles.title(ANN, house.thread.id, TALK))
        await asyncio.sleep(0.1)
        await house.threads.delete(ANN, "t")
        await making
        assert await house.threads.listed(ANN, Wanted(limit=5)) == []


async def test_another_callers_thread_is_not_named(tmp_path: Path) -> None:
    async with _house(tmp_path, WELL) as house:
        await house.titles.title(Caller("acme", "bob"), house.thread.id, TALK)
        assert (await house.known(), house.spent) == ((None, None), [])
